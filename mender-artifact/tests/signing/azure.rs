//! Azure Key Vault.

use crate::stand_in::{Held, MANIFEST, Received, Reply, StandIn, base64url, chain, from_base64url, table};
use mender_artifact::error::{Defect, Error};
use mender_artifact::sign::Signer;
use mender_artifact::sign::environment::Environment;
use mender_artifact::sign::held::HeldKey;
use mender_artifact::sign::remote::azure::AzureKey;
use serde_json::{Value, json};

/// The numbers in the test keys, as JSON Web Keys have them.
fn web_key(held: &Held) -> Value {
    let der = held.der();
    if held.rsa {
        // SEQUENCE { SEQUENCE { OID, NULL }, BIT STRING { SEQUENCE { INTEGER n, INTEGER e } } }, 2048 bits.
        let at = der.len() - 5 - 256;
        json!({ "kty": "RSA-HSM", "n": base64url(&der[at..at + 256]), "e": base64url(&der[der.len() - 3..]) })
    } else {
        let point = &der[der.len() - 64..];
        json!({ "kty": "EC", "crv": "P-256", "x": base64url(&point[..32]), "y": base64url(&point[32..]) })
    }
}

fn answer(held: &Held, request: &Received) -> Reply {
    if request.header("authorization") != "Bearer eyJ.token" {
        let error = json!({ "code": "Unauthorized", "message": "AKV10032: Invalid issuer" });
        return Reply::of(401, json!({ "error": error }).to_string());
    }
    let id = "https://v.vault.azure.net/keys/release/0a1b";
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/keys/release?api-version=7.4" | "/keys/release/0a1b?api-version=7.4") => {
            let mut key = web_key(held);
            key["kid"] = id.into();
            Reply::ok(json!({ "key": key, "attributes": { "enabled": true } }))
        }
        ("POST", "/keys/release/0a1b/sign?api-version=7.4") => {
            let body = request.json();
            assert_eq!(body["alg"], if held.rsa { "RS256" } else { "ES256" });
            let signature = held.sign(&from_base64url(body["value"].as_str().unwrap()));
            Reply::ok(json!({ "kid": id, "value": base64url(&signature) }))
        }
        other => Reply::of(
            404,
            json!({ "error": { "code": "KeyNotFound", "message": format!("{other:?}") } }).to_string(),
        ),
    }
}

fn vault(kind: &'static str) -> StandIn {
    let held = Held::named(kind);
    StandIn::start(move |request| answer(&held, request))
}

fn key(server: &StandIn, more: &[(&str, &str)]) -> Result<AzureKey, Error> {
    let url = server.url();
    let table = table(&[&[("AZURE_KEYVAULT_URL", url.as_str())], more].concat());
    AzureKey::new("release", Environment::new(&table))
}

const TOKEN: (&str, &str) = ("AZURE_ACCESS_TOKEN", "eyJ.token");

#[test]
fn a_digest_is_signed_by_the_newest_or_the_given_version() {
    for kind in ["rsa", "p256"] {
        let server = vault(kind);
        for more in [&[TOKEN][..], &[TOKEN, ("KEY_VAULT_KEY_VERSION", "0a1b")]] {
            let key = key(&server, more).unwrap();
            Held::named(kind).check(&key.sign_manifest(MANIFEST).unwrap());
            key.public_key().unwrap().verify(MANIFEST, &key.sign_manifest(MANIFEST).unwrap()).unwrap();
        }
    }
}

#[test]
fn an_application_gets_a_token_with_its_secret_or_a_federated_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("federated");
    std::fs::write(&path, "eyJ.proof\n").unwrap();
    let server = vault("p256");
    let secret = ("AZURE_CLIENT_SECRET", "hush&1");
    let federated = ("AZURE_FEDERATED_TOKEN_FILE", path.to_str().unwrap());
    let jwt = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    for (proof, form) in [
        (secret, "client_secret=hush%261".to_owned()),
        (federated, format!("client_assertion_type={jwt}&client_assertion=eyJ.proof")),
    ] {
        let login =
            StandIn::start(|_| Reply::ok(json!({ "token_type": "Bearer", "access_token": "eyJ.token" })));
        let url = login.url();
        let more = [
            proof,
            ("AZURE_AUTHORITY_HOST", url.as_str()),
            ("AZURE_TENANT_ID", "t-1"),
            ("AZURE_CLIENT_ID", "c-1"),
        ];
        Held::named("p256").check(&key(&server, &more).unwrap().sign_manifest(MANIFEST).unwrap());
        let request = &login.requests()[0];
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/t-1/oauth2/v2.0/token"));
        assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded");
        let scope = "scope=https%3A%2F%2Fvault.azure.net%2F.default";
        assert_eq!(request.body, format!("grant_type=client_credentials&client_id=c-1&{scope}&{form}"));
    }
}

#[test]
fn a_machine_gets_a_token_by_what_it_is() {
    let server = vault("rsa");
    let identity =
        StandIn::start(|_| Reply::ok(json!({ "access_token": "eyJ.token", "expires_in": "3599" })));
    let url = identity.url();
    let endpoint = format!("{url}/msi/token");
    let app =
        [("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", "hush"), ("AZURE_CLIENT_ID", "c 1")];
    let machine = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.as_str())];
    for more in [&app[..], &machine] {
        Held::named("rsa").check(&key(&server, more).unwrap().sign_manifest(MANIFEST).unwrap());
    }
    let requests = identity.requests();
    let resource = "resource=https%3A%2F%2Fvault.azure.net";
    assert_eq!(requests[0].path, format!("/msi/token?api-version=2019-08-01&{resource}&client_id=c%201"));
    assert_eq!(requests[0].header("x-identity-header"), "hush");
    assert_eq!(
        requests[1].path,
        format!("/metadata/identity/oauth2/token?api-version=2018-02-01&{resource}")
    );
    assert_eq!(requests[1].header("metadata"), "true");
}

#[test]
fn refusals_are_said_and_secrets_are_not() {
    let login = StandIn::start(|request| {
        // Worse than any real service: it says the secret back.
        let said =
            format!("AADSTS7000215: Invalid client secret in {}", request.body.replace("scope", "hush!"));
        Reply::of(401, json!({ "error": "invalid_client", "error_description": said }).to_string())
    });
    let server = vault("rsa");
    let url = login.url();
    let more = [
        ("AZURE_CLIENT_SECRET", "hush!"),
        ("AZURE_AUTHORITY_HOST", url.as_str()),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
    ];
    let text = chain(&key(&server, &more).map(|_| ()).unwrap_err());
    assert!(text.contains("status 401: AADSTS7000215"), "{text}");
    assert!(!text.contains("hush"), "{text}");
    assert!(server.requests().is_empty());
    let error =
        key(&server, &[("AZURE_ACCESS_TOKEN", "eyJ.other")]).unwrap().sign_manifest(MANIFEST).unwrap_err();
    assert!(
        chain(&error).ends_with("status 401: Unauthorized: AKV10032: Invalid issuer"),
        "{}",
        chain(&error)
    );
    let error = key(&server, &[("AZURE_CLIENT_SECRET", "hush!")]).map(|_| ()).unwrap_err();
    assert_eq!(error.defect(), Defect::Setting);
}

#[test]
fn keys_of_other_kinds_are_refused() {
    for json in [
        json!({ "kty": "EC", "crv": "P-384", "x": "AA", "y": "AA" }),
        json!({ "kty": "EC-HSM", "crv": "P-256K", "x": "AA", "y": "AA" }),
        json!({ "kty": "oct-HSM" }),
    ] {
        let server = StandIn::start(move |_| Reply::ok(json!({ "key": json })));
        let error = key(&server, &[TOKEN]).unwrap().sign_manifest(MANIFEST).unwrap_err();
        assert_eq!(error.defect(), Defect::KeyKind);
        assert_eq!(server.requests().len(), 1);
    }
}
