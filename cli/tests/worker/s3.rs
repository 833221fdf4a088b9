//! A store behind an S3-compatible server: `moto_server` of the Python package `moto`.

use crate::artifacts::{events, object_task, run, write_version};
use crate::workplace::Workplace;
use mender_delta::fleet::job::key::JobKey;
use mender_delta::fleet::store::options::StoreOptions;
use mender_delta::fleet::store::record::{Object, Record};
use mender_delta::fleet::store::{Published, Store};
use mender_delta::fleet::tenant::TenantId;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Server {
    child: Child,
    port: u16,
}

/// Beside the build, where `cargo xtask` puts it, or in the path.
fn program() -> Option<PathBuf> {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_mender-artifact"));
    let beside = built.ancestors().nth(2).map(|target| target.join("tools/moto/bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = beside.into_iter().chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join("moto_server")).find(|program| program.exists())
}

impl Server {
    fn start() -> Option<Self> {
        let Some(program) = program() else {
            println!("skipped: no moto_server");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(120), "the server does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        let made = server.request("PUT /bucket");
        assert!(made.starts_with("HTTP/1.1 200"), "{made}");
        Some(server)
    }

    /// A request without a signature, which the server does not mind.
    fn request(&self, line: &str) -> String {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            connection,
            "{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn settings(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        [
            ("endpoint", endpoint.as_str()),
            ("aws_allow_http", "true"),
            ("region", "us-east-1"),
            ("access_key_id", "test"),
            ("secret_access_key", "test"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn store(&self, bucket: &str) -> Store {
        let settings = self.settings().into_iter().collect();
        let options = StoreOptions { settings, timeout: Duration::from_secs(20), ..StoreOptions::default() };
        Store::open(&format!("s3://{bucket}/a/prefix"), &options).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn file(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn an_s3_server_is_a_store() {
    let Some(server) = Server::start() else { return };
    let (store, tenant) = (server.store("bucket"), TenantId::new("acme").unwrap());
    // The last one goes in three parts.
    for (nth, len) in [(1, 0), (2, 5), (3, 20 << 20)] {
        let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
        let (key, mut file) = (JobKey::from([nth; 32]), file(&bytes));
        let record =
            Record { object: Object::of(&mut file).unwrap(), published: 1, note: serde_json::Value::Null };
        assert_eq!(store.find(&tenant, &key).unwrap(), None);
        assert_eq!(store.publish(&tenant, &key, &record, &mut file).unwrap(), Published::New);
        let again = store.publish(&tenant, &key, &record, &mut file).unwrap();
        assert_eq!(again, Published::AlreadyThere { record: record.clone(), identical: true });
        let mut read = Vec::new();
        store.read(&tenant, &record.object.sha256).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == bytes);
    }
    assert_eq!(store.list(&tenant).unwrap().len(), 3);
    assert_eq!(store.list(&TenantId::new("other").unwrap()).unwrap(), []);

    // Of many at once one wins. This server looks and writes in two steps, so that now and then two may get through it;
    // without conditional requests all would.
    let key = JobKey::from([9; 32]);
    let ends: Vec<Published> = std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    let mut file = file(b"the same");
                    let object = Object::of(&mut file).unwrap();
                    let record = Record { object, published: 1, note: serde_json::Value::Null };
                    server.store("bucket").publish(&tenant, &key, &record, &mut file).unwrap()
                })
            })
            .collect();
        publishers.into_iter().map(|publisher| publisher.join().unwrap()).collect()
    });
    let winners = ends.iter().filter(|end| **end == Published::New).count();
    assert!((1..=2).contains(&winners), "{ends:?}");
}

#[test]
fn a_worker_publishes_into_an_s3_server() {
    let Some(server) = Server::start() else { return };
    let place = Workplace::new();
    let (old, new) = (write_version(&place, 1), write_version(&place, 2));
    let (store, tenant) = (server.store("bucket"), TenantId::new("acme").unwrap());
    let put = |name: &str| {
        store.put(&tenant, &mut std::fs::File::open(place.path(name)).unwrap(), None).unwrap().sha256
    };
    let task = object_task("acme", put(&old), put(&new));
    let options: Vec<String> =
        server.settings().iter().map(|(name, value)| format!("--store-option={name}={value}")).collect();
    let line: Vec<&str> = ["delta", "worker", "--store", "s3://bucket/a/prefix"]
        .into_iter()
        .chain(options.iter().map(String::as_str))
        .collect();
    let ended = run(&place, &line, &task.to_string());
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    assert_eq!(events(&ended.stdout).last().unwrap()["published"], "new");
    assert_eq!(store.list(&tenant).unwrap().len(), 1);
}
