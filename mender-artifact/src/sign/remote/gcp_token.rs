//! Access tokens for Google Cloud.

use std::path::{Path, PathBuf};

use p256::elliptic_curve::zeroize::Zeroizing;
use serde_json::Value;
use ureq::http::Method;

use super::encode::{base64url, form, now};
use super::http::{Call, Http, base_url};
use super::tls::Tls;
use crate::error::{Defect, Entry, Error};
use crate::sign::Signer;
use crate::sign::environment::Environment;
use crate::sign::private_key::PrivateKey;

const SCOPE: &str = "https://www.googleapis.com/auth/cloudkms";
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// Largest file of credentials. A service account takes 2.4 KiB.
const FILE_MAX_BYTES: u64 = 64 * 1024;

/// A token, from the first of the sources that is there; see [`GcpKey::new`](super::gcp::GcpKey::new).
pub(super) fn access_token(environment: Environment<'_>) -> Result<Zeroizing<String>, Error> {
    if let Some(token) = environment.secret("GOOGLE_OAUTH_ACCESS_TOKEN") {
        return Ok(token);
    }
    match credentials_file(environment) {
        Some(path) => from_file(&path, environment),
        None => from_metadata_server(environment),
    }
}

fn credentials_file(environment: Environment<'_>) -> Option<PathBuf> {
    if let Some(path) = environment.get("GOOGLE_APPLICATION_CREDENTIALS") {
        return Some(path.into());
    }
    let folder = environment.get("CLOUDSDK_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(Path::new(&environment.get("HOME")?).join(".config/gcloud")))?;
    Some(folder.join("application_default_credentials.json")).filter(|path| path.exists())
}

fn from_file(path: &Path, environment: Environment<'_>) -> Result<Zeroizing<String>, Error> {
    let unusable = |expected| Error::new(Defect::Setting, Entry::Key).with_path(path).expected(expected);
    let text = read(path).map_err(|error| Error::io(Entry::Key, error).with_path(path))?;
    let json: Value = serde_json::from_slice(&text).map_err(|_| unusable("JSON"))?;
    let field = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (url, form) = match field("type") {
        Some("service_account") => {
            let url = field("token_uri").unwrap_or(TOKEN_URL);
            let wanted = || unusable("client_email and private_key");
            let email = field("client_email").ok_or_else(wanted)?;
            let key = PrivateKey::from_pem(field("private_key").ok_or_else(wanted)?.as_bytes())
                .map_err(|error| error.with_path(path))?;
            let claim = assertion(email, url, field("private_key_id"), &key)?;
            (
                url,
                form(&[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &claim)]),
            )
        }
        Some("authorized_user") => {
            let wanted = || unusable("client_id, client_secret and refresh_token");
            let fields = [
                ("grant_type", "refresh_token"),
                ("client_id", field("client_id").ok_or_else(wanted)?),
                ("client_secret", field("client_secret").ok_or_else(wanted)?),
                ("refresh_token", field("refresh_token").ok_or_else(wanted)?),
            ];
            (field("token_uri").unwrap_or(TOKEN_URL), form(&fields))
        }
        other => {
            let found = other.unwrap_or("none").as_bytes();
            return Err(unusable("credentials of type service_account or authorized_user").found(found));
        }
    };
    let url = base_url("token_uri", url).map_err(|error| error.with_path(path))?;
    let mut http = Http::new(environment, &Tls::default(), &url, false)?;
    for secret in ["client_secret", "refresh_token", "private_key"] {
        http = http.hide(field(secret).unwrap_or_default());
    }
    let body = Some(("application/x-www-form-urlencoded", form));
    let answer = http.call(Call { method: Method::POST, url: &url, headers: &[], body })?;
    Ok(Zeroizing::new(answer.text("/access_token", "an access token")?.to_owned()))
}

/// A JSON Web Token by which a service account asks for an access token (RFC 7523), valid ten minutes.
fn assertion(email: &str, url: &str, key_id: Option<&str>, key: &PrivateKey) -> Result<String, Error> {
    let mut header = serde_json::json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(id) = key_id {
        header["kid"] = id.into();
    }
    if !key.public_key().is_rsa() {
        return Err(Error::new(Defect::KeyKind, Entry::Key).expected("an RSA key of the service account"));
    }
    let now = now();
    let claims =
        serde_json::json!({ "iss": email, "scope": SCOPE, "aud": url, "iat": now, "exp": now + 600 });
    let text =
        format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let signature = key.sign_manifest(text.as_bytes())?;
    Ok(format!("{text}.{}", base64url(&signature)))
}

fn from_metadata_server(environment: Environment<'_>) -> Result<Zeroizing<String>, Error> {
    let host = environment.or("GCE_METADATA_HOST", "metadata.google.internal");
    let base = base_url("GCE_METADATA_HOST", &format!("http://{host}"))?;
    let url = format!("{base}/computeMetadata/v1/instance/service-accounts/default/token");
    let headers = &[("Metadata-Flavor", "Google")];
    let http = Http::new(environment, &Tls::default(), &base, true)?;
    let answer = http.call(Call { method: Method::GET, url: &url, headers, body: None })?;
    Ok(Zeroizing::new(answer.text("/access_token", "an access token")?.to_owned()))
}

fn read(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    use std::io::Read;
    let mut text = Zeroizing::new(Vec::new());
    std::fs::File::open(path)?.take(FILE_MAX_BYTES).read_to_end(&mut text)?;
    Ok(text)
}
