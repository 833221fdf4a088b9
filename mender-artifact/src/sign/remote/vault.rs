//! HashiCorp Vault (and OpenBao): keys of the transit engine, types `rsa-*` and `ecdsa-p256`.
//!
//! | variable | meaning |
//! |---|---|
//! | `VAULT_ADDR` | the service; `https://127.0.0.1:8200` if not set |
//! | `VAULT_TOKEN` | token that may read and sign with the key |
//! | `VAULT_MOUNT_PATH` | where the transit engine is; `transit` if not set |
//! | `VAULT_KEY_VERSION` | version of the key; 1 if not set |
//! | `VAULT_NAMESPACE` | namespace, if there are such |
//! | `VAULT_CACERT` | PEM file with the authority of the service's certificate |
//! | `VAULT_CLIENT_CERT`, `VAULT_CLIENT_KEY` | PEM files for TLS with client certificates |

use p256::elliptic_curve::zeroize::Zeroizing;
use ureq::http::Method;

use super::encode::{base64, from_base64, from_base64url, percent, percent_path};
use super::http::{Answer, Call, Http, base_url};
use super::tls::Tls;
use crate::error::{Defect, Entry, Error};
use crate::sign::environment::{Environment, unusable};
use crate::sign::held::HeldKey;
use crate::sign::public_key::PublicKey;

/// A key of the transit engine.
pub struct VaultKey {
    name: String,
    base: String,
    version: u64,
    token: Zeroizing<String>,
    namespace: Option<String>,
    http: Http,
}

impl VaultKey {
    /// The key with this name; nothing is asked yet.
    ///
    /// # Errors
    /// [`Defect::Setting`] when a variable is missing or unusable.
    pub fn new(name: &str, environment: Environment<'_>) -> Result<Self, Error> {
        let token = Zeroizing::new(environment.required("VAULT_TOKEN")?);
        let address = environment.or("VAULT_ADDR", "https://127.0.0.1:8200");
        let address = base_url("VAULT_ADDR", &address)?;
        let version = environment.or("VAULT_KEY_VERSION", "1").parse().ok().filter(|version| *version > 0);
        let tls = Tls {
            authorities: environment.get("VAULT_CACERT"),
            certificate: environment.get("VAULT_CLIENT_CERT"),
            key: environment.get("VAULT_CLIENT_KEY"),
        };
        Ok(Self {
            name: name.to_owned(),
            base: format!("{address}/v1/{}", percent_path(&environment.or("VAULT_MOUNT_PATH", "transit"))),
            version: version.ok_or_else(|| unusable("VAULT_KEY_VERSION", "a number from 1"))?,
            http: Http::new(environment, &tls, &address, false)?.hide(&token),
            namespace: environment.get("VAULT_NAMESPACE"),
            token,
        })
    }

    fn call(&self, method: Method, url: &str, body: Option<String>) -> Result<Answer, Error> {
        let mut headers = vec![("X-Vault-Token", self.token.as_str()), ("X-Vault-Request", "true")];
        headers.extend(self.namespace.as_deref().map(|namespace| ("X-Vault-Namespace", namespace)));
        let body = body.map(|body| ("application/json", body));
        self.http.call(Call { method, url, headers: &headers, body })
    }
}

impl HeldKey for VaultKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn public_key(&self) -> Result<PublicKey, Error> {
        let url = format!("{}/keys/{}", self.base, percent(&self.name));
        let answer = self.call(Method::GET, &url, None)?;
        let kind = answer.text("/data/type", "the type of the key")?;
        if !kind.starts_with("rsa-") && kind != "ecdsa-p256" {
            return Err(Error::new(Defect::KeyKind, Entry::Key)
                .named(self.name.as_bytes())
                .expected("rsa-2048, rsa-3072, rsa-4096 or ecdsa-p256")
                .found(kind.as_bytes()));
        }
        let place = format!("/data/keys/{}/public_key", self.version);
        PublicKey::from_pem(answer.text(&place, "a public key of this version")?.as_bytes())
    }

    fn sign_digest(&self, digest: &[u8; 32], public: &PublicKey) -> Result<Vec<u8>, Error> {
        let url = format!("{}/sign/{}/sha2-256", self.base, percent(&self.name));
        let mut body = serde_json::json!({
            "input": base64(digest),
            "prehashed": true,
            "key_version": self.version,
        });
        if public.is_rsa() {
            body["signature_algorithm"] = "pkcs1v15".into();
        } else {
            // r and s as JSON Web Signatures have them.
            body["marshaling_algorithm"] = "jws".into();
        }
        let answer = self.call(Method::PUT, &url, Some(body.to_string()))?;
        let expected = "a signature 'vault:vN:...' of this version";
        let signature = answer.text("/data/signature", expected)?;
        let signature = signature.strip_prefix(&format!("vault:v{}:", self.version));
        let decode = if public.is_rsa() { from_base64 } else { from_base64url };
        signature.and_then(decode).ok_or_else(|| answer.lacks(expected))
    }
}
