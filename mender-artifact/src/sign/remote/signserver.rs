//! Keyfactor SignServer: a worker that signs digests made by the client (`PlainSigner` with
//! client-side hashing).
//!
//! | variable | meaning |
//! |---|---|
//! | `SIGNSERVER_HOSTNAME` | host, or host and port |
//! | `SIGNSERVER_CLIENT_CERT_PATH` | PEM file with the client certificate |
//! | `SIGNSERVER_CLIENT_CERT_KEY_PATH` | its private key, if that is not in the same file |
//! | `SIGNSERVER_CA_CERT_PATH` | PEM file with the authority of the server's certificate |

use sha2::{Digest, Sha256};
use ureq::http::Method;

use super::encode::{base64, from_base64, percent};
use super::http::{Call, Http, base_url};
use super::tls::Tls;
use crate::error::Error;
use crate::sign::environment::Environment;
use crate::sign::held::{HeldKey, accept};
use crate::sign::public_key::PublicKey;
use crate::sign::signature;

/// A worker of a SignServer.
pub struct SignServerWorker {
    name: String,
    url: String,
    http: Http,
}

impl SignServerWorker {
    /// The worker with this name or number; nothing is asked yet.
    ///
    /// # Errors
    /// [`Defect::Setting`](crate::error::Defect::Setting) when a variable is missing or unusable,
    /// [`Defect::Io`](crate::error::Defect::Io) when a file cannot be read.
    pub fn new(name: &str, environment: Environment<'_>) -> Result<Self, Error> {
        let host = environment.required("SIGNSERVER_HOSTNAME")?;
        let base = base_url("SIGNSERVER_HOSTNAME", &format!("https://{host}"))?;
        let tls = Tls {
            authorities: environment.get("SIGNSERVER_CA_CERT_PATH"),
            certificate: Some(environment.required("SIGNSERVER_CLIENT_CERT_PATH")?),
            key: environment.get("SIGNSERVER_CLIENT_CERT_KEY_PATH"),
        };
        Ok(Self {
            name: name.to_owned(),
            url: format!("{base}/signserver/rest/v1/workers/{}/process", percent(name)),
            http: Http::new(environment, &tls, &base, false)?,
        })
    }

    /// The signature of a digest, and the key in the worker's certificate if the server shows it.
    fn process(&self, digest: &[u8; 32]) -> Result<(Vec<u8>, Option<PublicKey>), Error> {
        let body = serde_json::json!({
            "data": base64(digest),
            "encoding": "BASE64",
            "metaData": {
                "USING_CLIENTSUPPLIED_HASH": "true",
                "CLIENTSIDE_HASHDIGESTALGORITHM": "SHA-256",
            },
        });
        let answer = self.http.call(Call {
            method: Method::POST,
            url: &self.url,
            headers: &[("X-Keyfactor-Requested-With", "mender-artifact")],
            body: Some(("application/json", body.to_string())),
        })?;
        let expected = "a signature in base64 as data";
        let signature = from_base64(answer.text("/data", expected)?).ok_or_else(|| answer.lacks(expected))?;
        let Some(certificate) = answer.optional("/signerCertificate") else {
            return Ok((signature, None));
        };
        let expected = "a certificate in base64 as signerCertificate";
        let certificate = from_base64(certificate).ok_or_else(|| answer.lacks(expected))?;
        Ok((signature, Some(PublicKey::from_certificate_der(&certificate)?)))
    }
}

impl HeldKey for SignServerWorker {
    fn name(&self) -> &str {
        &self.name
    }

    /// There is no way to ask for the key alone: the worker signs the digest of nothing, and shows its
    /// certificate with it.
    fn public_key(&self) -> Result<PublicKey, Error> {
        let (signature, key) = self.process(&Sha256::digest([]).into())?;
        let key = key.ok_or_else(|| super::ServiceError::Answer {
            url: self.url.clone(),
            expected: "signerCertificate",
        })?;
        accept(&self.name, &key, &[], &signature)?;
        Ok(key)
    }

    fn sign_digest(&self, digest: &[u8; 32], _public: &PublicKey) -> Result<Vec<u8>, Error> {
        Ok(self.process(digest)?.0)
    }

    /// One exchange. Without a certificate in the answer only the form of the signature is checked.
    fn sign_checked(&self, manifest: &[u8]) -> Result<Vec<u8>, Error> {
        let (signature, key) = self.process(&Sha256::digest(manifest).into())?;
        match key {
            Some(key) => accept(&self.name, &key, manifest, &signature),
            None => signature::stored_form(&signature),
        }
    }
}
