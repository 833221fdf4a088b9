//! Access tokens for Azure Key Vault.

use std::path::Path;

use p256::elliptic_curve::zeroize::Zeroizing;
use ureq::http::Method;

use super::encode::{form, percent};
use super::http::{Call, Http, base_url};
use super::tls::Tls;
use crate::error::{Entry, Error};
use crate::sign::environment::{Environment, unusable};

const VERSION_OF_APP_SERVICE: &str = "2019-08-01";
const VERSION_OF_MACHINES: &str = "2018-02-01";

/// A token, from the first of the sources that is there; see
/// [`AzureKey::new`](super::azure::AzureKey::new).
pub(super) fn access_token(environment: Environment<'_>, vault: &str) -> Result<Zeroizing<String>, Error> {
    if let Some(token) = environment.secret("AZURE_ACCESS_TOKEN") {
        return Ok(token);
    }
    let secret = environment.secret("AZURE_CLIENT_SECRET");
    let file = environment.get("AZURE_FEDERATED_TOKEN_FILE");
    match (secret, file) {
        (Some(secret), _) => of_application(environment, vault, &[("client_secret", &secret)]),
        (None, Some(path)) => {
            let assertion = std::fs::read_to_string(&path).map(Zeroizing::new);
            let assertion =
                assertion.map_err(|error| Error::io(Entry::Key, error).with_path(Path::new(&path)))?;
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            let proof = [("client_assertion_type", kind), ("client_assertion", assertion.trim())];
            of_application(environment, vault, &proof)
        }
        (None, None) => of_managed_identity(environment, vault),
    }
}

/// Whom the token is for: the part of the vault's host behind the vault's name.
fn resource(vault: &str) -> String {
    let host = vault.split("//").nth(1).unwrap_or_default();
    let host = host.split(['/', ':']).next().unwrap_or_default();
    match host.split_once('.') {
        Some((_, cloud)) if cloud.starts_with("vault.") || cloud.starts_with("managedhsm.") => {
            format!("https://{cloud}")
        }
        _ => "https://vault.azure.net".to_owned(),
    }
}

fn of_application(
    environment: Environment<'_>,
    vault: &str,
    proof: &[(&str, &str)],
) -> Result<Zeroizing<String>, Error> {
    let authority = environment.or("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com");
    let authority = base_url("AZURE_AUTHORITY_HOST", &authority)?;
    let tenant = environment.required("AZURE_TENANT_ID")?;
    let client = environment.required("AZURE_CLIENT_ID")?;
    let scope = format!("{}/.default", resource(vault));
    let mut fields =
        vec![("grant_type", "client_credentials"), ("client_id", client.as_str()), ("scope", scope.as_str())];
    fields.extend(proof);
    let mut http = Http::new(environment, &Tls::default(), &authority, false)?;
    for (_, value) in proof {
        http = http.hide(value);
    }
    let url = format!("{authority}/{}/oauth2/v2.0/token", percent(&tenant));
    let body = Some(("application/x-www-form-urlencoded", form(&fields)));
    take(&http, Call { method: Method::POST, url: &url, headers: &[], body })
}

fn of_managed_identity(environment: Environment<'_>, vault: &str) -> Result<Zeroizing<String>, Error> {
    let resource = resource(vault);
    let client = environment.get("AZURE_CLIENT_ID");
    let query = |version: &str| {
        let client = client.as_deref().map(|id| format!("&client_id={}", percent(id))).unwrap_or_default();
        format!("api-version={version}&resource={}{client}", percent(&resource))
    };
    if let Some(endpoint) = environment.get("IDENTITY_ENDPOINT") {
        let url = base_url("IDENTITY_ENDPOINT", &endpoint)?;
        let Some(header) = environment.secret("IDENTITY_HEADER") else {
            return Err(unusable("IDENTITY_HEADER", "a value where IDENTITY_ENDPOINT has one"));
        };
        let http = Http::new(environment, &Tls::default(), &url, true)?.hide(&header);
        let url = format!("{url}?{}", query(VERSION_OF_APP_SERVICE));
        let headers = &[("X-IDENTITY-HEADER", header.as_str())];
        return take(&http, Call { method: Method::GET, url: &url, headers, body: None });
    }
    let variable = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
    let base = base_url(variable, &environment.or(variable, "http://169.254.169.254"))?;
    let http = Http::new(environment, &Tls::default(), &base, true)?;
    let url = format!("{base}/metadata/identity/oauth2/token?{}", query(VERSION_OF_MACHINES));
    take(&http, Call { method: Method::GET, url: &url, headers: &[("Metadata", "true")], body: None })
}

fn take(http: &Http, call: Call<'_>) -> Result<Zeroizing<String>, Error> {
    let answer = http.call(call)?;
    Ok(Zeroizing::new(answer.text("/access_token", "an access token")?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_has_its_audience() {
        for (vault, audience) in [
            ("https://a.vault.azure.net", "https://vault.azure.net"),
            ("https://a.vault.azure.cn", "https://vault.azure.cn"),
            ("https://a.managedhsm.azure.net", "https://managedhsm.azure.net"),
            ("http://127.0.0.1:8080", "https://vault.azure.net"),
        ] {
            assert_eq!(resource(vault), audience);
        }
    }
}
