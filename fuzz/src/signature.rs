//! Any bytes as a signature: as the text in an Artifact, as a file, and before a key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mender_artifact::fuzzing::signature_text;
use mender_artifact::sign::public_key::PublicKey;
use mender_artifact::sign::signature::{from_file, stored_form};
use std::sync::OnceLock;

const MANIFEST: &[u8] = include_bytes!("../../mender-artifact/tests/keys/manifest");

fn keys() -> &'static [PublicKey; 2] {
    static KEYS: OnceLock<[PublicKey; 2]> = OnceLock::new();
    KEYS.get_or_init(|| {
        [
            &include_bytes!("../../mender-artifact/tests/keys/rsa-public.pem")[..],
            include_bytes!("../../mender-artifact/tests/keys/p256-public.pem"),
        ]
        .map(|pem| PublicKey::from_pem(pem).unwrap())
    })
}

/// A signature, in whatever form.
pub fn run(data: &[u8]) {
    match signature_text(data) {
        Ok(ours) => {
            let text: Vec<u8> = data.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect();
            assert_eq!(STANDARD.decode(text).unwrap(), ours);
        }
        Err(error) => {
            crate::reading::check_message(&error.to_string());
            let line_ends = data.iter().any(|byte| b"\r\n".contains(byte));
            assert!(line_ends || data.is_empty() || STANDARD.decode(data).is_err(), "{error}");
        }
    }
    for stored in [from_file(data), stored_form(data)].into_iter().flatten() {
        assert_eq!(stored_form(&stored).unwrap(), stored, "no stored form of its own");
    }
    for key in keys() {
        let verified = key.verify(MANIFEST, data).is_ok();
        match key.accept(MANIFEST, data) {
            Ok(stored) => {
                assert!(verified);
                key.verify(MANIFEST, &stored).unwrap();
            }
            Err(_) => assert!(!verified),
        }
        assert!(key.verify(b"something else", data).is_err(), "a signature of everything");
    }
}
