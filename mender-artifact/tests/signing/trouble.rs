//! Services that are slow, talk too much, redirect or are not there; what they say back is shown with care.

use crate::stand_in::{Held, MANIFEST, Reply, StandIn, chain, table};
use mender_artifact::error::{Defect, Error};
use mender_artifact::sign::Signer;
use mender_artifact::sign::environment::Environment;
use mender_artifact::sign::remote::vault::VaultKey;
use serde_json::json;
use std::net::TcpListener;
use std::time::{Duration, Instant};

fn sign_at(url: &str) -> Result<Vec<u8>, Error> {
    let table = table(&[
        ("VAULT_ADDR", url),
        ("VAULT_TOKEN", "s.very-secret"),
        ("MENDER_ARTIFACT_SIGNING_TIMEOUT", "1"),
    ]);
    VaultKey::new("k", Environment::new(&table))?.sign_manifest(MANIFEST)
}

#[test]
fn a_service_that_does_not_answer_in_time_is_given_up() {
    let slow = StandIn::start(|_| Reply { delay: Duration::from_secs(5), ..Reply::of(200, "{}") });
    let begin = Instant::now();
    let error = sign_at(&slow.url()).unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(4));
    assert_eq!(error.defect(), Defect::Service);
    assert!(chain(&error).contains("no answer: timeout"), "{}", chain(&error));
}

#[test]
fn a_service_that_is_not_there_is_named() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = chain(&sign_at(&format!("http://127.0.0.1:{port}")).unwrap_err());
    assert!(text.contains(&format!("http://127.0.0.1:{port}/v1/transit/keys/k: no answer")), "{text}");
}

#[test]
fn a_huge_answer_is_not_taken_in() {
    let huge = StandIn::start(|_| Reply::of(200, format!(r#"{{"data":"{}"}}"#, "x".repeat(1 << 20))));
    let error = sign_at(&huge.url()).unwrap_err();
    assert_eq!(error.defect(), Defect::TooLarge, "{}", chain(&error));
}

#[test]
fn redirects_are_not_followed() {
    let other = StandIn::start(|_| Reply::of(200, "{}"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let target = other.url();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let head = format!(
            "HTTP/1.1 307 X\r\nLocation: {target}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let _ = stream.write_all(head.as_bytes());
    });
    let error = sign_at(&url).unwrap_err();
    assert!(chain(&error).ends_with("refused with status 307"), "{}", chain(&error));
    assert!(other.requests().is_empty());
}

#[test]
fn answers_that_are_no_json_or_lack_something_are_refused() {
    for (body, says) in [
        ("<html>", "expected JSON in the answer"),
        ("", "expected JSON in the answer"),
        ("{}", "expected the type of the key in the answer"),
        (r#"{"data":{"type":"rsa-2048","keys":{}}}"#, "expected a public key of this version in the answer"),
    ] {
        let server = StandIn::start(move |_| Reply::of(200, body));
        let error = sign_at(&server.url()).unwrap_err();
        assert!(chain(&error).ends_with(says), "{}", chain(&error));
    }
}

#[test]
fn what_a_service_says_is_shown_on_one_line_and_without_secrets() {
    let server = StandIn::start(|request| {
        let said =
            format!("no\nsuch\u{1b}[31m token: {} {}", request.header("x-vault-token"), "x".repeat(500));
        Reply::of(403, json!({ "errors": [said] }).to_string())
    });
    let text = chain(&sign_at(&server.url()).unwrap_err());
    assert!(text.contains("no such [31m token: *** xxx"), "{text}");
    assert!(!text.contains("very-secret") && text.len() < 400, "{text}");
}

#[test]
fn a_signature_of_another_key_or_form_is_not_used() {
    for (index, signature) in ["vault:v1:AAAA", "vault:v2:AAAA", "AAAA", "vault:v1:*"].into_iter().enumerate()
    {
        let server = StandIn::start(move |request| {
            if request.method == "GET" {
                let key = json!({ "1": { "public_key": Held::named("rsa").pem } });
                return Reply::ok(json!({ "data": { "type": "rsa-2048", "keys": key } }));
            }
            Reply::ok(json!({ "data": { "signature": signature } }))
        });
        let text = chain(&sign_at(&server.url()).unwrap_err());
        let says = if index == 0 {
            "a signature that the public key verifies"
        } else {
            "a signature 'vault:vN:...'"
        };
        assert!(text.contains(says), "{text}");
    }
}
