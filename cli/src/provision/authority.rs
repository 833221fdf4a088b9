//! The authority that issues certificates: its certificate, and its key in a file, a device or a service.

use super::certificate::{Issuer, Request, failed};
use super::device_key::DeviceKey;
use super::{certificate_file, lifetime};
use crate::args::provision::IssuerArgs;
use crate::exit_code::ExitStatus;
use crate::failure::{Failure, chain};
use crate::key::{self, SigningKey};
use crate::report;
use mender_artifact::sign::Signer as _;
use mender_artifact::sign::public_key::PublicKey;
use p256::ecdsa::signature::Signer as _;
use std::path::{Path, PathBuf};
use x509_cert::Certificate;
use x509_cert::der::asn1::{Any, AnyRef};
use x509_cert::der::oid::db::rfc5912::{ECDSA_WITH_SHA_256, SHA_256_WITH_RSA_ENCRYPTION};
use x509_cert::der::{Encode, Error as DerError};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, SubjectKeyIdentifier};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Validity;

/// An authority that can issue.
pub(crate) struct Authority {
    path: PathBuf,
    /// Its certificate, then those that lead to the root, the root itself left out unless it is the first.
    chain: Vec<Certificate>,
    public_key: PublicKey,
    key: SigningKey,
}

impl Authority {
    /// Opens the one that the flags name.
    ///
    /// # Errors
    /// A wrong command line: a certificate that is not an authority's, that is not valid now, or a key that cannot
    /// be used.
    pub(crate) fn open(args: &IssuerArgs) -> Result<Self, Failure> {
        let path = &args.ca;
        let wrong = |message: String| Failure::about(path, ExitStatus::Usage, message);
        let mut certificates = certificate_file::read(path)?;
        let issues_itself = |one: &Certificate| one.tbs_certificate.issuer == one.tbs_certificate.subject;
        let mut index = 0;
        certificates.retain(|certificate| {
            index += 1;
            index == 1 || !issues_itself(certificate)
        });
        let Some(first) = certificates.first() else {
            return Err(wrong("expected a certificate, found none".to_owned()));
        };
        check(path, first)?;
        let der = first.to_der().map_err(failed)?;
        let public_key = PublicKey::from_certificate_der(&der).map_err(|error| wrong(chain(&error)))?;
        let key = key::of_authority(args)?;
        Ok(Self { path: path.clone(), chain: certificates, public_key, key })
    }

    /// Its own certificate.
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    /// What has to stand behind a certificate that it issued, for those who know the root alone: nothing where it is
    /// the root.
    pub(crate) fn behind_issued(&self) -> &[Certificate] {
        let is_root =
            self.chain.first().is_none_or(|one| one.tbs_certificate.issuer == one.tbs_certificate.subject);
        if is_root { &[] } else { &self.chain }
    }

    /// From now on for `days`, but not longer than its own certificate is valid. Says so where somebody asked for more.
    pub(crate) fn validity(&self, days: Option<u32>, default_days: u32) -> Result<Validity, Failure> {
        let wanted = lifetime::from_now(days.unwrap_or(default_days))?;
        let Some(own) = self.certificate() else { return Ok(wanted) };
        let cut = lifetime::within(wanted, own.tbs_certificate.validity);
        if days.is_some() && cut.not_after != wanted.not_after {
            report::warn(&format!(
                "{}: valid until {}: what it issues ends then, too",
                self.path.display(),
                lifetime::text(cut.not_after)
            ));
        }
        Ok(cut)
    }

    /// Issues a certificate. That the key is the one of the authority's certificate is checked with each.
    pub(crate) fn issue(&self, request: Request) -> Result<Certificate, Failure> {
        let Some(own) = self.certificate() else {
            return Err(Failure::about(&self.path, ExitStatus::Usage, "expected a certificate, found none"));
        };
        let own = &own.tbs_certificate;
        let key_id = own.get::<SubjectKeyIdentifier>().map_err(|error| self.damaged(&error))?;
        let algorithm = match self.public_key.is_rsa() {
            true => AlgorithmIdentifierOwned {
                oid: SHA_256_WITH_RSA_ENCRYPTION,
                parameters: Some(Any::from(AnyRef::NULL)),
            },
            false => ecdsa(),
        };
        let issuer = Issuer {
            name: own.subject.clone(),
            key_id: key_id.map(|(_, id)| id.0),
            algorithm,
            sign: &|contents| self.sign(contents),
        };
        issuer.issue(request)
    }

    /// Keys sign whatever bytes they are given, a manifest or the contents of a certificate.
    fn sign(&self, contents: &[u8]) -> Result<Vec<u8>, Failure> {
        let signature = self.key.sign_manifest(contents).map_err(|error| {
            Failure::plain(ExitStatus::System, format!("signing a certificate: {}", chain(&error)))
        })?;
        if self.public_key.verify(contents, &signature).is_err() {
            return Err(Failure::about(
                &self.path,
                ExitStatus::Usage,
                "expected the private key of this certificate, found another",
            ));
        }
        if self.public_key.is_rsa() {
            return Ok(signature);
        }
        let signature = p256::ecdsa::Signature::from_slice(&signature).map_err(failed)?;
        Ok(signature.to_der().as_bytes().to_vec())
    }

    fn damaged(&self, error: &DerError) -> Failure {
        Failure::about(&self.path, ExitStatus::Usage, format!("damaged extension: {error}"))
    }
}

/// The certificate of a new authority with this key, signed by itself.
pub(crate) fn self_signed(key: &DeviceKey, request: Request) -> Result<Certificate, Failure> {
    let signing_key = p256::ecdsa::SigningKey::from(key.secret());
    let issuer = Issuer {
        name: request.subject.clone(),
        key_id: None,
        algorithm: ecdsa(),
        sign: &|contents| {
            let signature: p256::ecdsa::Signature = signing_key.try_sign(contents).map_err(failed)?;
            Ok(signature.to_der().as_bytes().to_vec())
        },
    };
    issuer.issue(request)
}

fn ecdsa() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_256, parameters: None }
}

/// Whether the certificate may issue others, now.
fn check(path: &Path, certificate: &Certificate) -> Result<(), Failure> {
    let wrong = |message: String| Failure::about(path, ExitStatus::Usage, message);
    let damaged = |error: DerError| wrong(format!("damaged extension: {error}"));
    let contents = &certificate.tbs_certificate;
    match contents.get::<BasicConstraints>().map_err(damaged)? {
        Some((_, constraints)) if constraints.ca => {}
        Some(_) => {
            return Err(wrong(
                "expected the certificate of an authority, found one of something else".into(),
            ));
        }
        // Old ways to make one with openssl leave it out; not everybody minds.
        None => report::warn(&format!(
            "{}: does not say that it is an authority's (no basicConstraints): some programs will not take what it issues",
            path.display()
        )),
    }
    if contents.get::<KeyUsage>().map_err(damaged)?.is_some_and(|(_, usage)| !usage.key_cert_sign()) {
        return Err(wrong(
            "expected a key that may sign certificates (keyCertSign), found one that may not".into(),
        ));
    }
    if !lifetime::holds_now(contents.validity) {
        return Err(wrong(format!(
            "expected a certificate that is valid now, found one from {} to {}",
            lifetime::text(contents.validity.not_before),
            lifetime::text(contents.validity.not_after)
        )));
    }
    Ok(())
}
