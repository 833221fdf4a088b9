//! Public keys out of PEM files: RSA and ECDSA P-256.

use std::fmt;

use p256::ecdsa::VerifyingKey;
use p256::ecdsa::signature::Verifier as _;
use p256::pkcs8::{DecodePublicKey, SubjectPublicKeyInfoRef};
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
use sha2::{Digest, Sha256};

use super::algorithm::{EC_OID, P256_OID, RSA_OID, check_rsa_size, damaged, unsupported, unsupported_curve};
use super::{certificate, pem, signature};
use crate::error::{Defect, Entry, Error};
use crate::read::verify::Verify;

/// A public key that verifies signatures of manifests.
#[derive(Clone)]
pub struct PublicKey(Kind);

#[derive(Clone)]
enum Kind {
    Rsa(RsaPublicKey),
    P256(VerifyingKey),
}

impl PublicKey {
    /// Takes the first public key of a PEM file: SubjectPublicKeyInfo (`PUBLIC KEY`), PKCS#1
    /// (`RSA PUBLIC KEY`) or the one in an X.509 certificate (`CERTIFICATE`). Of a certificate only the
    /// key counts: who issued it and how long it is valid is not looked at.
    ///
    /// # Errors
    /// [`Defect::Key`] when there is no sound key, [`Defect::KeyKind`] when it is of another
    /// algorithm or on another curve, or an RSA key of less than 1024 or more than 4096 bits.
    pub fn from_pem(text: &[u8]) -> Result<Self, Error> {
        let block = pem::find(text, &["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"])?;
        match block.label {
            "RSA PUBLIC KEY" => Self::rsa(RsaPublicKey::from_pkcs1_der(&block.der).map_err(damaged)?),
            "CERTIFICATE" => Self::from_certificate_der(&block.der),
            _ => Self::from_der(&block.der),
        }
    }

    /// Takes the key in an X.509 certificate.
    ///
    /// # Errors
    /// As [`PublicKey::from_pem`].
    pub fn from_certificate_der(der: &[u8]) -> Result<Self, Error> {
        Self::from_der(certificate::public_key_info(der).map_err(damaged)?)
    }

    /// Takes a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// As [`PublicKey::from_pem`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let info = SubjectPublicKeyInfoRef::try_from(der).map_err(damaged)?;
        if info.algorithm.oid == RSA_OID {
            return Self::rsa(RsaPublicKey::from_public_key_der(der).map_err(damaged)?);
        }
        if info.algorithm.oid != EC_OID {
            return Err(unsupported(info.algorithm.oid));
        }
        if info.algorithm.parameters_oid().ok() != Some(P256_OID) {
            return Err(unsupported_curve());
        }
        Ok(Self::from_p256(VerifyingKey::from_public_key_der(der).map_err(damaged)?))
    }

    /// Takes an RSA key as modulus and exponent, both big-endian.
    ///
    /// # Errors
    /// As [`PublicKey::from_pem`].
    pub fn from_rsa_numbers(modulus: &[u8], exponent: &[u8]) -> Result<Self, Error> {
        let number = BigUint::from_bytes_be;
        Self::rsa(RsaPublicKey::new(number(modulus), number(exponent)).map_err(damaged)?)
    }

    /// Takes a point on P-256 as SEC1 encodes it: `04 || x || y`, or compressed.
    ///
    /// # Errors
    /// As [`PublicKey::from_pem`].
    pub fn from_p256_point(point: &[u8]) -> Result<Self, Error> {
        Ok(Self::from_p256(VerifyingKey::from_sec1_bytes(point).map_err(damaged)?))
    }

    fn rsa(key: RsaPublicKey) -> Result<Self, Error> {
        check_rsa_size(key.size())?;
        Ok(Self::from_rsa(key))
    }

    pub(super) fn from_rsa(key: RsaPublicKey) -> Self {
        Self(Kind::Rsa(key))
    }

    pub(super) fn from_p256(key: VerifyingKey) -> Self {
        Self(Kind::P256(key))
    }

    /// Checks a signature, decoded from base64, against the exact bytes of a manifest. ECDSA
    /// signatures are r and s, 32 bytes each, or DER (`ECDSA-Sig-Value` of RFC 3279) of any length.
    ///
    /// # Errors
    /// [`Defect::Signature`] when the signature does not belong to manifest and key.
    pub fn verify(&self, manifest: &[u8], signature: &[u8]) -> Result<(), Error> {
        let sound = match &self.0 {
            Kind::Rsa(key) => {
                let scheme = Pkcs1v15Sign::new::<Sha256>();
                key.verify(scheme, &Sha256::digest(manifest), signature).is_ok()
            }
            Kind::P256(key) => {
                let forms = [signature::fixed(signature), signature::der(signature)];
                forms.iter().flatten().any(|signature| key.verify(manifest, signature).is_ok())
            }
        };
        if sound { Ok(()) } else { Err(wrong_signature()) }
    }

    /// Checks a signature that somebody else made and gives it the form in which Artifacts store it:
    /// ECDSA signatures in DER become r and s.
    ///
    /// # Errors
    /// As [`PublicKey::verify`].
    pub fn accept(&self, manifest: &[u8], signature: &[u8]) -> Result<Vec<u8>, Error> {
        self.verify(manifest, signature)?;
        let Kind::P256(key) = &self.0 else {
            return Ok(signature.to_vec());
        };
        let forms = [signature::fixed(signature), signature::der(signature)];
        let right = forms.iter().flatten().find(|signature| key.verify(manifest, *signature).is_ok());
        right.map(|signature| signature.to_bytes().to_vec()).ok_or_else(wrong_signature)
    }

    /// Whether this is an RSA key; else it is one on P-256.
    #[must_use]
    pub fn is_rsa(&self) -> bool {
        matches!(self.0, Kind::Rsa(_))
    }
}

fn wrong_signature() -> Error {
    Error::new(Defect::Signature, Entry::ManifestSig)
}

impl Verify for PublicKey {
    fn verify_manifest(&self, manifest: &[u8], signature: &[u8]) -> Result<(), Error> {
        self.verify(manifest, signature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Rsa(_) => "PublicKey(RSA)",
            Kind::P256(_) => "PublicKey(P-256)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Signer as _;
    use super::super::private_key::PrivateKey;
    use super::*;

    macro_rules! file {
        ($name:literal) => {
            include_bytes!(concat!("../../tests/keys/", $name)).as_slice()
        };
    }

    const MANIFEST: &[u8] = file!("manifest");

    #[test]
    fn every_private_form_signs_alike_and_every_public_form_verifies() {
        let rsa = [file!("rsa-pkcs1.pem"), file!("rsa-pkcs8.pem")];
        let rsa_public = [file!("rsa-public.pem"), file!("rsa-public-pkcs1.pem")];
        let p256 = [file!("p256-sec1.pem"), file!("p256-sec1-parameters.pem"), file!("p256-pkcs8.pem")];
        let p256_public = [file!("p256-public.pem")];
        for (private, public) in [(&rsa[..], &rsa_public[..]), (&p256[..], &p256_public[..])] {
            let mut signatures = Vec::new();
            for private in private {
                let private = PrivateKey::from_pem(private).unwrap();
                let signature = private.sign_manifest(MANIFEST).unwrap();
                private.public_key().verify(MANIFEST, &signature).unwrap();
                for public in public {
                    PublicKey::from_pem(public).unwrap().verify(MANIFEST, &signature).unwrap();
                }
                signatures.push(signature);
            }
            assert!(signatures.windows(2).all(|two| two[0] == two[1]));
        }
    }

    #[test]
    fn signatures_of_openssl_are_verified() {
        let rsa = PrivateKey::from_pem(file!("rsa-pkcs1.pem")).unwrap();
        assert_eq!(rsa.sign_manifest(MANIFEST).unwrap(), file!("rsa.sig"));
        let p256 = PublicKey::from_pem(file!("p256-public.pem")).unwrap();
        // 72 bytes, and a rare one of 69 that the reference tool refuses.
        for der in [file!("p256-long.der"), file!("p256-short.der")] {
            p256.verify(MANIFEST, der).unwrap();
            assert_eq!(p256.verify(b"other", der).unwrap_err().defect(), Defect::Signature);
            assert!(p256.verify(MANIFEST, &der[..der.len() - 1]).is_err());
        }
    }

    #[test]
    fn damaged_signatures_and_foreign_keys_are_refused() {
        for (private, other) in [("rsa", file!("p256-public.pem")), ("p256", file!("rsa-public.pem"))] {
            let pem = if private == "rsa" { file!("rsa-pkcs8.pem") } else { file!("p256-pkcs8.pem") };
            let private = PrivateKey::from_pem(pem).unwrap();
            let mut signature = private.sign_manifest(MANIFEST).unwrap();
            assert!(PublicKey::from_pem(other).unwrap().verify(MANIFEST, &signature).is_err());
            for damage in [&[][..], &signature[1..], &[0; 64], &[0xff; 64]] {
                assert!(private.public_key().verify(MANIFEST, damage).is_err());
            }
            let len = signature.len();
            signature[len / 2] ^= 1;
            assert!(private.public_key().verify(MANIFEST, &signature).is_err());
        }
    }

    #[test]
    fn keys_that_cannot_sign_artifacts_are_refused() {
        let cases = [
            (file!("k256-sec1.pem"), Defect::KeyKind),
            (file!("k256-pkcs8.pem"), Defect::KeyKind),
            (file!("p384-sec1.pem"), Defect::KeyKind),
            (file!("ed25519-pkcs8.pem"), Defect::KeyKind),
            (file!("rsa512.pem"), Defect::KeyKind),
            (file!("p256-encrypted.pem"), Defect::KeyKind),
            (file!("rsa-encrypted-pkcs1.pem"), Defect::KeyKind),
            (file!("p256-public.pem"), Defect::Key),
            (b"", Defect::Key),
        ];
        for (index, (pem, defect)) in cases.into_iter().enumerate() {
            assert_eq!(PrivateKey::from_pem(pem).unwrap_err().defect(), defect, "case {index}");
        }
        let cases = [
            (file!("k256-public.pem"), Defect::KeyKind),
            (file!("ed25519-public.pem"), Defect::KeyKind),
            (file!("p256-pkcs8.pem"), Defect::Key),
        ];
        for (index, (pem, defect)) in cases.into_iter().enumerate() {
            assert_eq!(PublicKey::from_pem(pem).unwrap_err().defect(), defect, "case {index}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let key = PrivateKey::from_pem(file!("p256-pkcs8.pem")).unwrap();
        assert_eq!(format!("{key:?} {:?}", key.public_key()), "PrivateKey(P-256) PublicKey(P-256)");
    }
}
