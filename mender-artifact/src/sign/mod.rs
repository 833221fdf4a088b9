//! Signing: what signs a manifest, and how a signature is stored.
//!
//! Only the bytes of `manifest` are signed, through SHA-256. `manifest.sig` is the signature as one
//! line of standard base64 without a line feed.

mod algorithm;
mod certificate;
mod encrypted_key;
#[cfg(any(feature = "pkcs11", feature = "remote-signing"))]
pub mod environment;
#[cfg(feature = "remote-signing")]
pub mod held;
pub mod pem;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;
pub mod private_key;
pub mod public_key;
#[cfg(feature = "remote-signing")]
pub mod remote;
pub mod signature;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Error;

/// Something that signs manifests: a private key, or a service or device that holds one.
pub trait Signer {
    /// Signs the exact bytes of a manifest. RSA: PKCS#1 v1.5 with SHA-256. ECDSA with P-256 and
    /// SHA-256: r and s, 32 bytes each, big-endian. The result is the signature itself, not base64.
    ///
    /// # Errors
    /// When the key cannot sign or the service that holds it does not answer.
    fn sign_manifest(&self, manifest: &[u8]) -> Result<Vec<u8>, Error>;
}

/// The contents of `manifest.sig` for a signature.
#[must_use]
pub fn manifest_sig(signature: &[u8]) -> String {
    STANDARD.encode(signature)
}
