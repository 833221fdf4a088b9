//! A NATS server of a test.

use async_nats::jetstream;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::stream::RawMessageErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A server with JetStream, whose data outlives it.
pub(crate) struct Nats {
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// How long the server is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A port that nobody listens to. It is below those that systems give to connections, so that none of these has it while the
/// server is down.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        // Processes that run tests at the same time begin elsewhere.
        let at = (std::process::id().wrapping_mul(7919) + nth) % 20_000;
        let port = 12_000 + u16::try_from(at).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
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
        // Another one may take the port between looking and starting.
        for _ in 0..20 {
            let mut nats = Self { folder: tempfile::tempdir().unwrap(), port: free_port(), child: None };
            if nats.began() {
                return Some(nats);
            }
        }
        panic!("no port for the server");
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it again, with what it had.
    pub(crate) fn up(&mut self) {
        let begin = Instant::now();
        while !self.began() {
            assert!(begin.elapsed() < PATIENCE, "the server does not start again at port {}", self.port);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Starts it, and waits until it listens; `false` when it ends instead, as one whose port is taken.
    fn began(&mut self) -> bool {
        let mut child = Command::new(program().unwrap())
            .args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        loop {
            let ended = child.try_wait().unwrap().is_some();
            if ended {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                // One that listens to somebody else's port ends by now.
                std::thread::sleep(Duration::from_millis(50));
                if child.try_wait().unwrap().is_some() {
                    return false;
                }
                self.child = Some(child);
                return true;
            }
            if begin.elapsed() >= PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the server does not listen at port {}", self.port);
            }
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

    /// Asks until it is answered: the server may have been killed a moment ago.
    fn ask<T, F: Future<Output = Result<T, AnyError>>>(
        &self,
        question: impl Fn(jetstream::Context) -> F,
    ) -> Result<T, AnyError> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let begin = Instant::now();
        runtime.block_on(async {
            loop {
                let asked = async { question(jetstream::new(async_nats::connect(self.url()).await?)).await };
                let failed = match tokio::time::timeout(Duration::from_secs(20), asked).await {
                    Ok(Ok(answer)) => return Ok(answer),
                    Ok(Err(error)) => error,
                    Err(late) => late.into(),
                };
                if begin.elapsed() >= PATIENCE {
                    return Err(failed);
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        })
    }

    /// All messages of a stream, with their subjects.
    pub(crate) fn messages(&self, stream: &str) -> Vec<(String, serde_json::Value)> {
        let asked = self.ask(|context| async move {
            let mut stream = context.get_stream(stream).await?;
            let state = stream.info().await?.state.clone();
            let mut messages = Vec::new();
            // One that is empty begins at 0, which is no number of a message.
            for sequence in state.first_sequence.max(1)..=state.last_sequence {
                match stream.get_raw_message(sequence).await {
                    Ok(message) => {
                        let json = serde_json::from_slice(&message.payload).unwrap();
                        messages.push((message.subject.to_string(), json));
                    }
                    Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(messages)
        });
        asked.unwrap_or_else(|error| panic!("{stream}: {error}"))
    }

    /// What there is to do, for people.
    pub(crate) fn state(&self, stream: &str, consumer: &str) -> String {
        let asked = self.ask(|context| async move {
            let mut stream = context.get_stream(stream).await?;
            let state = stream.info().await?.state.clone();
            let mut consumer: PullConsumer = stream.get_consumer(consumer).await?;
            Ok(format!("{state:?}, {:?}", consumer.info().await?))
        });
        asked.unwrap_or_else(|error| format!("{stream}: {error}"))
    }

    /// Puts what no command would put.
    pub(crate) fn put_raw(&self, subject: &str, payload: &'static str) {
        let put = self.ask(|context| async move {
            context.publish(subject.to_owned(), payload.into()).await?.await?;
            Ok(())
        });
        put.unwrap();
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.down();
    }
}
