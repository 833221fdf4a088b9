//! The way that Mender's documentation of mutual TLS goes, command by command, and the same with `provision`. In both, a
//! server that trusts the authority takes the device by what is in its image.
#![cfg(unix)]

use crate::bulk::{CERTIFICATE, KEY, bulk};
use crate::certificates::ISSUER;
use crate::handshake::{LOOPBACK, Server, revocation_list};
use crate::workplace::Workplace;
use crate::{disk, openssl};
use std::path::Path;
use std::process::Command;

/// Server integration, Mutual TLS authentication, "Generate certificates": nothing changed but the name of the device,
/// which the page says has to be.
const CERTIFICATES: &str = r#"
openssl ecparam -genkey -name P-256 -noout -out ca-private.key

cat > ca-cert.conf <<EOF
[req]
distinguished_name = req_distinguished_name
prompt = no

[req_distinguished_name]
commonName=My CA
organizationName=My Organization
organizationalUnitName=My Unit
emailAddress=myusername@example.com
countryName=NO
localityName=Oslo
stateOrProvinceName=Oslo
EOF

openssl req -new -x509 -key ca-private.key -out ca-cert.pem -config ca-cert.conf -days $((365*10))

openssl ecparam -genkey -name P-256 -noout -out server-private.key
sed s/commonName=.*/commonName=my-server.com/ ca-cert.conf > server-cert.conf
openssl req -new -key server-private.key -out server-cert.req -config server-cert.conf
openssl x509 -req -CA ca-cert.pem -CAkey ca-private.key -CAcreateserial -in server-cert.req -out server-cert.pem -days $((365*2))

openssl ecparam -genkey -name P-256 -noout -out device-private.key
sed s/commonName=.*/commonName=my-device-hostname.com/ ca-cert.conf > device-cert.conf
openssl req -new -key device-private.key -out device-cert.req -config device-cert.conf
openssl x509 -req -CA ca-cert.pem -CAkey ca-private.key -CAcreateserial -in device-cert.req -out device-cert.pem -days $((365*10))
"#;

/// "Enable generated key and certificate in disk image", where `sed` is the "text editor".
const DISK_IMAGE: &str = r#"
mender-artifact install -m 600 device-private.key mender-disk-image.sdimg:/data/mender/mender-cert-private.pem
mender-artifact install -m 644 device-cert.pem mender-disk-image.sdimg:/data/mender/mender-cert.pem
mender-artifact cp mender-disk-image.sdimg:/etc/mender/mender.conf mender.conf
sed -i 's|^}|,"HttpsClient": {"Certificate": "/data/mender/mender-cert.pem", "Key": "/data/mender/mender-cert-private.pem"}}|' mender.conf
mender-artifact cp mender.conf mender-disk-image.sdimg:/etc/mender/mender.conf
"#;

/// Runs commands as a shell does that has our program under its name; the first that fails ends it.
fn shell(place: &Workplace, script: &str) {
    let program = Path::new(env!("CARGO_BIN_EXE_mender-artifact"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::iter::once(program.parent().unwrap().to_path_buf()).chain(std::env::split_paths(&path));
    let done = Command::new("sh")
        .args(["-e", "-c", script])
        .current_dir(place.path(""))
        .env("PATH", std::env::join_paths(folders).unwrap())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Takes key and certificate out of an image, by the paths that its mender.conf names.
fn take_out(place: &Workplace, image: &str, name: &str) -> (String, String) {
    let conf = place.ok(&["cat", &format!("{image}:/etc/mender/mender.conf")]);
    let conf: serde_json::Value = serde_json::from_str(&conf).unwrap();
    assert_eq!(conf["ServerURL"], "https://gateway.example.com");
    let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
    for (entry, file) in [("Certificate", &certificate), ("Key", &key)] {
        let path = conf["HttpsClient"][entry].as_str().unwrap();
        place.ok(&["cp", &format!("{image}:{path}"), file]);
    }
    (certificate, key)
}

#[test]
fn the_documented_way() {
    let place = Workplace::new();
    if !openssl::is_here() || !disk::make(&place, "mender-disk-image.sdimg") {
        return;
    }
    shell(&place, CERTIFICATES);
    shell(&place, DISK_IMAGE);
    disk::check(&place, "mender-disk-image.sdimg");
    let stat = disk::debugfs(&place, "mender-disk-image.sdimg", &format!("stat {KEY}"));
    assert!(stat.contains("Mode:  0600"), "{stat}");
    assert!(
        disk::debugfs(&place, "mender-disk-image.sdimg", &format!("stat {CERTIFICATE}"))
            .contains("Mode:  0644")
    );
    let (certificate, key) = take_out(&place, "mender-disk-image.sdimg", "taken");
    assert_eq!(place.bytes(&key), place.bytes("device-private.key"));
    // The certificate of the server has no other name than its common name.
    let server = Server::start(&place, "");
    assert!(server.takes(&place, &certificate, &key, &["-verify_hostname", "my-server.com"]));

    // An authority made like that does not say what it is: it can issue, with a warning where it matters.
    let names = ["--device", "by-us", "--cert-out", "by-us.pem", "--key-out", "by-us.key"];
    let issued = place.run(&[&["provision", "device"], &ISSUER[..], &names].concat());
    assert_eq!(issued.status, 0, "{issued:?}");
    assert!(server.takes(&place, "by-us.pem", "by-us.key", &["-verify_hostname", "my-server.com"]));
    // What it issued can be revoked, too.
    let revoked = place.ok(&["provision", "revoke", "--cert", "device-cert.pem"]);
    assert_eq!(
        openssl::serial(&place, "device-cert.pem").to_lowercase().trim_start_matches('0'),
        revoked.trim_end()
    );
}

#[test]
fn the_same_with_provision() {
    let place = Workplace::new();
    if !openssl::is_here() || !disk::make(&place, "core.sdimg") {
        return;
    }
    place.ok(&["provision", "ca", "--subject", "/C=NO/O=My Organization/CN=My CA"]);
    place.ok(&[&["provision", "server", "--ip", "127.0.0.1"][..], &ISSUER].concat());
    let certificate = "HttpsClient.Certificate=/data/mender/mender-cert.pem";
    let key = "HttpsClient.Key=/data/mender/mender-cert-private.pem";
    place.ok(&["conf", "set", "core.sdimg", certificate, key]);
    place.put("devices.csv", "device,mac\na,1\nlost,2\n");
    let ended = bulk(&place, &[]);
    assert_eq!(ended.status, 0, "{ended:?}");
    place.ok(&[
        "provision",
        "ca",
        "--subject",
        "/C=NO/O=My Organization/CN=My CA",
        "--cert-out",
        "f.pem",
        "--key-out",
        "f.key",
    ]);
    let foreign = bulk(&place, &["--out", "foreign", "--ca", "f.pem", "--ca-key", "f.key"]);
    assert_eq!(foreign.status, 0, "{foreign:?}");

    let (a, a_key) = take_out(&place, "out/images/a.sdimg", "a");
    let (lost, lost_key) = take_out(&place, "out/images/lost.sdimg", "lost");
    let (foreign, foreign_key) = take_out(&place, "foreign/images/a.sdimg", "foreign");
    let server = Server::start(&place, "");
    assert!(server.takes(&place, &a, &a_key, &LOOPBACK));
    assert!(server.takes(&place, &lost, &lost_key, &LOOPBACK));
    assert!(!server.takes(&place, &a, &lost_key, &LOOPBACK));
    assert!(!server.takes(&place, &foreign, &foreign_key, &LOOPBACK));
    revocation_list(&place, &place.ok(&["provision", "revoke", "--manifest", "out/manifest.jsonl", "lost"]));
    let strict = Server::start(&place, "-crl_check -CRL crl.pem");
    assert!(strict.takes(&place, &a, &a_key, &LOOPBACK));
    assert!(!strict.takes(&place, &lost, &lost_key, &LOOPBACK));
}
