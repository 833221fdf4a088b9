//! Signs an Artifact that exists: `manifest.sig` stands behind `manifest`, everything else stays byte for byte. The
//! payload is neither unpacked nor checked. The signature may also come from elsewhere, made by someone who never saw
//! more than the manifest or its SHA-256.

use std::io::{Read, Write};

use crate::error::{Defect, Entry, Error};
use crate::read::verify::Verify;
use crate::rewrite::{Original, Source, Target};
use crate::sign::Signer;

/// What signing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignReport {
    /// Whether there was a signature before.
    pub replaced: bool,
}

/// Copies the Artifact in `input` to `output` and signs it on the way.
///
/// The order of members, `version`, the form of the manifest, and the checksums of `version` and
/// the header archive are checked; an augmented Artifact is signed like any other. `output` holds
/// something useless after an error and must be thrown away, which `OutputFile` does. `input` may be
/// a pipe; between files [`Original`] with [`sign`] is faster.
///
/// # Errors
/// When `input` is no Artifact, is signed already and `force` is false, or the signer fails.
pub fn sign_artifact(
    input: impl Read,
    mut output: impl Write,
    signer: &dyn Signer,
    force: bool,
) -> Result<SignReport, Error> {
    let mut original = Original::read(Source::Stream(Box::new(input)))?;
    let report = sign(&mut original, signer, force)?;
    original.write(Target::Stream(&mut output))?;
    Ok(report)
}

/// Signs an Artifact of which the front has been read; nothing is written yet.
///
/// # Errors
/// When it is signed already and `force` is false, or the signer fails.
pub fn sign(original: &mut Original<'_>, signer: &dyn Signer, force: bool) -> Result<SignReport, Error> {
    let replaced = may_be_signed(original, force)?;
    let signature = signer.sign_manifest(original.front().manifest())?;
    original.front_mut().set_signature(&signature)?;
    Ok(SignReport { replaced })
}

/// Puts a signature that somebody else has made into the Artifact: the bytes that `manifest.sig` holds as base64. With a
/// `key` it is checked before.
///
/// # Errors
/// When the Artifact is signed already and `force` is false; [`Defect::Signature`] when `key` did not make it for this
/// manifest.
pub fn attach_signature(
    original: &mut Original<'_>,
    signature: &[u8],
    key: Option<&dyn Verify>,
    force: bool,
) -> Result<SignReport, Error> {
    let replaced = may_be_signed(original, force)?;
    if let Some(key) = key {
        key.verify_manifest(original.front().manifest(), signature)?;
    }
    original.front_mut().set_signature(signature)?;
    Ok(SignReport { replaced })
}

/// Says whether there is a signature that will be replaced.
fn may_be_signed(original: &Original<'_>, force: bool) -> Result<bool, Error> {
    let signed = original.front().is_signed();
    if signed && !force {
        return Err(Error::new(Defect::AlreadySigned, Entry::ManifestSig));
    }
    Ok(signed)
}
