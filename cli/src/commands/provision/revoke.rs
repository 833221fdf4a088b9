//! `provision revoke`: serial numbers for the list of revoked certificates of a gateway, one a line.

use crate::args::provision::RevokeArgs;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::provision::blacklist::Blacklist;
use crate::provision::serial::Serial;
use crate::provision::{certificate_file, manifest};
use crate::report;

pub(crate) fn run(args: &RevokeArgs) -> Result<(), Failure> {
    let mut serials = Vec::new();
    if let Some(path) = &args.manifest {
        if args.device.is_empty() {
            return Err(Failure::usage("--manifest: expected devices to look for in it, found none"));
        }
        let records = manifest::read(path)?;
        for device in &args.device {
            // A device may have had several certificates; whoever takes it from its owner may have them all.
            let before = serials.len();
            serials
                .extend(records.iter().filter(|record| record.device == *device).map(|r| r.serial.clone()));
            if serials.len() == before {
                let message = format!("expected device '{device}', found it nowhere");
                return Err(Failure::about(path, ExitStatus::Usage, message));
            }
        }
    }
    for path in &args.cert {
        let certificates = certificate_file::read(path)?;
        serials.extend(certificates.first().map(|one| Serial::of(&one.tbs_certificate.serial_number)));
    }
    match &args.blacklist {
        Some(path) => Blacklist::add_to(path, serials),
        None => report::print(&Blacklist::new(serials).to_text()),
    }
}
