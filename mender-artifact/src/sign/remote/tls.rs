//! Whom a TLS connection trusts, and who we say we are.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::error::{Defect, Entry, Error};

/// Largest file of certificates. The usual bundle of all public authorities has 220 KiB.
const FILE_MAX_BYTES: u64 = 4 << 20;

/// Files that a connection needs.
#[derive(Default)]
pub(super) struct Tls {
    /// Authorities to trust instead of those of the system.
    pub(super) authorities: Option<String>,
    /// Our certificate, and further ones up to an authority.
    pub(super) certificate: Option<String>,
    /// The key of our certificate, if it is not in the same file.
    pub(super) key: Option<String>,
}

impl Tls {
    /// The configuration of ureq. `secure` says whether there will be TLS connections at all.
    pub(super) fn config(&self, secure: bool) -> Result<TlsConfig, Error> {
        let roots = match &self.authorities {
            Some(path) => certificates(path)?,
            None if secure => system_authorities()?,
            None => Vec::new(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(TlsConfig::builder()
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(RootCerts::new_with_certs(&roots))
            .client_cert(self.identity()?)
            .build())
    }

    fn identity(&self) -> Result<Option<ClientCert>, Error> {
        let Some(path) = &self.certificate else {
            return Ok(None);
        };
        let chain = certificates(path)?;
        let key_path = self.key.as_ref().unwrap_or(path);
        let key = PrivateKey::from_pem(&read(key_path)?)
            .map_err(|_| unusable(key_path, "a PEM file with a private key that is not encrypted"))?;
        Ok(Some(ClientCert::new_with_certs(&chain, key)))
    }
}

/// At least one certificate out of a PEM file.
fn certificates(path: &str) -> Result<Vec<Certificate<'static>>, Error> {
    let mut found = Vec::new();
    for item in parse_pem(&read(path)?) {
        if let PemItem::Certificate(certificate) = item.map_err(|_| unusable(path, "a PEM file"))? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(unusable(path, "a PEM file with a certificate")) } else { Ok(found) }
}

fn system_authorities() -> Result<Vec<Certificate<'static>>, Error> {
    let loaded = rustls_native_certs::load_native_certs();
    if loaded.certs.is_empty() {
        return Err(Error::new(Defect::Setting, Entry::Key)
            .expected("certificates of authorities in the system (package ca-certificates) or SSL_CERT_FILE")
            .found("none"));
    }
    Ok(loaded.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect())
}

fn read(path: &str) -> Result<Vec<u8>, Error> {
    let failed = |error| Error::io(Entry::Key, error).with_path(Path::new(path));
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(FILE_MAX_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn unusable(path: &str, expected: &'static str) -> Error {
    Error::new(Defect::Setting, Entry::Key).with_path(Path::new(path)).expected(expected)
}
