//! Keys of services, end to end with a stand-in for HashiCorp Vault; the other services differ in the library only.

use crate::key_files::openssl;
use crate::workplace::{Ended, Workplace, key};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// Answers each request with what is next in the list, as JSON; keeps what was asked.
fn serve(answers: Vec<(u16, String)>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                request.push(byte[0]);
            }
            let head = String::from_utf8(request).unwrap().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut content = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            stream.read_exact(&mut content).unwrap();
            kept.lock().unwrap().push(format!("{head}{}", String::from_utf8(content).unwrap()));
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, asked)
}

/// What Vault says about an RSA key.
fn key_answer() -> (u16, String) {
    let pem = std::fs::read_to_string(key("rsa-public.pem")).unwrap().replace('\n', "\\n");
    (200, format!(r#"{{"data":{{"type":"rsa-2048","keys":{{"1":{{"public_key":"{pem}"}}}}}}}}"#))
}

fn run(place: &Workplace, url: &str, arguments: &[&str]) -> Ended {
    let mut command = place.command(arguments);
    let command =
        command.env("VAULT_ADDR", url).env("VAULT_TOKEN", "s.hush").env("VAULT_MOUNT_PATH", "transit");
    Ended::of(&command.output().unwrap())
}

/// The signature in an Artifact, as base64.
fn signature_in(place: &Workplace, name: &str) -> String {
    let output = Command::new("tar").args(["xOf", name, "manifest.sig"]).current_dir(place.path("")).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

#[test]
fn vault_signs_and_checks() {
    let place = Workplace::new();
    place.write_image("plain", &[]);
    // The right signature, from the key itself; the stand-in need not know how it is made.
    place.ok(&["sign", "plain", "-k", &key("rsa-pkcs8.pem"), "-o", "by-file"]);
    let signed = format!(r#"{{"data":{{"signature":"vault:v1:{}"}}}}"#, signature_in(&place, "by-file"));
    let (url, asked) = serve(vec![key_answer(), (200, signed), key_answer()]);
    let ended = run(&place, &url, &["sign", "plain", "--vault-transit-key", "release", "-o", "by-vault"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    assert_eq!(place.bytes("by-vault"), place.bytes("by-file"));
    let ended = run(&place, &url, &["validate", "by-vault", "--vault-transit-key", "release"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    let asked = asked.lock().unwrap();
    assert!(asked[0].starts_with("get /v1/transit/keys/release "), "{}", asked[0]);
    assert!(asked[1].starts_with("put /v1/transit/sign/release/sha2-256 "), "{}", asked[1]);
    assert!(asked[2].starts_with("get /v1/transit/keys/release "), "{}", asked[2]);
    if Path::new("/usr/bin/mender-artifact").exists() {
        let output = Command::new("/usr/bin/mender-artifact")
            .args(["validate", "by-vault", "-k", &key("rsa-public.pem")])
            .current_dir(place.path(""))
            .output();
        assert!(output.unwrap().status.success());
    }
}

#[test]
fn a_refusal_or_a_wrong_signature_leaves_the_artifact_alone() {
    let place = Workplace::new();
    place.write_image("a", &[]);
    let before = place.bytes("a");
    let wrong = r#"{"data":{"signature":"vault:v1:AAAA"}}"#.to_owned();
    let denied = r#"{"errors":["permission denied for s.hush"]}"#.to_owned();
    for (answers, says) in [
        (vec![(403, denied)], "refused with status 403: permission denied for ***"),
        (
            vec![key_answer(), (200, wrong)],
            "expected a signature that the public key verifies, found another",
        ),
    ] {
        let (url, _) = serve(answers);
        let ended = run(&place, &url, &["sign", "a", "--vault-transit-key", "release"]);
        assert_eq!(ended.status, 7, "{ended:?}");
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1);
    }
    assert_eq!(place.bytes("a"), before);
    assert_eq!(place.names(), ["a", "img"]);
}

#[test]
fn a_proxy_is_asked_for_what_is_not_on_this_machine() {
    let place = Workplace::new();
    place.write_image("a", &[]);
    for (no_proxy, through_proxy) in [("", true), ("other.invalid", true), ("vault.invalid", false)] {
        let (proxy, asked) = serve(vec![(502, String::new())]);
        let mut command = place.command(&["sign", "a", "--vault-transit-key", "k"]);
        for variable in ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "http_proxy", "no_proxy"] {
            command.env_remove(variable);
        }
        command.env("HTTP_PROXY", &proxy).env("NO_PROXY", no_proxy);
        command.env("VAULT_ADDR", "http://vault.invalid:8200").env("VAULT_TOKEN", "s.hush");
        let ended = Ended::of(&command.output().unwrap());
        assert_eq!(ended.status, 7, "{ended:?}");
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), usize::from(through_proxy), "{no_proxy}: {asked:?}");
        assert!(asked.iter().all(|request| request.contains("vault.invalid:8200")), "{asked:?}");
        // A tunnel: the token is for the service only.
        assert!(asked.iter().all(|request| !request.contains("hush")), "{asked:?}");
    }
}

/// A server with TLS, which answers everything with a page. Ends when dropped.
struct TlsServer(Child, String);

impl TlsServer {
    fn start(place: &Workplace) -> Self {
        let flags =
            ["s_server", "-accept", "127.0.0.1:0", "-cert", "server.crt", "-key", "server.pem", "-www"];
        let mut command = Command::new("openssl");
        command.args(flags).current_dir(place.path("")).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("ACCEPT ").map(str::to_owned));
        // Whoever has no reader stops writing.
        std::thread::spawn(move || lines.count());
        Self(child, address.unwrap())
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_is_trusted_if_the_system_trusts_it() {
    let place = Workplace::new();
    place.write_image("a", &[]);
    place.put("server.ext", "subjectAltName=IP:127.0.0.1\n");
    let new_key = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out";
    for name in ["ca", "other", "server"] {
        if !openssl(&place, &format!("{new_key} {name}.pem")) {
            return;
        }
    }
    for name in ["ca", "other"] {
        openssl(&place, &format!("req -x509 -key {name}.pem -subj /CN={name} -days 2 -out {name}.crt"));
    }
    openssl(&place, "req -new -key server.pem -subj /CN=server -out server.csr");
    let authority = "-CA ca.crt -CAkey ca.pem -CAcreateserial -days 2 -extfile server.ext";
    openssl(&place, &format!("x509 -req -in server.csr {authority} -out server.crt"));
    let server = TlsServer::start(&place);
    for (trusted, says) in [("ca.crt", "expected JSON in the answer"), ("other.crt", "certificate")] {
        let mut command = place.command(&["sign", "a", "--vault-transit-key", "k"]);
        command.env("VAULT_ADDR", format!("https://{}", server.1)).env("VAULT_TOKEN", "s.hush");
        command.env("SSL_CERT_FILE", place.path(trusted)).env_remove("SSL_CERT_DIR");
        let ended = Ended::of(&command.output().unwrap());
        assert_eq!(ended.status, 7, "{ended:?}");
        assert!(ended.stderr.contains(says), "{trusted}: {}", ended.stderr);
    }
}

#[test]
fn each_service_says_which_setting_is_missing() {
    let place = Workplace::new();
    place.write_image("a", &[]);
    let gcp = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
    for (flag, name, variable) in [
        ("--vault-transit-key", "k", "VAULT_TOKEN"),
        ("--azure-key", "k", "KEY_VAULT_NAME"),
        ("--aws-kms-key", "alias/k", "AWS_REGION"),
        ("--keyfactor-signserver-worker", "k", "SIGNSERVER_HOSTNAME"),
        ("--gcp-kms-key", "k", "cryptoKeyVersions"),
        ("--gcp-kms-key", gcp, "GCE_METADATA_HOST"),
    ] {
        let mut command = place.command(&["sign", "a", flag, name]);
        for variable in [
            "VAULT_TOKEN",
            "KEY_VAULT_NAME",
            "AZURE_KEYVAULT_URL",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            "SIGNSERVER_HOSTNAME",
            "GOOGLE_OAUTH_ACCESS_TOKEN",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "CLOUDSDK_CONFIG",
            "HOME",
        ] {
            command.env_remove(variable);
        }
        let ended = Ended::of(&command.env("GCE_METADATA_HOST", "no host").output().unwrap());
        assert_eq!(ended.status, 1, "{flag}: {ended:?}");
        assert!(ended.stderr.contains(variable), "{flag}: {}", ended.stderr);
    }
}
