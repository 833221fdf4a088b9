//! TLS over the loopback address, with a certificate asked of the client: whom a server takes that trusts the
//! authority, and whom it does not.

use crate::certificates::{ISSUER, with_certificates};
use crate::openssl;
use crate::workplace::Workplace;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

/// The server is who it should be if its certificate has this address.
pub(crate) const LOOPBACK: [&str; 2] = ["-verify_ip", "127.0.0.1"];

/// `openssl s_server`, ended when dropped.
pub(crate) struct Server {
    child: Child,
    port: String,
}

impl Server {
    /// Starts one that asks for certificates of the authority in `ca-cert.pem`; more flags may follow.
    pub(crate) fn start(place: &Workplace, more: &str) -> Self {
        let mut command = Command::new("openssl");
        command
            .args("s_server -accept 127.0.0.1:0 -www -Verify 4 -verify_return_error".split(' '))
            .args("-CAfile ca-cert.pem -cert server-cert.pem -key server-private.key".split(' '))
            .args(more.split_whitespace())
            .current_dir(place.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let accept = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("ACCEPT")));
        let accept = accept.unwrap().unwrap();
        let port = accept.rsplit_once(':').unwrap().1.to_owned();
        // Nobody reads what else it says, and it must not wait for anybody.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }

    /// Whether it takes a client with this certificate and key, and the client takes it by `name`: flags of openssl.
    pub(crate) fn takes(&self, place: &Workplace, certificate: &str, key: &str, name: &[&str]) -> bool {
        answer(place, &self.port, certificate, key, name).starts_with("HTTP/1.0 200 ok")
    }
}

/// What a server on this port answers to a client with this certificate and key, if it does.
pub(crate) fn answer(place: &Workplace, port: &str, certificate: &str, key: &str, name: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{port}")])
        .args(["-CAfile", "ca-cert.pem", "-verify_return_error"])
        .args(name)
        .args(["-cert", certificate, "-key", key])
        .current_dir(place.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut client = command.spawn().unwrap();
    // One that has been refused takes nothing any more.
    let _ = client.stdin.take().unwrap().write_all(b"GET / HTTP/1.0\r\n\r\n");
    let answer = client.wait_with_output().unwrap();
    String::from_utf8_lossy(&answer.stdout).into_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A list of revoked certificates (RFC 5280, section 5), made by openssl from serial numbers one a line.
pub(crate) fn revocation_list(place: &Workplace, serials: &str) {
    let revoked: String = serials
        .lines()
        .map(|serial| format!("R\t361122000000Z\t261122000000Z\t{}\tunknown\t/CN=x\n", serial.to_uppercase()))
        .collect();
    place.put("index.txt", revoked);
    place.put("crlnumber", "01\n");
    place.put(
        "ca.conf",
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\n",
    );
    openssl::ok(
        place,
        "ca -config ca.conf -gencrl -cert ca-cert.pem -keyfile ca-private.key -crldays 9 -out crl.pem",
    );
}

#[test]
fn a_device_is_taken_a_foreign_and_a_revoked_one_are_not() {
    if !openssl::is_here() {
        return;
    }
    let place = with_certificates();
    let device = |name: &str, issuer: &[&str]| {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let files = ["--key-out", &key, "--cert-out", &certificate];
        place.ok(&[&["provision", "device", "--device", name], issuer, &files[..]].concat());
    };
    device("lost", &ISSUER);
    // As like as can be, but the key is another.
    place.ok(&[
        "provision",
        "ca",
        "--subject",
        "/C=NO/O=My Organization/CN=My CA",
        "--key-out",
        "other-ca.key",
        "--cert-out",
        "other-ca.pem",
    ]);
    device("foreign", &["--ca", "other-ca.pem", "--ca-key", "other-ca.key"]);

    let server = Server::start(&place, "");
    assert!(server.takes(&place, "device-cert.pem", "device-private.key", &LOOPBACK));
    assert!(server.takes(&place, "lost.pem", "lost.key", &LOOPBACK));
    assert!(!server.takes(&place, "foreign.pem", "foreign.key", &LOOPBACK));
    // A server's certificate is no client's, and one without its key is nothing.
    assert!(!server.takes(&place, "server-cert.pem", "server-private.key", &LOOPBACK));
    assert!(!server.takes(&place, "device-cert.pem", "lost.key", &LOOPBACK));

    revocation_list(&place, &place.ok(&["provision", "revoke", "--cert", "lost.pem"]));
    let strict = Server::start(&place, "-crl_check -CRL crl.pem");
    assert!(strict.takes(&place, "device-cert.pem", "device-private.key", &LOOPBACK));
    assert!(!strict.takes(&place, "lost.pem", "lost.key", &LOOPBACK));
}
