//! nginx, which asks clients for certificates as the gateway of a fleet does: whom it takes with what is in the images of
//! `provision bulk`.
#![cfg(unix)]

use crate::bulk::{CERTIFICATE, KEY, bulk, with_template};
use crate::handshake::{LOOPBACK, answer, revocation_list};
use crate::workplace::Workplace;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ended when dropped.
struct Nginx {
    child: Child,
    port: String,
}

/// Folders for administrators are not everybody's.
fn nginx() -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("nginx");
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null());
    command
}

impl Nginx {
    /// Starts one that takes clients of the authority in `ca-cert.pem`; more lines of its configuration may follow.
    fn start(place: &Workplace, name: &str, more: &str) -> Self {
        // Somebody else may take the port between asking for a free one and listening there.
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
            let folder = place.path(name);
            std::fs::create_dir_all(&folder).unwrap();
            let files = place.path("");
            let files = files.display();
            let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .iter()
                .map(|kind| format!("{kind}_temp_path {0}/{kind};", folder.display()))
                .collect();
            let conf = format!(
                "daemon off; master_process off; pid {0}/pid; error_log {0}/error.log;\n\
                 events {{ }}\n\
                 http {{ access_log off; {temporary}\n\
                   server {{ listen 127.0.0.1:{port} ssl;\n\
                     ssl_certificate {files}/server-cert.pem; ssl_certificate_key {files}/server-private.key;\n\
                     ssl_client_certificate {files}/ca-cert.pem; ssl_verify_client on; {more}\n\
                     location / {{ return 200 \"taken: $ssl_client_s_dn\"; }} }} }}\n",
                folder.display()
            );
            place.put(&format!("{name}/nginx.conf"), conf);
            let mut command = nginx();
            command.arg("-p").arg(&folder).arg("-c").arg(folder.join("nginx.conf"));
            let mut child = command.spawn().unwrap();
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(30) {
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                if TcpStream::connect(format!("127.0.0.1:{port}")).is_ok() {
                    return Self { child, port };
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("{}", String::from_utf8_lossy(&place.bytes(&format!("{name}/error.log"))));
    }

    /// The name of the client that it has taken.
    fn takes(&self, place: &Workplace, certificate: &str, key: &str) -> Option<String> {
        let answer = answer(place, &self.port, certificate, key, &LOOPBACK);
        let (head, body) = answer.split_once("\r\n\r\n")?;
        assert_eq!(head.starts_with("HTTP/1.1 200 "), body.starts_with("taken: "), "{answer}");
        body.strip_prefix("taken: ").map(str::to_owned)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes certificate and key of a device out of its image.
fn take_out(place: &Workplace, image: &str, name: &str) -> (String, String) {
    let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
    place.ok(&["cp", &format!("{image}:/data{CERTIFICATE}"), &certificate]);
    place.ok(&["cp", &format!("{image}:/data{KEY}"), &key]);
    (certificate, key)
}

#[test]
fn it_takes_a_device_by_its_image_and_no_foreign_or_revoked_one() {
    if nginx().arg("-v").status().is_err() {
        println!("skipped: there is no nginx");
        return;
    }
    let Some(place) = with_template(2) else { return };
    assert_eq!(bulk(&place, &[]).status, 0);
    let other =
        ["--subject", "/C=NO/O=My Organization/CN=My CA", "--cert-out", "f.pem", "--key-out", "f.key"];
    place.ok(&[&["provision", "ca"][..], &other].concat());
    assert_eq!(bulk(&place, &["--out", "foreign", "--ca", "f.pem", "--ca-key", "f.key"]).status, 0);
    let (good, good_key) = take_out(&place, "out/images/board-0000.sdimg", "good");
    let (lost, lost_key) = take_out(&place, "out/images/board-0001.sdimg", "lost");
    let (foreign, foreign_key) = take_out(&place, "foreign/images/board-0000.sdimg", "foreign");

    let server = Nginx::start(&place, "open", "");
    assert_eq!(server.takes(&place, &good, &good_key).as_deref(), Some("CN=board-0000"));
    assert_eq!(server.takes(&place, &lost, &lost_key).as_deref(), Some("CN=board-0001"));
    assert_eq!(server.takes(&place, &foreign, &foreign_key), None);
    assert_eq!(server.takes(&place, "server-cert.pem", "server-private.key"), None);

    let serials = place.ok(&["provision", "revoke", "--manifest", "out/manifest.jsonl", "board-0001"]);
    revocation_list(&place, &serials);
    let strict = Nginx::start(&place, "strict", &format!("ssl_crl {};", place.path("crl.pem").display()));
    assert_eq!(strict.takes(&place, &good, &good_key).as_deref(), Some("CN=board-0000"));
    assert_eq!(strict.takes(&place, &lost, &lost_key), None);
    assert_eq!(strict.takes(&place, &foreign, &foreign_key), None);
}
