//! Signing and checking, with every kind of key.

use crate::workplace::{Workplace, key};

const PAIRS: [(&str, &str); 4] = [
    ("rsa-pkcs1.pem", "rsa-public.pem"),
    ("rsa-pkcs8.pem", "rsa-public-pkcs1.pem"),
    ("p256-sec1.pem", "p256-public.pem"),
    ("p256-pkcs8.pem", "p256-public.pem"),
];

#[test]
fn what_is_signed_when_written_or_later_is_validated() {
    for (private, public) in PAIRS {
        let place = Workplace::new();
        place.write_image("written", &["-k", &key(private)]);
        place.write_image("plain", &[]);
        place.ok(&["sign", "plain", "-k", &key(private), "-o", "signed"]);
        for name in ["written", "signed"] {
            let said = place.ok(&["validate", name, "-k", &key(public)]);
            assert_eq!(said, format!("Artifact file '{name}' validated successfully\n"));
        }
        assert_eq!(place.ok(&["validate", "plain"]), "Artifact file 'plain' validated successfully\n");
    }
}

#[test]
fn a_key_is_needed_exactly_when_there_is_a_signature() {
    let place = Workplace::new();
    place.write_image("plain", &[]);
    place.write_image("signed", &["-k", &key("rsa-pkcs1.pem")]);
    let public = key("rsa-public.pem");
    let other = key("p256-public.pem");
    for (arguments, why) in [
        (&["plain", "-k", &public][..], "the Artifact is not signed"),
        (&["signed"], "the Artifact is signed and no key was given"),
        (&["signed", "-k", &other], "wrong signature"),
    ] {
        let message = place.fails(5, &[&["validate"], arguments].concat());
        assert!(message.starts_with(arguments[0]) && message.contains(why), "{message}");
    }
}

#[test]
fn keys_that_cannot_be_used_are_a_wrong_command_line() {
    let place = Workplace::new();
    place.write_image("a", &[]);
    let before = place.bytes("a");
    place.put("none.pem", "no key\n");
    for name in ["ed25519-public.pem", "k256-public.pem", "rsa-pkcs1.pem"] {
        place.fails(1, &["validate", "a", "-k", &key(name)]);
    }
    for name in ["rsa-encrypted-pkcs1.pem", "p384-sec1.pem", "ed25519-pkcs8.pem", "rsa-public.pem"] {
        place.fails(1, &["sign", "a", "-k", &key(name)]);
    }
    assert!(place.fails(1, &["sign", "a", "-k", "none.pem"]).starts_with("none.pem: "));
    assert_eq!(place.fails(1, &["sign", "a", "-k", "missing"]), "missing: no such file or directory");
    assert!(place.fails(1, &["sign", "a"]).starts_with("nothing to sign with: expected --key FILE"));
    assert_eq!(place.bytes("a"), before);
}

#[test]
fn a_signature_is_replaced_only_by_force() {
    let place = Workplace::new();
    place.write_image("a", &["-k", &key("rsa-pkcs1.pem")]);
    let before = place.bytes("a");
    let message = place.fails(1, &["sign", "a", "-k", &key("p256-sec1.pem")]);
    assert!(message.ends_with("already signed"), "{message}");
    assert_eq!(place.bytes("a"), before);
    place.ok(&["sign", "a", "-k", &key("p256-sec1.pem"), "-f"]);
    place.ok(&["validate", "a", "-k", &key("p256-public.pem")]);
    assert_eq!(place.names(), ["a", "img"]);
}

#[cfg(unix)]
#[test]
fn signing_in_place_keeps_the_mode_and_the_link() {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = Workplace::new();
    fs::create_dir(place.path("elsewhere")).unwrap();
    place.write_image("elsewhere/a", &[]);
    fs::set_permissions(place.path("elsewhere/a"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("elsewhere/a", place.path("link")).unwrap();
    place.ok(&["sign", "link", "-k", &key("rsa-pkcs1.pem")]);
    assert!(fs::symlink_metadata(place.path("link")).unwrap().is_symlink());
    assert_eq!(fs::metadata(place.path("elsewhere/a")).unwrap().permissions().mode() & 0o7777, 0o640);
    place.ok(&["validate", "elsewhere/a", "-k", &key("rsa-public.pem")]);
}

#[test]
fn the_payload_stays_as_it_is() {
    let place = Workplace::new();
    place.write_image("plain", &[]);
    place.ok(&["sign", "plain", "-k", &key("rsa-pkcs1.pem"), "-o", "signed"]);
    let (plain, signed) = (place.bytes("plain"), place.bytes("signed"));
    // Version, manifest: 512 + 512, 512 + 512 bytes. Then the signature, then everything else.
    let rest = &plain[2048..];
    assert_eq!(&plain[..2048], &signed[..2048]);
    assert_eq!(rest, &signed[signed.len() - rest.len()..]);
    assert!(signed.len() > plain.len());
}
