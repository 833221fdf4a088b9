//! A stand-in for the client's half of a download: it writes the pipes exactly as the Go client 3.4 does, and can
//! therefore get stuck as that one does when the module dies at the wrong moment.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the client has to send.
#[derive(Clone)]
pub(crate) struct Payload {
    /// The answers to `stream-next`, without the last, empty one.
    pub(crate) answers: Vec<String>,
    /// What each of them streams.
    pub(crate) bytes: Vec<u8>,
    /// How it is cut up, and how long the client waits before each piece.
    pub(crate) piece: usize,
    pub(crate) pause: Duration,
    /// The client finds its input broken at the end: it closes the stream and never asks again.
    pub(crate) gives_up_at_end: bool,
    /// The last answer is not given before this file is there.
    pub(crate) end_when: Option<PathBuf>,
}

impl Payload {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self {
            answers: vec!["streams/root.ext4.delta\n".into()],
            bytes: bytes.to_vec(),
            piece: 1 << 16,
            pause: Duration::ZERO,
            gives_up_at_end: false,
            end_when: None,
        }
    }
}

/// How the client's half ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All pipes were read to their end.
    Complete,
    /// The module closed the stream early, or the client gave up by itself.
    GaveUp,
    /// The client waited for a module that was gone: on the device, for ever.
    Stuck(PathBuf),
}

/// A client that is writing.
pub(crate) struct Client {
    waits_for: Arc<Mutex<PathBuf>>,
    done: Receiver<End>,
}

impl Client {
    pub(crate) fn start(tree: &Path, payload: Payload) -> Self {
        make_pipe(&tree.join("stream-next"));
        let (report, done) = channel();
        let waits_for = Arc::new(Mutex::new(PathBuf::new()));
        let feeder = Feeder { tree: tree.to_owned(), waits_for: Arc::clone(&waits_for) };
        std::thread::spawn(move || report.send(feeder.feed(&payload)));
        Self { waits_for, done }
    }

    /// To be called when the module has ended.
    pub(crate) fn end(self) -> End {
        match self.done.recv_timeout(Duration::from_secs(3)) {
            Ok(end) => end,
            Err(RecvTimeoutError::Disconnected) => panic!("the client's thread panicked"),
            // The thread stays where it is until the test program ends.
            Err(RecvTimeoutError::Timeout) => End::Stuck(self.waits_for.lock().unwrap().clone()),
        }
    }
}

struct Feeder {
    tree: PathBuf,
    waits_for: Arc<Mutex<PathBuf>>,
}

impl Feeder {
    fn feed(&self, payload: &Payload) -> End {
        for answer in &payload.answers {
            let name = answer.split_whitespace().next().unwrap();
            if name.starts_with("streams/") && !name.contains("..") {
                make_pipe(&self.tree.join(name));
            }
            self.answer(answer);
            let mut pipe = self.open(name);
            for piece in payload.bytes.chunks(payload.piece) {
                std::thread::sleep(payload.pause);
                if pipe.write_all(piece).is_err() {
                    return End::GaveUp;
                }
            }
        }
        if payload.gives_up_at_end {
            return End::GaveUp;
        }
        while payload.end_when.as_ref().is_some_and(|file| !file.exists()) {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.answer("");
        End::Complete
    }

    fn answer(&self, text: &str) {
        let mut pipe = self.open("stream-next");
        // A module that has gone in between shows at the stream.
        let _gone = pipe.write_all(text.as_bytes());
    }

    /// Waits, as the client does, until the module opens the pipe, too.
    fn open(&self, name: &str) -> File {
        *self.waits_for.lock().unwrap() = name.into();
        OpenOptions::new().write(true).open(self.tree.join(name)).unwrap()
    }
}

pub(crate) fn make_pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}
