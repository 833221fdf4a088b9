//! `provision device`: the key and the certificate of one device, and its line of a manifest.

use crate::args::provision::DeviceArgs;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::provision::authority::Authority;
use crate::provision::device::{Device, Issuing};
use crate::provision::new_files;
use crate::report;

pub(crate) fn run(args: &DeviceArgs) -> Result<(), Failure> {
    new_files::all_new(&[&args.key_out, &args.cert_out])?;
    let device = Device::new(args.device.clone(), identity(&args.identity)?).map_err(Failure::usage)?;
    let authority = Authority::open(&args.issuer)?;
    let issued = Issuing::new(&authority, &args.certificate)?.issue(&device)?;
    new_files::write_pair(
        (&args.key_out, issued.private_key.as_bytes()),
        (&args.cert_out, issued.certificates.as_bytes()),
    )?;
    // Without its line the device would be missing in the manifest: then there is none.
    report::print(&issued.record.to_line()).inspect_err(|failure| {
        // A reader that has gone away does not want it.
        if failure.status != ExitStatus::Success {
            new_files::remove_all(&[&args.key_out, &args.cert_out]);
        }
    })
}

fn identity(words: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let split = |word: &String| match word.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(Failure::usage(format!("--identity: expected KEY=VALUE, found '{word}'"))),
    };
    words.iter().map(split).collect()
}
