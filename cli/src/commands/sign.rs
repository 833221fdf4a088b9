//! `sign ARTIFACT`: puts a signature into an Artifact; everything else stays byte for byte. The signature may be made
//! elsewhere, from the manifest or its SHA-256.

use super::rewriting::{Opened, write};
use crate::args::sign::SignArgs;
use crate::exit_code::ExitStatus;
use crate::failure::{Failure, chain};
use crate::input::read_small;
use crate::key;
use crate::output::{Output, is_no_input};
use crate::report;
use crate::report::human::hex;
use mender_artifact::resign::{attach_signature, sign};
use mender_artifact::rewrite::Original;
use mender_artifact::sign::signature::from_file;
use std::io::Write;
use std::path::Path;

/// More than any signature takes as base64.
const SIGNATURE_MAX_BYTES: u64 = 16 * 1024;

pub(crate) fn run(args: &SignArgs) -> Result<(), Failure> {
    let key = key::private(&args.key)?;
    if args.print_digest || args.export_manifest.is_some() {
        if key.is_some() {
            return Err(Failure::usage(
                "nothing is signed with --print-digest or --export-manifest: expected no key",
            ));
        }
        if let Some(path) = &args.export_manifest {
            is_no_input(path, &[&args.artifact])?;
        }
        let mut opened = Opened::open(&args.artifact)?;
        return tell(&opened.read(&args.artifact)?, args.export_manifest.as_deref());
    }
    let about = |error| Failure::artifact(&args.artifact, &error);
    let mut opened = Opened::open(&args.artifact)?;
    let claim = opened.claim(&args.artifact, args.output_path.as_deref())?;
    let mut original = opened.read(&args.artifact)?;
    // What no device would take is not worth a signature. The payload is not looked at.
    original.describe().map_err(about)?;
    match (&args.attach_signature, key) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage(
                "either --key or --attach-signature: expected one of them, found both",
            ));
        }
        (Some(path), None) => {
            let signature = signature(path, &original, args.verify_key.as_deref())?;
            // It has been checked with the key, if there is one.
            attach_signature(&mut original, &signature, None, args.force).map_err(about)?;
        }
        (None, Some(key)) => {
            sign(&mut original, &key, args.force).map_err(about)?;
        }
        (None, None) => {
            return Err(Failure::usage(
                "nothing to sign with: expected --key FILE or --attach-signature FILE",
            ));
        }
    }
    write(&args.artifact, args.output_path.as_deref(), claim.as_ref(), |target| original.write(target))
}

/// Prints the digest, or writes the manifest to a file.
fn tell(original: &Original<'_>, manifest_to: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = manifest_to else {
        return report::print(&format!("{}\n", hex(&original.front().manifest_digest())));
    };
    let mut output = Output::create(path)?;
    let written = output.write_all(original.front().manifest());
    written.map_err(|error| Failure::io(path, ExitStatus::Output, &error))?;
    output.commit()
}

/// The signature in a file, as Artifacts store it.
fn signature(path: &Path, original: &Original<'_>, key: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let contents = read_small(path, SIGNATURE_MAX_BYTES, ExitStatus::OpenInput)?;
    let about = |error| Failure::about(path, ExitStatus::Invalid, chain(&error));
    let signature = from_file(&contents).map_err(about)?;
    match key.map(key::public_in).transpose()? {
        Some(key) => key.accept(original.front().manifest(), &signature).map_err(about),
        None => Ok(signature),
    }
}
