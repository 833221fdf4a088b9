//! Any bytes as a key: PEM, DER, a certificate, with and without a passphrase.

use crate::drawn::Drawn;
use mender_artifact::error::Error;
use mender_artifact::sign::Signer as _;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::sign::public_key::PublicKey;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument};

/// A key, in whatever form; the first byte says which PEM label stands around the rest, if any.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    let label = LABELS.get(usize::from(drawn.byte()));
    let text = match label {
        Some(label) => pem(label, drawn.rest()),
        None => drawn.rest().to_vec(),
    };
    let told = |error: &Error| crate::reading::check_message(&error.to_string());
    if let Ok(key) = PublicKey::from_pem(&text).inspect_err(told) {
        assert!(key.verify(b"manifest", &[1; 64]).is_err());
    }
    for key in [PublicKey::from_der(drawn.rest()), PublicKey::from_certificate_der(drawn.rest())] {
        assert!(key.inspect_err(told).is_err() || !drawn.is_empty());
    }
    if let Ok(key) = PrivateKey::from_pem(&text).inspect_err(told) {
        // RSA keys whose numbers do not fit together cannot sign; what is signed is right.
        if let Ok(signature) = key.sign_manifest(b"manifest") {
            assert!(key.public_key().verify(b"manifest", &signature).is_ok(), "a wrong signature");
        }
    }
    if is_quick(&text) {
        let _: Option<PrivateKey> =
            PrivateKey::from_pem_with_passphrase(&text, b"secret").inspect_err(told).ok();
    }
}

const LABELS: [&str; 7] = [
    "PUBLIC KEY",
    "RSA PUBLIC KEY",
    "CERTIFICATE",
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
];

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n")).into_bytes()
}

/// Whether it takes little work to try a passphrase; much is allowed, but says nothing new.
fn is_quick(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let Ok((_, document)) = SecretDocument::from_pem(text) else { return !text.contains("ENCRYPTED") };
    let Ok(info) = EncryptedPrivateKeyInfo::try_from(document.as_bytes()) else { return true };
    match &info.encryption_algorithm {
        EncryptionScheme::Pbes2(parameters) => match &parameters.kdf {
            Kdf::Pbkdf2(parameters) => parameters.iteration_count < 4096,
            Kdf::Scrypt(parameters) => {
                parameters.cost_parameter < 1 << 10
                    && parameters.block_size < 16
                    && parameters.parallelization < 4
            }
            _ => true,
        },
        _ => true,
    }
}
