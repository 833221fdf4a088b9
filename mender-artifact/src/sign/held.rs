//! Keys that somebody else holds: a service or a device makes the signature, from the digest alone.

use sha2::{Digest, Sha256};

use super::Signer;
use super::public_key::PublicKey;
use crate::error::{Defect, Entry, Error};

/// A key that does not leave the service or device that holds it. What signs manifests with it is the
/// [`Signer`] that every such key is.
pub trait HeldKey {
    /// What the key is, for messages. Nothing secret.
    fn name(&self) -> &str;

    /// The key that verifies what this one signs.
    ///
    /// # Errors
    /// When the holder cannot be reached, does not tell, or holds a key that Artifacts are not signed
    /// with.
    fn public_key(&self) -> Result<PublicKey, Error>;

    /// A signature of this SHA-256 digest: RSA PKCS#1 v1.5, or ECDSA P-256 as r and s or as DER.
    /// `public` is what [`HeldKey::public_key`] said.
    ///
    /// # Errors
    /// When the holder cannot be reached or refuses.
    fn sign_digest(&self, digest: &[u8; 32], public: &PublicKey) -> Result<Vec<u8>, Error>;

    /// A signature of a manifest in the form in which Artifacts store it, checked with the public key.
    ///
    /// # Errors
    /// As the other two; [`Defect::Service`] when the signature does not belong to the public key.
    fn sign_checked(&self, manifest: &[u8]) -> Result<Vec<u8>, Error> {
        let public = self.public_key()?;
        let signature = self.sign_digest(&Sha256::digest(manifest).into(), &public)?;
        accept(self.name(), &public, manifest, &signature)
    }
}

impl<K: HeldKey + ?Sized> Signer for K {
    fn sign_manifest(&self, manifest: &[u8]) -> Result<Vec<u8>, Error> {
        self.sign_checked(manifest)
    }
}

/// The signature in the form in which Artifacts store it, if the public key verifies it.
pub(super) fn accept(
    name: &str,
    public: &PublicKey,
    manifest: &[u8],
    signature: &[u8],
) -> Result<Vec<u8>, Error> {
    public.accept(manifest, signature).map_err(|_| {
        Error::new(Defect::Service, Entry::Key)
            .named(name.as_bytes())
            .expected("a signature that the public key verifies")
            .found("another")
    })
}
