//! What a new certificate is to say, and its digest.

use super::extensions;
pub(crate) use super::extensions::Purpose;
use super::serial;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::report::human::hex;
use sha2::{Digest, Sha256};
use std::fmt::Display;
use x509_cert::Certificate;
use x509_cert::TbsCertificate;
use x509_cert::certificate::Version;
use x509_cert::der::asn1::{BitString, OctetString};
use x509_cert::der::{Decode, Encode, EncodePem};
use x509_cert::name::Name;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::Validity;

/// What a new certificate is to say.
pub(crate) struct Request {
    pub(crate) subject: Name,
    pub(crate) validity: Validity,
    pub(crate) purpose: Purpose,
    /// SubjectPublicKeyInfo in DER.
    pub(crate) public_key_der: Vec<u8>,
}

/// Signs the bytes that it is given: RSA as it is, ECDSA in DER.
pub(super) type Sign<'a> = &'a dyn Fn(&[u8]) -> Result<Vec<u8>, Failure>;

/// Who issues a certificate.
pub(super) struct Issuer<'a> {
    pub(super) name: Name,
    pub(super) key_id: Option<OctetString>,
    /// How it signs.
    pub(super) algorithm: AlgorithmIdentifierOwned,
    pub(super) sign: Sign<'a>,
}

impl Issuer<'_> {
    /// The certificate, with a serial number of its own.
    pub(super) fn issue(self, request: Request) -> Result<Certificate, Failure> {
        let key = SubjectPublicKeyInfoOwned::from_der(&request.public_key_der).map_err(failed)?;
        let extensions = extensions::all(&request.purpose, &key, self.key_id).map_err(failed)?;
        let contents = TbsCertificate {
            version: Version::V3,
            serial_number: serial::random()?,
            signature: self.algorithm.clone(),
            issuer: self.name,
            validity: request.validity,
            subject: request.subject,
            subject_public_key_info: key,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(extensions),
        };
        let signature = (self.sign)(&contents.to_der().map_err(failed)?)?;
        Ok(Certificate {
            tbs_certificate: contents,
            signature_algorithm: self.algorithm,
            signature: BitString::from_bytes(&signature).map_err(failed)?,
        })
    }
}

/// SHA-256 of the certificate in DER, as hexadecimal digits.
pub(crate) fn digest(certificate: &Certificate) -> Result<String, Failure> {
    Ok(hex(&Sha256::digest(certificate.to_der().map_err(failed)?)))
}

/// The certificates as PEM, one behind the other.
pub(crate) fn pem<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> Result<String, Failure> {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str(&certificate.to_pem(pkcs8::LineEnding::LF).map_err(failed)?);
    }
    Ok(text)
}

/// Nothing of this fails with what this program puts into a certificate.
pub(super) fn failed(error: impl Display) -> Failure {
    Failure::plain(ExitStatus::System, format!("new certificate: {error}"))
}
