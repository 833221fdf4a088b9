//! Google Cloud KMS.

use crate::stand_in::{
    Held, MANIFEST, Received, Reply, StandIn, base64, chain, from_base64, from_base64url, table,
};
use mender_artifact::error::Defect;
use mender_artifact::sign::Signer;
use mender_artifact::sign::environment::Environment;
use mender_artifact::sign::held::HeldKey;
use mender_artifact::sign::remote::gcp::GcpKey;
use serde_json::{Value, json};

const NAME: &str = "projects/p/locations/europe/keyRings/r/cryptoKeys/k/cryptoKeyVersions/2";

/// CRC-32C by another way than the library's: a table.
fn crc32c(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256_u32)
        .map(|index| {
            (0..8).fold(index, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 })
        })
        .collect();
    !bytes.iter().fold(!0, |crc, byte| table[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ crc >> 8)
}

fn answer(held: &Held, request: &Received, spoil: &impl Fn(&mut Value)) -> Reply {
    if request.header("authorization") != "Bearer ya29.token" {
        let error = json!({ "code": 403, "status": "PERMISSION_DENIED", "message": "Permission denied" });
        return Reply::of(403, json!({ "error": error }).to_string());
    }
    let mut reply = if request.method == "GET" {
        assert_eq!(request.path, format!("/v1/{NAME}/publicKey"));
        let algorithm = if held.rsa { "RSA_SIGN_PKCS1_2048_SHA256" } else { "EC_SIGN_P256_SHA256" };
        let crc = crc32c(held.pem.as_bytes()).to_string();
        json!({ "pem": held.pem, "algorithm": algorithm, "pemCrc32c": crc, "name": NAME })
    } else {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", &*format!("/v1/{NAME}:asymmetricSign"))
        );
        let body = request.json();
        let digest = from_base64(&body["digest"]["sha256"]);
        assert_eq!(body["digestCrc32c"], crc32c(&digest).to_string());
        let signature = held.sign_der(&digest);
        let crc = crc32c(&signature).to_string();
        json!({ "signature": base64(&signature), "signatureCrc32c": crc, "verifiedDigestCrc32c": true, "name": NAME })
    };
    spoil(&mut reply);
    Reply::ok(reply)
}

fn kms(held: Held, spoil: impl Fn(&mut Value) + Send + 'static) -> StandIn {
    StandIn::start(move |request| answer(&held, request, &spoil))
}

fn key(server: &StandIn, more: &[(&str, &str)]) -> Result<GcpKey, mender_artifact::error::Error> {
    let url = server.url();
    let table = table(&[&[("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS", url.as_str())], more].concat());
    GcpKey::new(NAME, Environment::new(&table))
}

const TOKEN: (&str, &str) = ("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.token");

#[test]
fn a_digest_is_signed_and_check_values_agree() {
    for held in Held::both() {
        let expected = Held::named(if held.rsa { "rsa" } else { "p256" });
        let server = kms(held, |_| {});
        let key = key(&server, &[TOKEN]).unwrap();
        expected.check(&key.sign_manifest(MANIFEST).unwrap());
        key.public_key().unwrap();
    }
}

/// Damages an answer.
type Spoil = fn(&mut Value);

#[test]
fn damage_on_the_way_is_noticed() {
    let cases: [(&str, Spoil); 7] = [
        ("signatureCrc32c", |reply| reply["signatureCrc32c"] = "1".into()),
        ("signatureCrc32c", |reply| drop(reply.as_object_mut().unwrap().remove("signatureCrc32c"))),
        ("verifiedDigestCrc32c", |reply| reply["verifiedDigestCrc32c"] = false.into()),
        ("name that was asked for", |reply| reply["name"] = NAME.replace("/2", "/1").into()),
        ("pemCrc32c", |reply| reply["pemCrc32c"] = 7.into()),
        ("signature in base64", |reply| reply["signature"] = "*".into()),
        ("signature that the public key verifies", |reply| {
            if reply.get("signature").is_some() {
                let other = base64(&[7; 256]);
                reply["signatureCrc32c"] = crc32c(&[7; 256]).to_string().into();
                reply["signature"] = other.into();
            }
        }),
    ];
    for (says, spoil) in cases {
        let server = kms(Held::named("rsa"), spoil);
        let error = key(&server, &[TOKEN]).unwrap().sign_manifest(MANIFEST).unwrap_err();
        assert_eq!(error.defect(), Defect::Service, "{says}");
        assert!(chain(&error).contains(says), "{says}: {}", chain(&error));
    }
    for algorithm in ["RSA_SIGN_PSS_2048_SHA256", "EC_SIGN_P384_SHA384", "RSA_SIGN_PKCS1_4096_SHA512"] {
        let server = kms(Held::named("rsa"), move |reply| reply["algorithm"] = algorithm.into());
        let error = key(&server, &[TOKEN]).unwrap().sign_manifest(MANIFEST).unwrap_err();
        assert_eq!(error.defect(), Defect::KeyKind, "{algorithm}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_service_account_proves_itself_with_a_signed_token() {
    let account = Held::named("rsa");
    let tokens = StandIn::start(|_| Reply::ok(json!({ "access_token": "ya29.token", "expires_in": 3599 })));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
    let url = format!("{}/token", tokens.url());
    let json = json!({
        "type": "service_account",
        "client_email": "signer@p.iam.gserviceaccount.com",
        "private_key_id": "abc",
        "private_key": std::fs::read_to_string(format!("{keys}/rsa-pkcs8.pem")).unwrap(),
        "token_uri": url,
    });
    std::fs::write(&path, json.to_string()).unwrap();
    let server = kms(Held::named("p256"), |_| {});
    let key = key(&server, &[("GOOGLE_APPLICATION_CREDENTIALS", path.to_str().unwrap())]).unwrap();
    Held::named("p256").check(&key.sign_manifest(MANIFEST).unwrap());
    let request = &tokens.requests()[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/token"));
    assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded");
    let assertion = request
        .body
        .strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")
        .unwrap();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    account.public.verify(signed.as_bytes(), &from_base64url(signature)).unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let parsed = |text| serde_json::from_slice::<Value>(&from_base64url(text)).unwrap();
    assert_eq!(parsed(header), json!({ "alg": "RS256", "typ": "JWT", "kid": "abc" }));
    let claims = parsed(claims);
    assert_eq!(claims["iss"], "signer@p.iam.gserviceaccount.com");
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloudkms");
    assert_eq!(claims["aud"], url);
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 600);
}

#[test]
fn a_user_or_the_machine_gets_a_token_too() {
    let tokens = StandIn::start(|request| {
        if request.method == "GET" {
            assert_eq!(request.header("metadata-flavor"), "Google");
            assert_eq!(request.path, "/computeMetadata/v1/instance/service-accounts/default/token");
        } else {
            assert_eq!(
                request.body,
                "grant_type=refresh_token&client_id=id&client_secret=hush%2F1&refresh_token=hush2"
            );
        }
        Reply::ok(json!({ "access_token": "ya29.token", "token_type": "Bearer" }))
    });
    let folder = tempfile::tempdir().unwrap();
    let json = json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "hush/1", "refresh_token": "hush2",
        "token_uri": tokens.url(),
    });
    std::fs::write(folder.path().join("application_default_credentials.json"), json.to_string()).unwrap();
    let server = kms(Held::named("rsa"), |_| {});
    for variables in
        [("CLOUDSDK_CONFIG", folder.path().to_str().unwrap()), ("GCE_METADATA_HOST", &tokens.host())]
    {
        let key = key(&server, &[variables]).unwrap();
        Held::named("rsa").check(&key.sign_manifest(MANIFEST).unwrap());
    }
    assert_eq!(tokens.requests().len(), 2);
    let path = folder.path().join("external.json");
    std::fs::write(&path, r#"{"type":"external_account"}"#).unwrap();
    let error =
        key(&server, &[("GOOGLE_APPLICATION_CREDENTIALS", path.to_str().unwrap())]).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("found 'external_account'"), "{error}");
}

#[test]
fn a_wrong_token_is_refused_and_not_shown() {
    let server = kms(Held::named("rsa"), |_| {});
    let error =
        key(&server, &[("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.other")]).unwrap().public_key().unwrap_err();
    let text = chain(&error);
    assert!(text.ends_with("refused with status 403: PERMISSION_DENIED: Permission denied"), "{text}");
    assert!(!text.contains("ya29"));
}
