//! Private keys out of PEM files: RSA and ECDSA P-256.

use std::fmt;

use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::{DecodePrivateKey, PrivateKeyInfo};
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sha2::{Digest, Sha256};

use super::algorithm::{EC_OID, P256_OID, RSA_OID, check_rsa_size, damaged, unsupported, unsupported_curve};
use super::public_key::PublicKey;
use super::{Signer, encrypted_key, pem};
use crate::error::Error;

/// Labels of private keys that are not encrypted.
const PLAIN: [&str; 3] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];

/// A private key that signs manifests in this process.
pub struct PrivateKey(Kind);

enum Kind {
    Rsa(Box<RsaPrivateKey>),
    P256(SigningKey),
}

impl PrivateKey {
    /// Takes the first private key of a PEM file: PKCS#8 (`PRIVATE KEY`), PKCS#1
    /// (`RSA PRIVATE KEY`) or SEC1 (`EC PRIVATE KEY`). Other blocks, such as `EC PARAMETERS`, are skipped.
    ///
    /// # Errors
    /// [`Defect::Key`](crate::error::Defect::Key) when there is no sound key,
    /// [`Defect::KeyKind`](crate::error::Defect::KeyKind) when it is encrypted, of another algorithm or
    /// on another curve, or an RSA key of less than 1024 or more than 4096 bits.
    pub fn from_pem(text: &[u8]) -> Result<Self, Error> {
        let block = pem::find(text, &PLAIN)?;
        Self::from_block(block.label, &block.der)
    }

    /// As [`PrivateKey::from_pem`], and takes encrypted PKCS#8 (`ENCRYPTED PRIVATE KEY`) too: PBES2 with
    /// PBKDF2 or scrypt, and AES in CBC mode. A key that is not encrypted is taken as it is.
    ///
    /// # Errors
    /// As [`PrivateKey::from_pem`]; [`Defect::Key`](crate::error::Defect::Key) for another passphrase,
    /// [`Defect::TooLarge`](crate::error::Defect::TooLarge) when deriving the key from the passphrase
    /// would take more than 10 000 000 iterations or 256 MiB.
    pub fn from_pem_with_passphrase(text: &[u8], passphrase: &[u8]) -> Result<Self, Error> {
        let [pkcs8, pkcs1, sec1] = PLAIN;
        let block = pem::find(text, &[pkcs8, pkcs1, sec1, "ENCRYPTED PRIVATE KEY"])?;
        if block.label == "ENCRYPTED PRIVATE KEY" {
            return Self::from_pkcs8(encrypted_key::decrypt(&block.der, passphrase)?.as_bytes());
        }
        Self::from_block(block.label, &block.der)
    }

    fn from_block(label: &str, der: &[u8]) -> Result<Self, Error> {
        match label {
            "RSA PRIVATE KEY" => Self::rsa(RsaPrivateKey::from_pkcs1_der(der).map_err(damaged)?),
            "EC PRIVATE KEY" => {
                check_sec1_curve(der)?;
                Ok(Self::p256(&p256::SecretKey::from_sec1_der(der).map_err(damaged)?))
            }
            _ => Self::from_pkcs8(der),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        let info = PrivateKeyInfo::try_from(der).map_err(damaged)?;
        if info.algorithm.oid == RSA_OID {
            return Self::rsa(RsaPrivateKey::from_pkcs8_der(der).map_err(damaged)?);
        }
        if info.algorithm.oid != EC_OID {
            return Err(unsupported(info.algorithm.oid));
        }
        if info.algorithm.parameters_oid().ok() != Some(P256_OID) {
            return Err(unsupported_curve());
        }
        Ok(Self::p256(&p256::SecretKey::from_pkcs8_der(der).map_err(damaged)?))
    }

    fn rsa(key: RsaPrivateKey) -> Result<Self, Error> {
        check_rsa_size(key.size())?;
        Ok(Self(Kind::Rsa(Box::new(key))))
    }

    fn p256(key: &p256::SecretKey) -> Self {
        Self(Kind::P256(SigningKey::from(key)))
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        match &self.0 {
            Kind::Rsa(key) => PublicKey::from_rsa(key.to_public_key()),
            Kind::P256(key) => PublicKey::from_p256(*key.verifying_key()),
        }
    }
}

impl Signer for PrivateKey {
    /// The same manifest always gets the same signature: for ECDSA by RFC 6979.
    fn sign_manifest(&self, manifest: &[u8]) -> Result<Vec<u8>, Error> {
        match &self.0 {
            Kind::Rsa(key) => {
                // The random numbers blind the computation against timing; the result has none in it.
                let scheme = Pkcs1v15Sign::new::<Sha256>();
                key.sign_with_rng(&mut OsRng, scheme, &Sha256::digest(manifest)).map_err(damaged)
            }
            Kind::P256(key) => {
                let signature: p256::ecdsa::Signature = key.try_sign(manifest).map_err(damaged)?;
                Ok(signature.to_bytes().to_vec())
            }
        }
    }
}

impl fmt::Debug for PrivateKey {
    /// Says the kind and nothing secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Rsa(_) => "PrivateKey(RSA)",
            Kind::P256(_) => "PrivateKey(P-256)",
        })
    }
}

/// The curve that a SEC1 key names must be P-256; another of 256 bits would parse just as well.
fn check_sec1_curve(der: &[u8]) -> Result<(), Error> {
    let key = sec1::EcPrivateKey::try_from(der).map_err(damaged)?;
    match key.parameters.and_then(|parameters| parameters.named_curve()) {
        Some(curve) if curve != P256_OID => Err(unsupported_curve()),
        _ => Ok(()),
    }
}
