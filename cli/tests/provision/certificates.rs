//! Authorities, servers and devices: what their certificates say, and what openssl makes of them.

use crate::openssl;
use crate::workplace::Workplace;

pub(crate) const CA: [&str; 2] = ["--ca", "ca-cert.pem"];
pub(crate) const ISSUER: [&str; 4] = ["--ca", "ca-cert.pem", "--ca-key", "ca-private.key"];

/// A folder with an authority, a server for the loopback address, and a device `d1`.
pub(crate) fn with_certificates() -> Workplace {
    let place = Workplace::new();
    assert_eq!(place.ok(&["provision", "ca", "--subject", "/C=NO/O=My Organization/CN=My CA"]), "");
    let server = ["provision", "server", "--dns", "gateway.example.com", "--ip", "127.0.0.1", "--ip", "::1"];
    assert_eq!(place.ok(&[&server[..], &ISSUER].concat()), "");
    let device = ["provision", "device", "--device", "d1", "--identity", "mac=02:00:00:00:00:01"];
    place.put("manifest.jsonl", place.ok(&[&device[..], &ISSUER].concat()));
    place
}

#[test]
fn openssl_takes_all_of_them_for_what_they_are_for() {
    if !openssl::is_here() {
        return;
    }
    let place = with_certificates();
    let verify = "verify -x509_strict -CAfile ca-cert.pem";
    openssl::ok(&place, &format!("{verify} ca-cert.pem"));
    openssl::ok(&place, &format!("{verify} -purpose sslclient device-cert.pem"));
    for host in ["-verify_hostname gateway.example.com", "-verify_ip 127.0.0.1", "-verify_ip ::1"] {
        openssl::ok(&place, &format!("{verify} -purpose sslserver {host} server-cert.pem"));
    }
    for (wrong, certificate) in [
        ("-purpose sslserver", "device-cert.pem"),
        ("-purpose sslclient", "server-cert.pem"),
        ("-purpose sslserver -verify_hostname other.example.com", "server-cert.pem"),
    ] {
        assert_ne!(openssl::run(&place, &format!("{verify} {wrong} {certificate}")).status, 0, "{wrong}");
    }
    for who in ["ca", "server", "device"] {
        let certified = openssl::ok(&place, &format!("x509 -in {who}-cert.pem -noout -pubkey"));
        assert_eq!(openssl::ok(&place, &format!("pkey -in {who}-private.key -pubout")), certified, "{who}");
        assert!(openssl::ok(&place, &format!("pkey -in {who}-private.key -check -noout")).contains("valid"));
    }
}

#[test]
fn certificates_say_what_they_should() {
    if !openssl::is_here() {
        return;
    }
    let place = with_certificates();
    let says = |certificate: &str, all: &[&str]| {
        let text = openssl::shown(&place, certificate);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace(" = ", "=");
        for one in all {
            assert!(text.contains(one), "{certificate}: {one}: {text}");
        }
        text
    };
    let ca = says(
        "ca-cert.pem",
        &[
            "Issuer: C=NO, O=My Organization, CN=My CA Validity",
            "Subject: C=NO, O=My Organization, CN=My CA Subject",
            "Version: 3 (0x2)",
            "X509v3 Basic Constraints: critical CA:TRUE, pathlen:0",
            "X509v3 Key Usage: critical Certificate Sign, CRL Sign",
            "ASN1 OID: prime256v1",
            "Signature Algorithm: ecdsa-with-SHA256",
        ],
    );
    let key_id = |text: &str, which: &str| {
        text.split_once(which).unwrap().1.trim_start().split(' ').next().unwrap().to_owned()
    };
    let own = key_id(&ca, "X509v3 Subject Key Identifier:");
    let device = says(
        "device-cert.pem",
        &[
            "Issuer: C=NO, O=My Organization, CN=My CA Validity",
            "Subject: CN=d1 Subject",
            "X509v3 Basic Constraints: critical CA:FALSE",
            "X509v3 Key Usage: critical Digital Signature X509v3",
            "X509v3 Extended Key Usage: TLS Web Client Authentication X509v3",
        ],
    );
    assert_eq!(key_id(&device, "X509v3 Authority Key Identifier:"), own);
    assert_ne!(key_id(&device, "X509v3 Subject Key Identifier:"), own);
    says(
        "server-cert.pem",
        &[
            "Subject: CN=gateway.example.com Subject",
            "X509v3 Extended Key Usage: TLS Web Server Authentication X509v3",
            "DNS:gateway.example.com, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
        ],
    );
}

#[test]
fn lifetimes_are_as_chosen_and_end_with_the_authority() {
    if !openssl::is_here() {
        return;
    }
    let place = Workplace::new();
    place.ok(&["provision", "ca", "--subject", "/CN=CA", "--days", "10"]);
    let lasts = |certificate: &str, days: u64| {
        let at = |seconds: u64| {
            openssl::run(&place, &format!("x509 -in {certificate} -noout -checkend {seconds}")).status == 0
        };
        at(days * 86_400 - 60) && !at(days * 86_400 + 60)
    };
    assert!(lasts("ca-cert.pem", 10));
    let device = |days: Option<&str>, name: &str| {
        let days: Vec<&str> = days.iter().flat_map(|days| ["--days", *days]).collect();
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let files = ["--key-out", &key, "--cert-out", &certificate];
        place.run(&[&["provision", "device", "--device", name][..], &ISSUER, &days, &files].concat())
    };
    assert_eq!(device(Some("3"), "short").stderr, "");
    assert!(lasts("short.pem", 3));
    // Nobody asked for how long: not a word.
    assert_eq!(device(None, "default").stderr, "");
    assert!(lasts("default.pem", 10));
    let long = device(Some("11"), "long");
    assert_eq!(long.status, 0);
    assert!(long.stderr.contains("warning: ca-cert.pem: valid until "), "{}", long.stderr);
    assert!(lasts("long.pem", 10));
}

#[test]
fn the_line_of_a_device_says_what_its_certificate_says() {
    if !openssl::is_here() {
        return;
    }
    let place = with_certificates();
    let line = String::from_utf8(place.bytes("manifest.jsonl")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["device"], "d1");
    assert_eq!(value["identity"], serde_json::json!({"mac": "02:00:00:00:00:01"}));
    assert_eq!(value["serial"], openssl::serial(&place, "device-cert.pem").to_lowercase());
    let digest = openssl::ok(&place, "x509 -in device-cert.pem -noout -fingerprint -sha256");
    let digest = digest.trim().split_once('=').unwrap().1.replace(':', "").to_lowercase();
    assert_eq!(value["certificate_sha256"], digest);
    assert_eq!(value["public_key"], openssl::ok(&place, "x509 -in device-cert.pem -noout -pubkey"));
    assert!(value.get("image").is_none());
    assert!(!line.contains("PRIVATE"));
}

#[cfg(unix)]
#[test]
fn private_keys_are_their_owners() {
    use std::os::unix::fs::PermissionsExt;
    let place = with_certificates();
    for who in ["ca", "server", "device"] {
        let mode = |name: String| place.path(&name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(format!("{who}-private.key")), 0o600);
        assert_ne!(mode(format!("{who}-cert.pem")), 0o600);
        let key = String::from_utf8(place.bytes(&format!("{who}-private.key"))).unwrap();
        assert!(key.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{who}");
    }
}

#[test]
fn an_encrypted_authority_issues_with_its_passphrase() {
    if !openssl::is_here() {
        return;
    }
    let place = Workplace::new();
    place.put("right", "open sesame\n");
    place.put("wrong", "open says me\n");
    place.put("empty", "\n");
    let ca = ["provision", "ca", "--subject", "/CN=CA", "--key-passphrase-file"];
    let said = place.fails(1, &[&ca[..], &["empty"]].concat());
    assert!(said.contains("passphrase of the new key: expected one"), "{said}");
    place.ok(&[&ca[..], &["right"]].concat());
    openssl::ok(&place, "pkey -in ca-private.key -passin file:right -noout");
    let issue =
        |more: &[&'static str]| [&["provision", "device", "--device", "a"], &ISSUER[..], more].concat();
    let said = place.fails(1, &issue(&[]));
    assert!(said.contains("expected a passphrase"), "{said}");
    let said = place.fails(1, &issue(&["--ca-key-passphrase-file", "wrong"]));
    assert!(said.contains("expected the passphrase of this key"), "{said}");
    assert_eq!(place.names(), ["ca-cert.pem", "ca-private.key", "empty", "right", "wrong"]);
    place.ok(&issue(&["--ca-key-passphrase-file", "right"]));
    openssl::ok(&place, "verify -CAfile ca-cert.pem device-cert.pem");
}

#[test]
fn authorities_of_openssl_issue_too() {
    if !openssl::is_here() {
        return;
    }
    let place = Workplace::new();
    let extensions = "-addext keyUsage=critical,keyCertSign,cRLSign";
    for (name, key) in [("rsa", "rsa:2048"), ("p256", "ec -pkeyopt ec_paramgen_curve:P-256")] {
        openssl::ok(
            &place,
            &format!(
                "req -x509 -newkey {key} -nodes -subj /O=Older/CN={name} -days 30 {extensions} \
                 -keyout {name}.key -out {name}.pem"
            ),
        );
        let (ca, ca_key, out) = (format!("{name}.pem"), format!("{name}.key"), format!("{name}-device.pem"));
        let key_out = format!("{name}-device.key");
        place.ok(&[
            "provision",
            "device",
            "--device",
            "d/1",
            "--ca",
            &ca,
            "--ca-key",
            &ca_key,
            "--cert-out",
            &out,
            "--key-out",
            &key_out,
            "--subject",
            "/O=Mine/OU=Field \\/ Test/CN={device}",
        ]);
        openssl::ok(&place, &format!("verify -x509_strict -purpose sslclient -CAfile {ca} {out}"));
        let subject = openssl::ok(&place, &format!("x509 -in {out} -noout -subject"));
        assert_eq!(subject.trim().replace(" = ", "="), "subject=O=Mine, OU=Field / Test, CN=d/1");
    }
}

#[test]
fn behind_an_intermediate_authority_the_chain_is_handed_over() {
    if !openssl::is_here() {
        return;
    }
    let place = Workplace::new();
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl::ok(&place, &format!("req -x509 {new} -subj /CN=Root -days 30 -keyout root.key -out root.pem"));
    openssl::ok(&place, &format!("req {new} -subj /CN=Between -keyout between.key -out between.req"));
    place.put("ext", "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n");
    openssl::ok(
        &place,
        "x509 -req -in between.req -CA root.pem -CAkey root.key -CAcreateserial -days 20 -extfile ext -out between.pem",
    );
    let chain = [place.bytes("between.pem"), b"text between\r\n".to_vec(), place.bytes("root.pem")].concat();
    place.put("chain.pem", chain);
    place.ok(&["provision", "device", "--device", "d", "--ca", "chain.pem", "--ca-key", "between.key"]);
    let handed = String::from_utf8(place.bytes("device-cert.pem")).unwrap();
    assert_eq!(handed.matches("BEGIN CERTIFICATE").count(), 2);
    openssl::ok(
        &place,
        "verify -purpose sslclient -CAfile root.pem -untrusted device-cert.pem device-cert.pem",
    );
}

#[test]
fn what_cannot_issue_is_refused_before_anything_is_made() {
    if !openssl::is_here() {
        return;
    }
    let place = with_certificates();
    openssl::ok(&place, "ecparam -genkey -name P-384 -noout -out p384.key");
    openssl::ok(&place, "req -x509 -key p384.key -subj /CN=x -days 2 -out p384.pem");
    openssl::ok(
        &place,
        "req -x509 -key ca-private.key -subj /CN=x -days 2 -addext keyUsage=cRLSign -out usage.pem",
    );
    openssl::ok(&place, "x509 -in ca-cert.pem -signkey ca-private.key -days -1 -out ended.pem");
    place.put("noise.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let before = place.names();
    for (ca, key, says) in [
        (
            "device-cert.pem",
            "device-private.key",
            "device-cert.pem: expected the certificate of an authority",
        ),
        ("ca-cert.pem", "device-private.key", "ca-cert.pem: expected the private key of this certificate"),
        ("p384.pem", "p384.key", "p384.pem: key: unsupported kind of key: expected the curve P-256"),
        ("usage.pem", "ca-private.key", "usage.pem: expected a key that may sign certificates"),
        ("ended.pem", "ca-private.key", "ended.pem: expected a certificate that is valid now"),
        ("noise.pem", "ca-private.key", "noise.pem: certificate 1: damaged"),
        ("ca-private.key", "ca-private.key", "ca-private.key: expected a certificate in PEM, found none"),
        ("ca-cert.pem", "ca-cert.pem", "ca-cert.pem: key: unusable key"),
        ("none.pem", "ca-private.key", "none.pem: no such file"),
    ] {
        let files = ["--key-out", "new.key", "--cert-out", "new.pem", "--device", "x"];
        let said =
            place.fails(1, &[&["provision", "device", "--ca", ca, "--ca-key", key], &files[..]].concat());
        assert!(said.starts_with(says), "{said}");
    }
    let no_key = ["provision", "device", "--device", "x", "--key-out", "k", "--cert-out", "c"];
    let said = place.fails(1, &[&no_key[..], &CA].concat());
    assert!(said.contains("expected --ca-key FILE"), "{said}");
    assert_eq!(place.names(), before);
}

#[test]
fn keys_are_never_replaced() {
    let place = with_certificates();
    let all: Vec<Vec<u8>> = place.names().iter().map(|name| place.bytes(name)).collect();
    let server = ["provision", "server", "--dns", "other", "--cert-out", "new.pem"];
    for line in [
        &["provision", "ca", "--subject", "/CN=Other"][..],
        &["provision", "ca", "--subject", "/CN=Other", "--key-out", "new.key"],
        &[&server[..], &ISSUER].concat(),
        &[&["provision", "device", "--device", "x"], &ISSUER[..]].concat(),
    ] {
        let said = place.fails(3, line);
        assert!(said.contains("expected the name of a new file, found one that exists"), "{said}");
    }
    let said =
        place.fails(1, &["provision", "ca", "--subject", "/CN=x", "--key-out", "a", "--cert-out", "a"]);
    assert!(said.contains("found the same twice"), "{said}");
    assert_eq!(all, place.names().iter().map(|name| place.bytes(name)).collect::<Vec<_>>());
}

#[test]
fn wrong_command_lines_are_named() {
    let place = with_certificates();
    let server = |more: &[&'static str]| [&["provision", "server"], &ISSUER[..], more].concat();
    let device = |more: &[&'static str]| [&["provision", "device"], &ISSUER[..], more].concat();
    for (line, says) in [
        (vec!["provision", "ca"], "--subject <NAME>"),
        (
            vec!["provision", "ca", "--subject", "CN=x", "--key-out", "k", "--cert-out", "c"],
            "name 'CN=x': expected one like",
        ),
        (vec!["provision", "ca", "--subject", "/CN=x", "--days", "0"], "invalid value '0' for '--days"),
        (vec!["provision", "ca", "--subject", "/CN=x", "--days", "36526"], "invalid value '36526'"),
        (server(&["--key-out", "k", "--cert-out", "c"]), "--dns <NAME>"),
        (
            server(&["--dns", "a b", "--key-out", "k", "--cert-out", "c"]),
            "--dns: expected a host name such as",
        ),
        (server(&["--dns", "10.0.0.1", "--key-out", "k", "--cert-out", "c"]), "addresses behind --ip"),
        (server(&["--ip", "10.0.0", "--key-out", "k", "--cert-out", "c"]), "invalid value '10.0.0'"),
        (device(&["--device", " x", "--key-out", "k", "--cert-out", "c"]), "name of a device: expected"),
        (
            device(&["--device", "x", "--identity", "mac", "--key-out", "k", "--cert-out", "c"]),
            "expected KEY=VALUE",
        ),
        (
            device(&["--device", "xyz", "--subject", "/C={device}", "--key-out", "k", "--cert-out", "c"]),
            "of C, found",
        ),
    ] {
        let said = place.fails(1, &line);
        assert!(said.contains(says), "{line:?}: {said}");
    }
}
