//! Google Cloud KMS: key versions for `RSA_SIGN_PKCS1_*_SHA256` and `EC_SIGN_P256_SHA256`. What is sent
//! and what is answered carries CRC-32C check values, and all of them are checked.
//!
//! Where the access token comes from: see [`GcpKey::new`].
//! `CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS` is the service's address, if it is another.

use p256::elliptic_curve::zeroize::Zeroizing;
use serde_json::Value;
use ureq::http::Method;

use super::encode::{base64, from_base64};
use super::gcp_token::access_token;
use super::http::{Answer, Call, Http, base_url};
use super::tls::Tls;
use crate::error::{Defect, Entry, Error};
use crate::sign::environment::Environment;
use crate::sign::held::HeldKey;
use crate::sign::public_key::PublicKey;

/// Every second part of the name of a key version.
const NAME_PARTS: [&str; 5] = ["projects", "locations", "keyRings", "cryptoKeys", "cryptoKeyVersions"];
const ALGORITHMS: [&str; 4] = [
    "RSA_SIGN_PKCS1_2048_SHA256",
    "RSA_SIGN_PKCS1_3072_SHA256",
    "RSA_SIGN_PKCS1_4096_SHA256",
    "EC_SIGN_P256_SHA256",
];

/// One version of a key in Cloud KMS.
pub struct GcpKey {
    name: String,
    url: String,
    authorization: Zeroizing<String>,
    http: Http,
}

impl GcpKey {
    /// The key version with this resource name,
    /// `projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N`. An access token is fetched
    /// at once: it is `GOOGLE_OAUTH_ACCESS_TOKEN`, or got with the credentials in the file
    /// `GOOGLE_APPLICATION_CREDENTIALS` (a service account, or the user that `gcloud auth
    /// application-default login` wrote down), or with those that gcloud left in its folder, or from the
    /// metadata server of the machine.
    ///
    /// # Errors
    /// [`Defect::Setting`] when the name or a setting is unusable, [`Defect::Service`] when no token is
    /// given out.
    pub fn new(name: &str, environment: Environment<'_>) -> Result<Self, Error> {
        check_name(name)?;
        let variable = "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS";
        let address = base_url(variable, &environment.or(variable, "https://cloudkms.googleapis.com"))?;
        let token = access_token(environment)?;
        Ok(Self {
            name: name.to_owned(),
            url: format!("{address}/v1/{name}"),
            http: Http::new(environment, &Tls::default(), &address, false)?.hide(&token),
            authorization: Zeroizing::new(format!("Bearer {}", token.as_str())),
        })
    }

    fn call(&self, method: Method, suffix: &str, body: Option<String>) -> Result<Answer, Error> {
        let answer = self.http.call(Call {
            method,
            url: &format!("{}{suffix}", self.url),
            headers: &[("Authorization", &self.authorization)],
            body: body.map(|body| ("application/json", body)),
        })?;
        match answer.optional("/name") {
            Some(name) if name == self.name => Ok(answer),
            _ => Err(answer.lacks("the name that was asked for")),
        }
    }
}

impl HeldKey for GcpKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn public_key(&self) -> Result<PublicKey, Error> {
        let answer = self.call(Method::GET, "/publicKey", None)?;
        let algorithm = answer.text("/algorithm", "the algorithm of the key")?;
        if !ALGORITHMS.contains(&algorithm) {
            return Err(Error::new(Defect::KeyKind, Entry::Key)
                .expected("RSA_SIGN_PKCS1_*_SHA256 or EC_SIGN_P256_SHA256")
                .found(algorithm.as_bytes()));
        }
        let pem = answer.text("/pem", "a public key")?.as_bytes();
        check_crc(&answer, "/pemCrc32c", pem, "pemCrc32c, and the right one,")?;
        PublicKey::from_pem(pem)
    }

    fn sign_digest(&self, digest: &[u8; 32], _public: &PublicKey) -> Result<Vec<u8>, Error> {
        let body = serde_json::json!({
            "digest": { "sha256": base64(digest) },
            "digestCrc32c": crc32c(digest).to_string(),
        });
        let answer = self.call(Method::POST, ":asymmetricSign", Some(body.to_string()))?;
        if answer.value("/verifiedDigestCrc32c") != Some(&Value::Bool(true)) {
            return Err(answer.lacks("verifiedDigestCrc32c: true"));
        }
        let signature = answer.text("/signature", "a signature in base64")?;
        let signature = from_base64(signature).ok_or_else(|| answer.lacks("a signature in base64"))?;
        check_crc(&answer, "/signatureCrc32c", &signature, "signatureCrc32c, and the right one,")?;
        Ok(signature)
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let parts: Vec<&str> = name.split('/').collect();
    let sound = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    };
    let kinds = parts.iter().step_by(2).eq(NAME_PARTS.iter());
    if parts.len() != 10 || !kinds || !parts.iter().all(|part| sound(part)) {
        return Err(Error::new(Defect::Setting, Entry::Key)
            .named(name.as_bytes())
            .expected("projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N"));
    }
    Ok(())
}

/// Numbers of 64 bits are text in Google's JSON.
fn check_crc(answer: &Answer, place: &str, bytes: &[u8], expected: &'static str) -> Result<(), Error> {
    let found = match answer.value(place) {
        Some(Value::String(text)) => text.parse().ok(),
        Some(number) => number.as_u64(),
        None => None,
    };
    if found == Some(u64::from(crc32c(bytes))) { Ok(()) } else { Err(answer.lacks(expected)) }
}

/// CRC-32C (Castagnoli), as RFC 3720 defines it.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_of_rfc_3720() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn names_are_those_of_key_versions() {
        let name = "projects/p-1/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
        check_name(name).unwrap();
        check_name(&name.replace("p-1", "example.com:p-1")).unwrap();
        for odd in ["", "k", &name[..name.len() - 2], &format!("{name}/x"), &name.replace("/r/", "/?/")] {
            assert_eq!(check_name(odd).unwrap_err().defect(), Defect::Setting, "{odd}");
        }
    }
}
