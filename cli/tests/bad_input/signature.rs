//! Artifacts that are not signed as they should be. The keys are those of mender-artifact/tests/keys.

use crate::case::Case;
use crate::parts::{Parts, sound};
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::sign::{Signer as _, manifest_sig};

const RSA: &str = "rsa-public.pem";
const P256: &str = "p256-public.pem";

fn key(name: &str) -> PrivateKey {
    let path = format!("{}/../mender-artifact/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    PrivateKey::from_pem(&std::fs::read(path).unwrap()).unwrap()
}

pub(crate) fn cases() -> Vec<Case> {
    let signature = |name: &str| key(name).sign_manifest(sound().manifest_text().as_bytes()).unwrap();
    let (rsa, p256) = (signature("rsa-pkcs1.pem"), signature("p256-sec1.pem"));
    let with = |text: String| Parts { signature: Some(text), ..sound() }.bytes();
    let signed = |signature: &[u8]| with(manifest_sig(signature));
    let changed = |signature: &[u8]| {
        let mut signature = signature.to_vec();
        signature[9] ^= 1;
        signature
    };
    let case = Case::artifact;
    vec![
        case("unsigned-with-key", "not signed, though a key is given", sound().bytes()).with_key(RSA),
        case("signed-without-key", "signed, and nobody has a key", signed(&rsa)),
        case("signature-of-other-key", "signed with another key", signed(&rsa)).with_key(P256),
        case("signature-wrong-rsa", "a wrong RSA signature", signed(&changed(&rsa))).with_key(RSA),
        case("signature-wrong-p256", "a wrong ECDSA signature", signed(&changed(&p256))).with_key(P256),
        case("signature-63-bytes", "an ECDSA signature that is not 64 bytes long (CVE-2025-67903)", {
            signed(&p256[..63])
        })
        .with_key(P256),
        case("signature-65-bytes", "an ECDSA signature of 65 bytes (CVE-2025-67903)", {
            signed(&[&p256[..], &[0]].concat())
        })
        .with_key(P256),
        case("signature-zero", "an ECDSA signature of zeros", signed(&[0; 64])).with_key(P256),
        case("signature-empty", "an empty `manifest.sig`", with(String::new())).with_key(P256),
        case("signature-no-base64", "a signature that is no base64", with("*not base64*".into()))
            .with_key(RSA),
        case("signature-url-base64", "a signature in the other alphabet of base64", {
            with("-_-_".repeat(22))
        })
        .with_key(P256),
        case("signature-of-other-manifest", "a right signature, of another manifest", {
            signed(&key("rsa-pkcs1.pem").sign_manifest(b"another manifest").unwrap())
        })
        .with_key(RSA),
    ]
}
