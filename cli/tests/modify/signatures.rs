//! Signing in place and elsewhere, with signatures made here and elsewhere.

use crate::workplace::{Ended, Workplace, key};
use std::fs;
use std::process::Command;

fn openssl(place: &Workplace, arguments: &[&str]) -> bool {
    let output = Command::new("openssl").args(arguments).current_dir(place.path("")).output();
    let Ok(output) = output else {
        println!("skipped: openssl is not installed");
        return false;
    };
    let ended = Ended::of(&output);
    assert_eq!(ended.status, 0, "{arguments:?}: {ended:?}");
    true
}

#[test]
fn whoever_holds_the_key_needs_only_the_manifest_or_its_digest() {
    let place = Workplace::new();
    for (private, public, name) in
        [("rsa-pkcs8.pem", "rsa-public.pem", "rsa"), ("p256-pkcs8.pem", "p256-public.pem", "p256")]
    {
        place.write_image(name, &[]);
        place.ok(&["sign", name, "--export-manifest", "manifest"]);
        assert_eq!(place.ok(&["sign", name, "--export-manifest", "-"]).as_bytes(), place.bytes("manifest"));
        if !openssl(&place, &["dgst", "-sha256", "-sign", &key(private), "-out", "signature", "manifest"]) {
            return;
        }
        let digest = place.ok(&["sign", name, "--print-digest"]);
        openssl(&place, &["dgst", "-sha256", "-r", "-out", "digest", "manifest"]);
        assert!(place.bytes("digest").starts_with(digest.trim_end().as_bytes()), "{digest}");

        let before = place.bytes(name);
        let attach = ["sign", name, "--attach-signature", "signature", "-o", "signed"];
        place.ok(&[&attach[..], &["--verify-key", &key(public)]].concat());
        place.ok(&["validate", "signed", "-k", &key(public)]);
        // The forms without a key to check them with: bytes as they are, and base64 with line ends.
        place.ok(&attach);
        let by_bytes = place.bytes("signed");
        openssl(&place, &["base64", "-in", "signature", "-out", "signature.b64"]);
        place.ok(&["sign", name, "--attach-signature", "signature.b64", "-o", "signed"]);
        assert!(place.bytes("signed") == by_bytes);
        place.ok(&["validate", "signed", "-k", &key(public)]);

        let other = if name == "rsa" { "p256-public.pem" } else { "rsa-public.pem" };
        let attach = ["sign", name, "--attach-signature", "signature", "--verify-key", &key(other)];
        assert_eq!(place.fails(5, &attach), "signature: manifest.sig: wrong signature");
        assert!(place.bytes(name) == before);
    }
}

#[test]
fn what_is_no_signature_is_not_attached() {
    let place = Workplace::new();
    place.write_image("a", &["-k", &key("rsa-pkcs1.pem")]);
    place.write_image("plain", &[]);
    let (signed, plain) = (place.bytes("a"), place.bytes("plain"));
    place.put("short", "abc");
    place.put("bytes", [7; 256]);
    place.fails(5, &["sign", "plain", "--attach-signature", "short"]);
    place.fails(4, &["sign", "plain", "--attach-signature", "missing"]);
    assert!(place.fails(1, &["sign", "a", "--attach-signature", "bytes"]).ends_with("already signed"));
    place.fails(1, &["sign", "a", "--attach-signature", "bytes", "-k", &key("rsa-pkcs1.pem")]);
    place.fails(1, &["sign", "a", "--print-digest", "-k", &key("rsa-pkcs1.pem")]);
    place.fails(1, &["sign", "a", "--print-digest", "--export-manifest", "m"]);
    place.fails(1, &["sign", "a", "--verify-key", &key("rsa-public.pem")]);
    place.fails(5, &["sign", "short", "--print-digest"]);
    assert!(place.bytes("a") == signed && place.bytes("plain") == plain);
    assert_eq!(place.names(), ["a", "bytes", "img", "plain", "short"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_from_where_they_are() {
    use std::os::unix::fs::symlink;
    let place = Workplace::new();
    for folder in ["here", "there"] {
        fs::create_dir(place.path(folder)).unwrap();
    }
    // Two files of one name: the link in `here` means the one beside it.
    place.write_image("a", &[]);
    place.write_image("here/a", &[]);
    symlink("a", place.path("here/link")).unwrap();
    let untouched = place.bytes("a");
    place.ok(&["sign", "here/link", "-k", &key("rsa-pkcs1.pem")]);
    assert!(place.bytes("a") == untouched);
    place.ok(&["validate", "here/a", "-k", &key("rsa-public.pem")]);
    // With -o the link's file stays as it is.
    let signed = place.bytes("here/a");
    place.ok(&["sign", "here/link", "-f", "-k", &key("p256-sec1.pem"), "-o", "there/b"]);
    assert!(place.bytes("here/a") == signed);
    place.ok(&["validate", "there/b", "-k", &key("p256-public.pem")]);
    assert!(place.path("here/link").symlink_metadata().unwrap().is_symlink());
}

#[test]
fn a_pipe_is_signed_into_a_file_or_a_pipe() {
    let place = Workplace::new();
    place.write_image("a", &[]);
    place.ok(&["sign", "a", "-k", &key("rsa-pkcs1.pem"), "-o", "by-file"]);
    for output in ["by-pipe", "-"] {
        let input = fs::File::open(place.path("a")).unwrap();
        let mut command = place.command(&["sign", "-", "-k", &key("rsa-pkcs1.pem"), "-o", output]);
        // A file as standard input is read as a stream, too.
        let output = command.stdin(input).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty());
        let signed = if output.stdout.is_empty() { place.bytes("by-pipe") } else { output.stdout };
        assert!(signed == place.bytes("by-file"));
    }
}
