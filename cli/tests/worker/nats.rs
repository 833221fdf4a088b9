//! A NATS server of a test.

use async_nats::jetstream;
use async_nats::jetstream::consumer::PullConsumer;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server with JetStream, whose data outlives it.
pub(crate) struct Nats {
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

/// Where Debian has it.
fn program() -> Option<PathBuf> {
    ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
}

impl Nats {
    /// Starts one on a port of its own; `None`, and says so, where there is no such program.
    pub(crate) fn start() -> Option<Self> {
        if program().is_none() {
            println!("skipped: no nats-server");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut nats = Self { folder: tempfile::tempdir().unwrap(), port, child: None };
        nats.up();
        Some(nats)
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it again, with what it had.
    pub(crate) fn up(&mut self) {
        let child = Command::new(program().unwrap())
            .args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(30), "the server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it.
    pub(crate) fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// All messages of a stream, with their subjects.
    pub(crate) fn messages(&self, stream: &str) -> Vec<(String, serde_json::Value)> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let context = jetstream::new(async_nats::connect(self.url()).await.unwrap());
            let mut stream = context.get_stream(stream).await.unwrap();
            let state = stream.info().await.unwrap().state.clone();
            let mut messages = Vec::new();
            for sequence in state.first_sequence..=state.last_sequence {
                let Ok(message) = stream.get_raw_message(sequence).await else { continue };
                let json = serde_json::from_slice(&message.payload).unwrap();
                messages.push((message.subject.to_string(), json));
            }
            messages
        })
    }

    /// How many messages a consumer has not seen the end of.
    pub(crate) fn unfinished(&self, stream: &str, consumer: &str) -> u64 {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let context = jetstream::new(async_nats::connect(self.url()).await.unwrap());
            let stream = context.get_stream(stream).await.unwrap();
            let mut consumer: PullConsumer = stream.get_consumer(consumer).await.unwrap();
            let info = consumer.info().await.unwrap();
            info.num_pending + info.num_ack_pending as u64
        })
    }

    /// Puts what no command would put.
    pub(crate) fn put_raw(&self, subject: &str, payload: &'static str) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let context = jetstream::new(async_nats::connect(self.url()).await.unwrap());
            context.publish(subject.to_owned(), payload.into()).await.unwrap().await.unwrap();
        });
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.down();
    }
}
