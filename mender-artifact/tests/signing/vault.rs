//! HashiCorp Vault's transit engine.

use crate::stand_in::{
    Held, MANIFEST, Received, Reply, StandIn, base64, base64url, chain, from_base64, table,
};
use mender_artifact::error::Defect;
use mender_artifact::sign::Signer;
use mender_artifact::sign::environment::Environment;
use mender_artifact::sign::held::HeldKey;
use mender_artifact::sign::remote::vault::VaultKey;
use serde_json::json;

/// Answers as Vault does for a key of three versions.
fn vault(held: Held, version: u64) -> StandIn {
    StandIn::start(move |request| answer(&held, version, request))
}

fn answer(held: &Held, version: u64, request: &Received) -> Reply {
    if request.header("x-vault-token") != "s.secret" {
        return Reply::of(403, r#"{"errors":["permission denied"]}"#);
    }
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/v1/signing/keys/release%20key") => {
            let other = Held::named(if held.rsa { "p256" } else { "rsa" }).pem;
            let mut keys = json!({ "1": { "public_key": other }, "2": { "public_key": other } });
            keys[version.to_string()] = json!({ "name": "P-256", "public_key": held.pem });
            let kind = if held.rsa { "rsa-2048" } else { "ecdsa-p256" };
            Reply::ok(json!({ "data": { "type": kind, "keys": keys, "latest_version": 3 } }))
        }
        ("PUT", "/v1/signing/sign/release%20key/sha2-256") => {
            let body = request.json();
            assert_eq!(body["prehashed"], true);
            assert_eq!(body["key_version"], version);
            let signature = held.sign(&from_base64(&body["input"]));
            let text = if held.rsa {
                assert_eq!(body["signature_algorithm"], "pkcs1v15");
                base64(&signature)
            } else {
                assert_eq!(body["marshaling_algorithm"], "jws");
                base64url(&signature)
            };
            Reply::ok(
                json!({ "data": { "signature": format!("vault:v{version}:{text}"), "key_version": version } }),
            )
        }
        other => Reply::of(404, format!(r#"{{"errors":["no handler for {other:?}"]}}"#)),
    }
}

#[test]
fn a_digest_is_signed_by_the_version_that_is_set() {
    for held in Held::both() {
        let expected = Held::named(if held.rsa { "rsa" } else { "p256" });
        for version in [1, 3] {
            let server = vault(Held::named(if held.rsa { "rsa" } else { "p256" }), version);
            let version = version.to_string();
            let table = table(&[
                ("VAULT_ADDR", &server.url()),
                ("VAULT_TOKEN", "s.secret"),
                ("VAULT_MOUNT_PATH", "/signing/"),
                ("VAULT_NAMESPACE", "team"),
                ("VAULT_KEY_VERSION", &version),
            ]);
            let key = VaultKey::new("release key", Environment::new(&table)).unwrap();
            expected.check(&key.sign_manifest(MANIFEST).unwrap());
            key.public_key()
                .unwrap()
                .verify(MANIFEST, &expected.private.sign_manifest(MANIFEST).unwrap())
                .unwrap();
            let requests = server.requests();
            assert_eq!(requests.len(), 3);
            for request in requests {
                assert_eq!(request.header("x-vault-request"), "true");
                assert_eq!(request.header("x-vault-namespace"), "team");
                assert_eq!(request.header("x-vault-token"), "s.secret");
            }
        }
    }
}

#[test]
fn refusals_and_missing_settings_are_said() {
    let server = vault(Held::named("rsa"), 1);
    let url = server.url();
    let error = |variables: &[(&str, &str)]| {
        let table = table(variables);
        let key = VaultKey::new("release key", Environment::new(&table));
        key.and_then(|key| key.sign_manifest(MANIFEST)).unwrap_err()
    };
    let address = ("VAULT_ADDR", url.as_str());
    let mount = ("VAULT_MOUNT_PATH", "signing");
    let refused = error(&[address, mount, ("VAULT_TOKEN", "wrong-token")]);
    assert_eq!(refused.defect(), Defect::Service);
    let text = chain(&refused);
    assert!(
        text.ends_with("/v1/signing/keys/release%20key: refused with status 403: permission denied"),
        "{text}"
    );
    assert!(!text.contains("wrong-token"));
    let token = ("VAULT_TOKEN", "s.secret");
    assert_eq!(error(&[address, mount]).defect(), Defect::Setting);
    assert_eq!(error(&[address, mount, token, ("VAULT_KEY_VERSION", "0")]).defect(), Defect::Setting);
    assert_eq!(error(&[("VAULT_ADDR", "vault.example:8200"), mount, token]).defect(), Defect::Setting);
    let text = chain(&error(&[address, mount, token, ("VAULT_KEY_VERSION", "9")]));
    assert!(text.contains("expected a public key of this version in the answer"), "{text}");
}

#[test]
fn keys_of_other_types_are_refused_before_anything_is_signed() {
    for kind in ["ecdsa-p384", "ed25519", "aes256-gcm96", "rsa"] {
        let server = StandIn::start(move |_| {
            Reply::ok(json!({ "data": { "type": kind, "keys": { "1": 1_700_000_000 } } }))
        });
        let table = table(&[("VAULT_ADDR", &server.url()), ("VAULT_TOKEN", "t")]);
        let key = VaultKey::new("k", Environment::new(&table)).unwrap();
        assert_eq!(key.sign_manifest(MANIFEST).unwrap_err().defect(), Defect::KeyKind, "{kind}");
        assert_eq!(server.requests().len(), 1);
        assert_eq!(server.requests()[0].path, "/v1/transit/keys/k");
    }
}
