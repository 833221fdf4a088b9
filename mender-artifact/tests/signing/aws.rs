//! AWS KMS.

use crate::stand_in::{Held, MANIFEST, Received, Reply, StandIn, base64, chain, from_base64, table};
use mender_artifact::error::{Defect, Error};
use mender_artifact::sign::Signer;
use mender_artifact::sign::environment::Environment;
use mender_artifact::sign::held::HeldKey;
use mender_artifact::sign::remote::aws::AwsKey;
use serde_json::{Value, json};

const ARN: &str = "arn:aws:kms:eu-north-1:111122223333:key/1234abcd";

fn answer(held: &Held, request: &Received) -> Reply {
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/"));
    assert_eq!(request.header("content-type"), "application/x-amz-json-1.1");
    let time = request.header("x-amz-date");
    assert!(time.len() == 16 && time.ends_with('Z'), "{time}");
    let authorization = request.header("authorization");
    let session =
        if request.header("x-amz-security-token").is_empty() { "" } else { "x-amz-security-token;" };
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=AKIATEST/{}/eu-north-1/kms/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;{session}x-amz-target, Signature=",
        &time[..8]
    );
    let signature = authorization.strip_prefix(&scope).unwrap_or_else(|| panic!("{authorization}"));
    if signature != expected_signature(request, session) {
        let said = "The request signature we calculated does not match the signature you provided.";
        return Reply::of(400, json!({ "__type": "InvalidSignatureException", "message": said }).to_string());
    }
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["KeyId"], ARN);
    match request.header("x-amz-target") {
        "TrentService.GetPublicKey" => Reply::ok(json!({
            "KeyId": ARN,
            "KeySpec": if held.rsa { "RSA_2048" } else { "ECC_NIST_P256" },
            "KeyUsage": "SIGN_VERIFY",
            "PublicKey": base64(&held.der()),
            "SigningAlgorithms": ["RSASSA_PKCS1_V1_5_SHA_256"],
        })),
        "TrentService.Sign" => {
            assert_eq!(body["MessageType"], "DIGEST");
            let algorithm = if held.rsa { "RSASSA_PKCS1_V1_5_SHA_256" } else { "ECDSA_SHA_256" };
            assert_eq!(body["SigningAlgorithm"], algorithm);
            let signature = held.sign_der(&from_base64(&body["Message"]));
            Reply::ok(json!({ "KeyId": ARN, "Signature": base64(&signature), "SigningAlgorithm": algorithm }))
        }
        other => panic!("{other}"),
    }
}

/// Signature Version 4 once more, from what arrived.
fn expected_signature(request: &Received, session: &str) -> String {
    use hmac::{Hmac, Mac};
    use sha2::{Digest, Sha256};
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mac = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let mut canonical = "POST\n/\n\n".to_owned();
    let names = format!("content-type;host;x-amz-date;{session}x-amz-target");
    for name in names.split(';') {
        canonical += &format!("{name}:{}\n", request.header(name));
    }
    canonical += &format!("\n{names}\n{}", hex(&Sha256::digest(&request.body)));
    let time = request.header("x-amz-date");
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{}/eu-north-1/kms/aws4_request\n{}",
        &time[..8],
        hex(&Sha256::digest(canonical))
    );
    let key = mac(b"AWS4hush/secret", &time[..8]);
    let key = mac(&mac(&mac(&key, "eu-north-1"), "kms"), "aws4_request");
    hex(&mac(&key, &text))
}

fn kms(kind: &'static str) -> StandIn {
    let held = Held::named(kind);
    StandIn::start(move |request| answer(&held, request))
}

fn key(server: &StandIn, more: &[(&str, &str)]) -> Result<AwsKey, Error> {
    let url = server.url();
    let own = [("AWS_ENDPOINT_URL_KMS", url.as_str()), ("AWS_ACCESS_KEY_ID", "AKIATEST")];
    let table = table(&[&own, more].concat());
    AwsKey::new(ARN, Environment::new(&table))
}

const SECRET: (&str, &str) = ("AWS_SECRET_ACCESS_KEY", "hush/secret");

#[test]
fn a_digest_is_signed_and_the_request_is_too() {
    for kind in ["rsa", "p256"] {
        let server = kms(kind);
        for more in [&[SECRET][..], &[SECRET, ("AWS_SESSION_TOKEN", "hush2"), ("AWS_REGION", "us-east-1")]] {
            let key = key(&server, more).unwrap();
            Held::named(kind).check(&key.sign_manifest(MANIFEST).unwrap());
            key.public_key().unwrap();
        }
        assert_eq!(server.requests()[3].header("x-amz-security-token"), "hush2");
    }
}

#[test]
fn a_service_that_does_not_say_what_its_keys_are_for_is_believed() {
    let held = Held::named("p256");
    let server = StandIn::start(move |request| {
        let reply = answer(&held, request);
        let mut json: Value = serde_json::from_str(&reply.body).unwrap();
        for name in ["KeySpec", "KeyUsage", "SigningAlgorithms"] {
            json.as_object_mut().unwrap().remove(name);
        }
        Reply::ok(json)
    });
    Held::named("p256").check(&key(&server, &[SECRET]).unwrap().sign_manifest(MANIFEST).unwrap());
}

#[test]
fn wrong_credentials_are_refused_and_not_shown() {
    let server = kms("rsa");
    let error = key(&server, &[("AWS_SECRET_ACCESS_KEY", "other-secret")]).unwrap().public_key().unwrap_err();
    let text = chain(&error);
    assert!(text.contains("status 400: InvalidSignatureException: The request signature"), "{text}");
    assert!(!text.contains("other-secret"));
    assert_eq!(key(&server, &[]).map(|_| ()).unwrap_err().defect(), Defect::Setting);
}

#[test]
fn the_region_comes_from_the_key_or_the_environment() {
    let new = |name: &str, more: &[(&str, &str)]| {
        let table = table(&[&[("AWS_ACCESS_KEY_ID", "a"), SECRET], more].concat());
        AwsKey::new(name, Environment::new(&table)).map(|_| ()).map_err(|error| error.to_string())
    };
    new(ARN, &[]).unwrap();
    new("alias/release", &[("AWS_DEFAULT_REGION", "eu-west-1")]).unwrap();
    for (name, more) in [("alias/release", &[][..]), ("alias/release", &[("AWS_REGION", "x.example/")])] {
        assert!(new(name, more).unwrap_err().contains("AWS_REGION"));
    }
}

#[test]
fn keys_of_other_kinds_are_refused() {
    for (spec, usage) in [
        ("ECC_NIST_P384", "SIGN_VERIFY"),
        ("RSA_2048", "ENCRYPT_DECRYPT"),
        ("ECC_SECG_P256K1", "SIGN_VERIFY"),
    ] {
        let server = StandIn::start(move |_| {
            Reply::ok(json!({ "KeyId": ARN, "KeySpec": spec, "KeyUsage": usage, "PublicKey": "AA==" }))
        });
        let error = key(&server, &[SECRET]).unwrap().sign_manifest(MANIFEST).unwrap_err();
        assert_eq!(error.defect(), Defect::KeyKind, "{spec}");
    }
}
