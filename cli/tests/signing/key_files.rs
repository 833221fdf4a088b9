//! Keys in files: encrypted ones, certificates, and one key at most.

use crate::workplace::{Workplace, key};
use std::process::Command;

/// Runs openssl in the folder; false where there is none.
pub(crate) fn openssl(place: &Workplace, line: &str) -> bool {
    match Command::new("openssl").args(line.split(' ')).current_dir(place.path("")).output() {
        Ok(output) => {
            assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
            true
        }
        Err(_) => {
            println!("skipped: there is no openssl");
            false
        }
    }
}

#[test]
fn an_encrypted_key_signs_with_its_passphrase() {
    let place = Workplace::new();
    place.write_image("plain", &[]);
    let private = key("rsa-pkcs8.pem");
    if !openssl(
        &place,
        &format!("pkcs8 -topk8 -in {private} -v2 aes-256-cbc -passout pass:open-sesame -out e.pem"),
    ) {
        return;
    }
    place.put("right", "open-sesame\nsecond line\n");
    place.put("wrong", "open-says-me\n");
    let before = place.bytes("plain");
    place.ok(&["sign", "plain", "-k", "e.pem", "--key-passphrase-file", "right", "-o", "signed"]);
    place.ok(&["validate", "signed", "-k", &key("rsa-public.pem")]);
    place.write_image("written", &["-k", "e.pem", "--key-passphrase-file", "right"]);
    place.ok(&["validate", "written", "-k", &key("rsa-public.pem")]);

    let with_variable = |value: &str| {
        place
            .command(&["sign", "plain", "-k", "e.pem", "-o", "other"])
            .env("MENDER_ARTIFACT_KEY_PASSPHRASE", value)
            .output()
    };
    assert!(with_variable("open-sesame").unwrap().status.success());
    assert_eq!(place.bytes("other"), place.bytes("signed"));
    let refused = with_variable("open-says-me").unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(!String::from_utf8_lossy(&refused.stderr).contains("says-me"));

    for (more, says) in [
        (&[][..], "e.pem: key: 'ENCRYPTED PRIVATE KEY': unsupported kind of key: expected a passphrase"),
        (
            &["--key-passphrase-file", "wrong"],
            "e.pem: key: unusable key: expected the passphrase of this key",
        ),
        (&["--key-passphrase-file", "missing"], "missing: no such file or directory"),
    ] {
        let said = place.fails(1, &[&["sign", "plain", "-k", "e.pem"], more].concat());
        assert!(said.starts_with(says), "{said}");
    }
    assert_eq!(place.bytes("plain"), before);
}

#[test]
fn a_certificate_checks_signatures() {
    let place = Workplace::new();
    for kind in ["rsa", "p256"] {
        let private = key(&format!("{kind}-pkcs8.pem"));
        if !openssl(&place, &format!("req -x509 -key {private} -subj /CN=signer -days 2 -out {kind}.crt")) {
            return;
        }
        place.write_image(kind, &["-k", &private]);
        place.ok(&["validate", kind, "-k", &format!("{kind}.crt")]);
        assert!(
            place.ok(&["read", "--no-progress", kind, "-k", &format!("{kind}.crt")]).contains("verified")
        );
    }
    let said = place.fails(5, &["validate", "rsa", "-k", "p256.crt"]);
    assert!(said.contains("wrong signature"), "{said}");
}

#[test]
fn there_is_one_key_at_most() {
    let place = Workplace::new();
    place.write_image("a", &[]);
    let key = key("rsa-pkcs8.pem");
    let flags = [
        "--key",
        "--key-pkcs11",
        "--vault-transit-key",
        "--gcp-kms-key",
        "--azure-key",
        "--aws-kms-key",
        "--keyfactor-signserver-worker",
    ];
    for command in ["sign", "validate", "read"] {
        for (index, first) in flags.iter().enumerate() {
            let second = flags[(index + 1) % flags.len()];
            let said = place.fails(1, &[command, "a", first, &key, second, "x"]);
            assert!(said.contains("cannot be used with"), "{command} {first} {second}: {said}");
        }
    }
    let said = place.fails(1, &["sign", "a", "--key-passphrase-file", "x"]);
    assert!(said.contains("--key <FILE>"), "{said}");
}
