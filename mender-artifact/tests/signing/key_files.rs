//! Key files as openssl writes them, and signatures that openssl makes and checks.

use crate::openssl::OpenSsl;
use mender_artifact::error::Defect;
use mender_artifact::sign::Signer;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::sign::public_key::PublicKey;
use mender_artifact::sign::signature;

const MANIFEST: &[u8] = b"0123  data/0000/file\n";

/// Signs with a key and has openssl check it.
fn signs_what_openssl_verifies(openssl: &OpenSsl, kind: &str, key: &PrivateKey, what: &str) {
    let signature = key.sign_manifest(MANIFEST).unwrap();
    assert_eq!(signature.len(), if kind == "rsa" { 256 } else { 64 }, "{what}");
    openssl.put("manifest", MANIFEST);
    openssl.put("signature", if kind == "rsa" { signature } else { der(&signature) });
    openssl.run(&format!("dgst -sha256 -verify {kind}.pub -signature signature manifest"));
}

/// r and s as DER, which is what openssl takes.
pub(crate) fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let bytes = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap()..];
        let zero = if bytes[0] > 0x7f { &[0][..] } else { &[] };
        [&[2, u8::try_from(bytes.len() + zero.len()).unwrap()], zero, bytes].concat()
    };
    let (r, s) = signature.split_at(32);
    let contents = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(contents.len()).unwrap()], contents.as_slice()].concat()
}

#[test]
fn every_form_of_a_private_key_signs() {
    let Some(openssl) = OpenSsl::find() else { return };
    openssl.make_keys();
    openssl.run("rsa -in rsa.pem -traditional -out rsa-pkcs1.pem");
    openssl.run("ec -in p256.pem -out p256-sec1.pem");
    openssl.run("ecparam -name prime256v1 -genkey -out p256-parameters.pem");
    assert!(openssl.read("p256-parameters.pem").starts_with(b"-----BEGIN EC PARAMETERS"));
    for name in ["rsa", "rsa-pkcs1", "p256", "p256-sec1"] {
        let pem = openssl.read(&format!("{name}.pem"));
        let key = PrivateKey::from_pem(&pem).unwrap_or_else(|error| panic!("{name}: {error}"));
        let kind = name.split('-').next().unwrap();
        signs_what_openssl_verifies(&openssl, kind, &key, name);
        PrivateKey::from_pem_with_passphrase(&pem, b"not needed").unwrap();
    }
    let key = PrivateKey::from_pem(&openssl.read("p256-parameters.pem")).unwrap();
    openssl.run("pkey -in p256-parameters.pem -pubout -out p256.pub");
    signs_what_openssl_verifies(&openssl, "p256", &key, "parameters");
}

#[test]
fn encrypted_keys_open_with_their_passphrase_only() {
    let Some(openssl) = OpenSsl::find() else { return };
    openssl.make_keys();
    for (index, encryption) in [
        "-v2 aes-256-cbc",
        "-v2 aes-128-cbc",
        "-v2 aes-256-cbc -v2prf hmacWithSHA1",
        "-v2 aes-128-cbc -v2prf hmacWithSHA256 -iter 70000",
        "-v2 aes-256-cbc -v2prf hmacWithSHA512",
        "-scrypt -v2 aes-256-cbc",
        "-scrypt -v2 aes-128-cbc -scrypt_N 1024 -scrypt_r 4 -scrypt_p 2",
    ]
    .iter()
    .enumerate()
    {
        let kind = if index % 2 == 0 { "rsa" } else { "p256" };
        openssl
            .run(&format!("pkcs8 -topk8 -in {kind}.pem {encryption} -passout pass:open-sesame -out e.pem"));
        let pem = openssl.read("e.pem");
        let key = PrivateKey::from_pem_with_passphrase(&pem, b"open-sesame")
            .unwrap_or_else(|error| panic!("{encryption}: {error}"));
        signs_what_openssl_verifies(&openssl, kind, &key, encryption);
        let error = PrivateKey::from_pem_with_passphrase(&pem, b"open-says-me").unwrap_err();
        assert_eq!(error.defect(), Defect::Key, "{encryption}");
        assert!(error.to_string().contains("expected the passphrase of this key"), "{error}");
        let error = PrivateKey::from_pem(&pem).unwrap_err();
        assert_eq!(error.defect(), Defect::KeyKind, "{encryption}");
    }
}

#[test]
fn other_encryption_is_refused_by_name() {
    let Some(openssl) = OpenSsl::find() else { return };
    openssl.make_keys();
    openssl.run("rsa -in rsa.pem -traditional -aes256 -passout pass:x -out old.pem");
    openssl.run("pkcs8 -topk8 -in p256.pem -v1 PBE-SHA1-3DES -passout pass:x -out pbe.pem");
    openssl.run("pkcs8 -topk8 -in p256.pem -v2 des3 -passout pass:x -out des3.pem");
    for (name, says) in [
        ("old.pem", "found the old one of PEM headers"),
        ("pbe.pem", "expected PBES2 encryption"),
        ("des3.pem", "expected PBES2 encryption"),
    ] {
        let error = PrivateKey::from_pem_with_passphrase(&openssl.read(name), b"x").unwrap_err();
        assert_eq!(error.defect(), Defect::KeyKind, "{name}: {error}");
        assert!(error.to_string().contains(says), "{name}: {error}");
    }
}

#[test]
fn keys_of_other_kinds_are_refused_by_name() {
    let Some(openssl) = OpenSsl::find() else { return };
    openssl.make_keys();
    let cases = [
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "found another curve"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "found another curve"),
        ("-algorithm ED25519", "found Ed25519"),
        ("-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", "found RSASSA-PSS"),
        ("-algorithm X25519", "found '1.3.101.110'"),
    ];
    for (algorithm, says) in cases {
        openssl.run(&format!("genpkey {algorithm} -out other.pem"));
        openssl.run("pkey -in other.pem -pubout -out other.pub");
        let private = PrivateKey::from_pem(&openssl.read("other.pem")).unwrap_err();
        let public = PublicKey::from_pem(&openssl.read("other.pub")).unwrap_err();
        for error in [private, public] {
            assert_eq!(error.defect(), Defect::KeyKind, "{algorithm}");
            assert!(error.to_string().contains(says), "{algorithm}: {error}");
        }
    }
    openssl.run("pkey -in rsa.pem -outform DER -out rsa.der");
    openssl.run("pkey -in p256.pem -outform DER -out p256.der");
    for name in ["rsa.der", "p256.der"] {
        let error = PrivateKey::from_pem(&openssl.read(name)).unwrap_err();
        assert_eq!(error.to_string(), "key: unusable key: expected a PEM file, found DER", "{name}");
    }
}

#[test]
fn a_public_key_comes_in_three_forms() {
    let Some(openssl) = OpenSsl::find() else { return };
    openssl.make_keys();
    openssl.run("rsa -in rsa.pem -RSAPublicKey_out -out rsa-pkcs1.pub");
    for kind in ["rsa", "p256"] {
        openssl.run(&format!("req -x509 -key {kind}.pem -subj /CN=signer/O=x -days 2 -out {kind}-v3.crt"));
        openssl.run(&format!("req -new -key {kind}.pem -subj /CN=signer -out {kind}.csr"));
        // Without extensions openssl makes a certificate of version 1, which has no version field.
        openssl.run(&format!("x509 -req -in {kind}.csr -key {kind}.pem -days 2 -out {kind}-v1.crt"));
        openssl.put("manifest", MANIFEST);
        openssl.run(&format!("dgst -sha256 -sign {kind}.pem -out signature manifest"));
        let signature = openssl.read("signature");
        for form in [".pub", "-pkcs1.pub", "-v3.crt", "-v1.crt"] {
            if kind == "p256" && form == "-pkcs1.pub" {
                continue;
            }
            let pem = openssl.read(&format!("{kind}{form}"));
            let key = PublicKey::from_pem(&pem).unwrap_or_else(|error| panic!("{kind}{form}: {error}"));
            key.verify(MANIFEST, &signature).unwrap();
            assert_eq!(key.verify(b"other", &signature).unwrap_err().defect(), Defect::Signature);
        }
    }
}

#[test]
fn signatures_of_openssl_are_stored_as_artifacts_have_them() {
    let Some(openssl) = OpenSsl::find() else { return };
    openssl.make_keys();
    for kind in ["rsa", "p256"] {
        let key = PublicKey::from_pem(&openssl.read(&format!("{kind}.pub"))).unwrap();
        for round in 0..20 {
            let manifest = format!("{round}\n");
            openssl.put("manifest", &manifest);
            openssl.run(&format!("dgst -sha256 -sign {kind}.pem -out signature manifest"));
            let signature = openssl.read("signature");
            let stored = key.accept(manifest.as_bytes(), &signature).unwrap();
            assert_eq!(stored.len(), if kind == "rsa" { 256 } else { 64 });
            assert_eq!(signature::from_file(&signature).unwrap(), stored);
            key.verify(manifest.as_bytes(), &stored).unwrap();
            assert!(key.accept(b"other", &signature).is_err());
        }
    }
}
