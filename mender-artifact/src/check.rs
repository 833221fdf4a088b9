//! Is this a sound Artifact, and signed by whom it should be?

use crate::error::{Defect, Entry, Error};
use crate::limits::Limits;
use crate::read::stream::{ReadOptions, ReadReport, read_artifact};
use crate::read::verify::{SignatureRule, SignatureStatus, Verify};
use std::io::Read;

/// Reads an Artifact to its end and checks everything: order, names, documents, every checksum
/// and the signature.
///
/// A key is needed exactly when the Artifact is signed: a key and no signature is as wrong as a
/// signature and no key. Whoever wants to look at signed Artifacts without a key uses
/// [`read_artifact`].
///
/// # Errors
/// Whatever is wrong; [`Defect::Unsigned`], [`Defect::NoKey`] and [`Defect::Signature`] for the
/// signature.
pub fn validate<R: Read>(input: R, key: Option<&dyn Verify>, limits: &Limits) -> Result<ReadReport, Error> {
    let signature = key.map_or(SignatureRule::NotChecked, SignatureRule::Require);
    let options = ReadOptions { limits: limits.clone(), signature, skip_script_contents: true };
    let report = read_artifact(input, &options, &mut ())?;
    if let SignatureStatus::NotChecked = report.signature {
        return Err(Error::new(Defect::NoKey, Entry::ManifestSig));
    }
    Ok(report)
}
