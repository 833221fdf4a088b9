//! Stand-ins for services: small servers that remember what they were asked and sign with keys in files.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use mender_artifact::sign::Signer;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::sign::public_key::PublicKey;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub(crate) const MANIFEST: &[u8] = b"0123  data/0000/file\n";

/// One request as it came in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"].split(';').next().unwrap(), "application/json");
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What the stand-in says.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) delay: Duration,
}

impl Reply {
    pub(crate) fn ok(json: Value) -> Self {
        Self::of(200, json.to_string())
    }

    pub(crate) fn of(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into(), delay: Duration::ZERO }
    }
}

/// A running server. Its thread ends with the test program.
pub(crate) struct StandIn {
    port: u16,
    scheme: &'static str,
    requests: Arc<Mutex<Vec<Received>>>,
}

impl StandIn {
    pub(crate) fn start(answer: impl Fn(&Received) -> Reply + Send + 'static) -> Self {
        Self::serve(None, answer)
    }

    pub(crate) fn start_tls(
        config: ServerConfig,
        answer: impl Fn(&Received) -> Reply + Send + 'static,
    ) -> Self {
        Self::serve(Some(Arc::new(config)), answer)
    }

    fn serve(tls: Option<Arc<ServerConfig>>, answer: impl Fn(&Received) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let scheme = if tls.is_some() { "https" } else { "http" };
        thread::spawn(move || {
            for connection in listener.incoming() {
                let connection = connection.unwrap();
                match &tls {
                    None => converse(connection, &seen, &answer),
                    Some(config) => {
                        let session = ServerConnection::new(Arc::clone(config)).unwrap();
                        converse(StreamOwned::new(session, connection), &seen, &answer);
                    }
                }
            }
        });
        Self { port, scheme, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.host())
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }
}

/// One request and its answer. A peer that goes away is no matter.
fn converse(
    mut stream: impl Read + Write,
    seen: &Mutex<Vec<Received>>,
    answer: &impl Fn(&Received) -> Reply,
) {
    let Some(request) = receive(&mut stream) else { return };
    seen.lock().unwrap().push(request.clone());
    let reply = answer(&request);
    thread::sleep(reply.delay);
    let head = format!(
        "HTTP/1.1 {} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        reply.status,
        reply.body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(reply.body.as_bytes()));
    let _ = stream.flush();
}

fn receive(stream: &mut impl Read) -> Option<Received> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Received { method, path, headers, body: String::from_utf8(body).unwrap() })
}

/// A key of a stand-in.
pub(crate) struct Held {
    pub(crate) private: PrivateKey,
    pub(crate) public: PublicKey,
    /// SubjectPublicKeyInfo in PEM.
    pub(crate) pem: String,
    pub(crate) rsa: bool,
}

impl Held {
    pub(crate) fn both() -> [Self; 2] {
        ["rsa", "p256"].map(Self::named)
    }

    pub(crate) fn named(kind: &str) -> Self {
        let file = |name: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
            std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
        };
        let pem = file(&format!("{kind}-public.pem"));
        Self {
            private: PrivateKey::from_pem(file(&format!("{kind}-pkcs8.pem")).as_bytes()).unwrap(),
            public: PublicKey::from_pem(pem.as_bytes()).unwrap(),
            pem,
            rsa: kind == "rsa",
        }
    }

    /// The SubjectPublicKeyInfo.
    pub(crate) fn der(&self) -> Vec<u8> {
        let text: String = self.pem.lines().filter(|line| !line.starts_with('-')).collect();
        STANDARD.decode(text).unwrap()
    }

    /// The signature of the manifest, to whoever sends its digest. ECDSA: r and s.
    pub(crate) fn sign(&self, digest: &[u8]) -> Vec<u8> {
        let manifest = [MANIFEST, b""].into_iter().find(|manifest| {
            use sha2::Digest;
            sha2::Sha256::digest(manifest)[..] == *digest
        });
        self.private.sign_manifest(manifest.unwrap_or_else(|| panic!("unexpected digest"))).unwrap()
    }

    /// The same, with ECDSA as DER.
    pub(crate) fn sign_der(&self, digest: &[u8]) -> Vec<u8> {
        let signature = self.sign(digest);
        if self.rsa { signature } else { crate::key_files::der(&signature) }
    }

    /// Checks that a signer made a signature as Artifacts have it.
    pub(crate) fn check(&self, signature: &[u8]) {
        assert_eq!(signature, self.private.sign_manifest(MANIFEST).unwrap());
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn from_base64(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn from_base64url(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Looks variables up in a table.
pub(crate) fn table(variables: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> + use<> {
    let table: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    move |name| table.get(name).cloned()
}

/// An error and what led to it, in one line.
pub(crate) fn chain(error: &mender_artifact::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
