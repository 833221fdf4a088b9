//! The hook through which a reader has the signature of a manifest checked.

use crate::error::Error;

/// Something that can tell whether a signature belongs to a manifest: a public key, several of
/// them, or a device's secure element.
pub trait Verify {
    /// Checks `signature`, decoded from base64, against the exact bytes of `manifest`.
    ///
    /// # Errors
    /// [`Defect::Signature`](crate::error::Defect::Signature) if it does not belong to it.
    fn verify_manifest(&self, manifest: &[u8], signature: &[u8]) -> Result<(), Error>;
}
