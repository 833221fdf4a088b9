//! Azure Key Vault and Managed HSM: RSA keys with RS256, P-256 keys with ES256.
//!
//! | variable | meaning |
//! |---|---|
//! | `KEY_VAULT_NAME` | name of the vault, `https://NAME.vault.azure.net` |
//! | `AZURE_KEYVAULT_URL` | the whole address instead: other clouds, Managed HSM |
//! | `KEY_VAULT_KEY_VERSION` | version of the key; the newest if not set |
//!
//! Where the access token comes from: see [`AzureKey::new`].

use p256::elliptic_curve::zeroize::Zeroizing;
use ureq::http::Method;

use super::azure_token::access_token;
use super::encode::{base64url, from_base64url, percent};
use super::http::{Answer, Call, Http, base_url};
use super::tls::Tls;
use crate::error::{Defect, Entry, Error};
use crate::sign::environment::{Environment, unusable};
use crate::sign::held::{HeldKey, accept};
use crate::sign::public_key::PublicKey;
use sha2::{Digest, Sha256};

const API_VERSION: &str = "api-version=7.4";
/// Length of one coordinate of a point on P-256.
const COORDINATE_LEN_BYTES: usize = 32;

/// A key in a vault.
pub struct AzureKey {
    name: String,
    base: String,
    version: Option<String>,
    authorization: Zeroizing<String>,
    http: Http,
}

impl AzureKey {
    /// The key with this name. An access token is fetched at once: it is `AZURE_ACCESS_TOKEN`, or that
    /// of the application `AZURE_CLIENT_ID` in `AZURE_TENANT_ID` with `AZURE_CLIENT_SECRET` or
    /// `AZURE_FEDERATED_TOKEN_FILE`, or that of the machine's managed identity.
    ///
    /// # Errors
    /// [`Defect::Setting`] when a setting is unusable, [`Defect::Service`] when no token is given out.
    pub fn new(name: &str, environment: Environment<'_>) -> Result<Self, Error> {
        let base = match environment.get("AZURE_KEYVAULT_URL") {
            Some(url) => base_url("AZURE_KEYVAULT_URL", &url)?,
            None => format!("https://{}.vault.azure.net", vault_name(environment)?),
        };
        let token = access_token(environment, &base)?;
        Ok(Self {
            name: name.to_owned(),
            version: environment.get("KEY_VAULT_KEY_VERSION"),
            http: Http::new(environment, &Tls::default(), &base, false)?.hide(&token),
            authorization: Zeroizing::new(format!("Bearer {}", token.as_str())),
            base,
        })
    }

    fn call(&self, method: Method, path: &str, body: Option<String>) -> Result<Answer, Error> {
        self.http.call(Call {
            method,
            url: &format!("{}/keys/{path}?{API_VERSION}", self.base),
            headers: &[("Authorization", &self.authorization)],
            body: body.map(|body| ("application/json", body)),
        })
    }

    /// The public key, and the version that it is of.
    fn fetch(&self) -> Result<(PublicKey, String), Error> {
        let mut path = percent(&self.name);
        if let Some(version) = &self.version {
            path = format!("{path}/{}", percent(version));
        }
        let answer = self.call(Method::GET, &path, None)?;
        let number = |place: &str| {
            let text = answer.text(place, "the numbers of a public key")?;
            from_base64url(text).ok_or_else(|| answer.lacks("numbers in base64url"))
        };
        let kind = answer.text("/key/kty", "the type of the key")?;
        let curve = answer.optional("/key/crv").unwrap_or_default();
        let key = match (kind, curve) {
            ("RSA" | "RSA-HSM", _) => PublicKey::from_rsa_numbers(&number("/key/n")?, &number("/key/e")?)?,
            ("EC" | "EC-HSM", "P-256") => {
                let (x, y) = (number("/key/x")?, number("/key/y")?);
                if x.len() != COORDINATE_LEN_BYTES || y.len() != COORDINATE_LEN_BYTES {
                    return Err(answer.lacks("coordinates of 32 bytes"));
                }
                PublicKey::from_p256_point(&[&[4], x.as_slice(), &y].concat())?
            }
            (kind, curve) => {
                return Err(Error::new(Defect::KeyKind, Entry::Key)
                    .named(self.name.as_bytes())
                    .expected("RSA, or EC on P-256")
                    .found(format!("{kind} {curve}").trim_end().as_bytes()));
            }
        };
        let id = answer.text("/key/kid", "the identifier of the key")?;
        let version = id.rsplit('/').next().filter(|version| !version.is_empty());
        Ok((key, version.ok_or_else(|| answer.lacks("a version of the key"))?.to_owned()))
    }

    fn sign_with(&self, digest: &[u8; 32], public: &PublicKey, version: &str) -> Result<Vec<u8>, Error> {
        let algorithm = if public.is_rsa() { "RS256" } else { "ES256" };
        let body = serde_json::json!({ "alg": algorithm, "value": base64url(digest) });
        let path = format!("{}/{}/sign", percent(&self.name), percent(version));
        let answer = self.call(Method::POST, &path, Some(body.to_string()))?;
        let expected = "a signature in base64url as value";
        from_base64url(answer.text("/value", expected)?).ok_or_else(|| answer.lacks(expected))
    }
}

impl HeldKey for AzureKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn public_key(&self) -> Result<PublicKey, Error> {
        Ok(self.fetch()?.0)
    }

    fn sign_digest(&self, digest: &[u8; 32], public: &PublicKey) -> Result<Vec<u8>, Error> {
        let version =
            self.version.as_deref().ok_or_else(|| unusable("KEY_VAULT_KEY_VERSION", "a version"))?;
        self.sign_with(digest, public, version)
    }

    /// Signs with the version whose public key was shown, even if a newer one appears meanwhile.
    fn sign_checked(&self, manifest: &[u8]) -> Result<Vec<u8>, Error> {
        let (public, version) = self.fetch()?;
        let signature = self.sign_with(&Sha256::digest(manifest).into(), &public, &version)?;
        accept(&self.name, &public, manifest, &signature)
    }
}

/// A letter, then letters and digits with single hyphens between them; 3 to 24 characters.
fn vault_name(environment: Environment<'_>) -> Result<String, Error> {
    let name = environment.required("KEY_VAULT_NAME")?;
    let characters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let hyphens = name.ends_with('-') || name.contains("--");
    let letter = name.starts_with(|first: char| first.is_ascii_alphabetic());
    if !(3..=24).contains(&name.len()) || !characters || hyphens || !letter {
        return Err(unusable("KEY_VAULT_NAME", "the name of a vault, 3 to 24 letters, digits and hyphens"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_vaults() {
        let check = |name: &str| {
            let lookup = |_: &str| Some(name.to_owned());
            vault_name(Environment::new(&lookup)).is_ok()
        };
        for name in ["abc", "my-vault-1", "a23456789012345678901234"] {
            assert!(check(name), "{name}");
        }
        for name in ["ab", "1abc", "a--b", "abc-", "a.b.c", "a23456789012345678901234x", "abc/d", ""] {
            assert!(!check(name), "{name}");
        }
    }
}
