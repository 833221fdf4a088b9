//! New private keys: ECDSA on P-256, as PKCS#8 in PEM, in memory that is wiped when it is no longer needed.

use super::serial::fill_random;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use p256::SecretKey;
use p256::elliptic_curve::zeroize::Zeroizing;
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use pkcs8::PrivateKeyInfo;
use pkcs8::pkcs5::pbes2::Parameters;
use std::fmt::Display;

/// Rounds of PBKDF2 with SHA-256 for keys that are encrypted: some tenths of a second for whoever tries a passphrase.
const ITERATIONS: u32 = 600_000;
/// Length of a private number on P-256 in bytes.
const NUMBER_LEN_BYTES: usize = 32;

/// A new private key.
pub(crate) struct DeviceKey(SecretKey);

impl DeviceKey {
    /// Makes one out of the system's random numbers.
    ///
    /// # Errors
    /// When the system has none.
    pub(crate) fn generate() -> Result<Self, Failure> {
        loop {
            let mut number = Zeroizing::new([0u8; NUMBER_LEN_BYTES]);
            fill_random(number.as_mut())?;
            // 0 and what is not below the order of the curve are no keys: one in four thousand million.
            if let Ok(key) = SecretKey::from_slice(number.as_ref()) {
                return Ok(Self(key));
            }
        }
    }

    /// The key itself, for what signs with it.
    pub(crate) fn secret(&self) -> &SecretKey {
        &self.0
    }

    /// The public key: SubjectPublicKeyInfo in DER.
    pub(crate) fn public_der(&self) -> Result<Vec<u8>, Failure> {
        Ok(self.0.public_key().to_public_key_der().map_err(failed)?.into_vec())
    }

    /// The public key as PEM (`PUBLIC KEY`).
    pub(crate) fn public_pem(&self) -> Result<String, Failure> {
        self.0.public_key().to_public_key_pem(LineEnding::LF).map_err(failed)
    }

    /// The private key as PEM (`PRIVATE KEY`).
    pub(crate) fn private_pem(&self) -> Result<Zeroizing<String>, Failure> {
        self.0.to_pkcs8_pem(LineEnding::LF).map_err(failed)
    }

    /// The private key as PEM, encrypted (`ENCRYPTED PRIVATE KEY`): AES-256-CBC with PBKDF2.
    pub(crate) fn encrypted_pem(&self, passphrase: &[u8]) -> Result<Zeroizing<String>, Failure> {
        let (mut salt, mut iv) = ([0u8; 16], [0u8; 16]);
        fill_random(&mut salt)?;
        fill_random(&mut iv)?;
        let parameters = Parameters::pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, &iv).map_err(failed)?;
        let plain = self.0.to_pkcs8_der().map_err(failed)?;
        let info = PrivateKeyInfo::try_from(plain.as_bytes()).map_err(failed)?;
        let encrypted = info.encrypt_with_params(parameters, passphrase).map_err(failed)?;
        encrypted.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).map_err(failed)
    }
}

/// Nothing of this fails with a key of our own making.
fn failed(error: impl Display) -> Failure {
    Failure::plain(ExitStatus::System, format!("new key: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mender_artifact::sign::private_key::PrivateKey;

    #[test]
    fn what_is_written_is_read_again() {
        let key = DeviceKey::generate().unwrap();
        let plain = key.private_pem().unwrap();
        assert!(plain.starts_with("-----BEGIN PRIVATE KEY-----\n") && plain.ends_with("\n"));
        PrivateKey::from_pem(plain.as_bytes()).unwrap();
        let encrypted = key.encrypted_pem(b"open sesame").unwrap();
        PrivateKey::from_pem_with_passphrase(encrypted.as_bytes(), b"open sesame").unwrap();
        assert!(PrivateKey::from_pem_with_passphrase(encrypted.as_bytes(), b"open says me").is_err());
        assert_ne!(DeviceKey::generate().unwrap().public_pem().unwrap(), key.public_pem().unwrap());
    }
}
