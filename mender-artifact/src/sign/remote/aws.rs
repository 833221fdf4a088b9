//! AWS KMS: asymmetric keys for signing, `RSA_2048` to `RSA_4096` and `ECC_NIST_P256`.
//!
//! | variable | meaning |
//! |---|---|
//! | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` | credentials |
//! | `AWS_SESSION_TOKEN` | token of temporary credentials |
//! | `AWS_REGION`, `AWS_DEFAULT_REGION` | region, if the key is not given as an ARN |
//! | `AWS_ENDPOINT_URL_KMS`, `AWS_ENDPOINT_URL` | the service's address, if it is another |
//! | `AWS_CA_BUNDLE` | PEM file with the authority of the service's certificate |

use p256::elliptic_curve::zeroize::Zeroizing;
use serde_json::Value;
use ureq::http::Method;

use super::aws_signature::{Credentials, Request, authorization};
use super::encode::{base64, compact_time, from_base64, now};
use super::http::{Answer, Call, Http, base_url};
use super::tls::Tls;
use crate::error::{Defect, Entry, Error};
use crate::sign::environment::{Environment, unusable};
use crate::sign::held::HeldKey;
use crate::sign::public_key::PublicKey;

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const USAGE: &str = "SIGN_VERIFY";
const KINDS: [&str; 4] = ["RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256"];

/// An asymmetric key in KMS.
pub struct AwsKey {
    name: String,
    url: String,
    region: String,
    credentials: Credentials,
    http: Http,
}

impl AwsKey {
    /// The key with this identifier: a key ID, `alias/NAME`, or the ARN of either. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Defect::Setting`] when a variable is missing or unusable.
    pub fn new(name: &str, environment: Environment<'_>) -> Result<Self, Error> {
        let region = region(name, environment)?;
        let endpoint = ["AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL"];
        let endpoint = endpoint.into_iter().find_map(|name| Some((name, environment.get(name)?)));
        let url = match endpoint {
            Some((variable, url)) => base_url(variable, &url)?,
            None => {
                let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://kms.{region}.{domain}")
            }
        };
        let credentials = Credentials {
            id: environment.required("AWS_ACCESS_KEY_ID")?,
            secret: Zeroizing::new(environment.required("AWS_SECRET_ACCESS_KEY")?),
            session: environment.secret("AWS_SESSION_TOKEN"),
        };
        let tls = Tls { authorities: environment.get("AWS_CA_BUNDLE"), ..Tls::default() };
        let http = Http::new(environment, &tls, &url, false)?.hide(&credentials.secret);
        let http = http.hide(credentials.session.as_deref().map_or("", String::as_str));
        Ok(Self { name: name.to_owned(), url, region, credentials, http })
    }

    fn call(&self, target: &str, body: &Value) -> Result<Answer, Error> {
        let time = compact_time(now());
        let body = body.to_string();
        let (_, rest) = self.url.split_once("//").unwrap_or_default();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = format!("/{path}");
        let url = if path == "/" { format!("{}/", self.url) } else { self.url.clone() };
        // The default port is not in the Host header.
        let port = if url.starts_with("https://") { ":443" } else { ":80" };
        // In alphabetic order, as they are signed.
        let mut headers = vec![
            ("content-type", CONTENT_TYPE),
            ("host", host.strip_suffix(port).unwrap_or(host)),
            ("x-amz-date", time.as_str()),
        ];
        headers.extend(
            self.credentials.session.as_deref().map(|token| ("x-amz-security-token", token.as_str())),
        );
        headers.push(("x-amz-target", target));
        let request = Request { method: "POST", path: &path, headers: &headers, body: body.as_bytes() };
        let authorization = authorization(&request, &self.credentials, &self.region, "kms");
        // What the HTTP library writes by itself.
        headers.retain(|(name, _)| !matches!(*name, "host" | "content-type"));
        headers.push(("authorization", &authorization));
        self.http.call(Call {
            method: Method::POST,
            url: &url,
            headers: &headers,
            body: Some((CONTENT_TYPE, body)),
        })
    }
}

impl HeldKey for AwsKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn public_key(&self) -> Result<PublicKey, Error> {
        let answer = self.call("TrentService.GetPublicKey", &serde_json::json!({ "KeyId": self.name }))?;
        // Not everything that speaks this protocol says both. The key itself says whether it will do.
        let usage = answer.optional("/KeyUsage").unwrap_or(USAGE);
        let kind = answer.optional("/KeySpec");
        if usage != USAGE || kind.is_some_and(|kind| !KINDS.contains(&kind)) {
            return Err(Error::new(Defect::KeyKind, Entry::Key)
                .named(self.name.as_bytes())
                .expected("SIGN_VERIFY with RSA_* or ECC_NIST_P256")
                .found(format!("{usage} with {}", kind.unwrap_or("any")).as_bytes()));
        }
        let key = from_base64(answer.text("/PublicKey", "PublicKey")?);
        PublicKey::from_der(&key.ok_or_else(|| answer.lacks("PublicKey in base64"))?)
    }

    fn sign_digest(&self, digest: &[u8; 32], public: &PublicKey) -> Result<Vec<u8>, Error> {
        let algorithm = if public.is_rsa() { "RSASSA_PKCS1_V1_5_SHA_256" } else { "ECDSA_SHA_256" };
        let body = serde_json::json!({
            "KeyId": self.name,
            "Message": base64(digest),
            "MessageType": "DIGEST",
            "SigningAlgorithm": algorithm,
        });
        let answer = self.call("TrentService.Sign", &body)?;
        let signature = from_base64(answer.text("/Signature", "Signature")?);
        signature.ok_or_else(|| answer.lacks("Signature in base64"))
    }
}

/// The region in an ARN, `arn:aws:kms:REGION:...`, or the one that is set.
fn region(name: &str, environment: Environment<'_>) -> Result<String, Error> {
    let of_name = name.starts_with("arn:").then(|| name.split(':').nth(3)).flatten().map(str::to_owned);
    let region = of_name.or_else(|| environment.get("AWS_REGION"));
    let region = region.or_else(|| environment.get("AWS_DEFAULT_REGION"));
    let sound = |region: &String| {
        !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    region.filter(sound).ok_or_else(|| unusable("AWS_REGION", "the name of a region"))
}
