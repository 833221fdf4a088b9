//! Reading the client's named pipes without ever waiting for a client that is gone.
//!
//! A plain open of a pipe that nobody writes to waits for ever. Linux tells a pipe whose writer has come and gone
//! (`POLLHUP`) from one that no writer has opened yet (nothing to poll), so a non-blocking open and `poll` see an
//! empty answer, too.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;

/// How often it is looked whether the client still lives.
const TICK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// A pipe that is being read.
#[derive(Debug)]
pub(crate) struct Fifo {
    file: File,
    client: u32,
    deadline: Option<Instant>,
}

impl Fifo {
    /// Opens without waiting for the other side. `patience`, if given, bounds all waiting from now on.
    ///
    /// # Errors
    ///
    /// The pipe does not exist or cannot be opened.
    pub(crate) fn open(path: &Path, patience: Option<Duration>) -> io::Result<Self> {
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let deadline = patience.map(|patience| Instant::now() + patience);
        Ok(Self { file, client: std::os::unix::process::parent_id(), deadline })
    }

    /// Waits for bytes or the end.
    fn wait(&self) -> io::Result<()> {
        loop {
            match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&TICK)) {
                Ok(0) => {}
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if std::os::unix::process::parent_id() != self.client {
                return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone"));
            }
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not write"));
            }
        }
    }
}

impl Read for Fifo {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.wait()?;
            match self.file.read(buffer) {
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                result => return result,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::Command;

    fn pipe() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        (folder, path)
    }

    #[test]
    fn an_empty_answer_is_an_end_and_no_answer_is_a_timeout() {
        let (_folder, path) = pipe();
        let mut fifo = Fifo::open(&path, Some(Duration::from_millis(10))).unwrap();
        assert_eq!(fifo.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::TimedOut);

        let mut fifo = Fifo::open(&path, Some(Duration::from_secs(30))).unwrap();
        drop(OpenOptions::new().write(true).open(&path).unwrap());
        assert_eq!(fifo.read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn a_slow_writer_is_waited_for() {
        let (_folder, path) = pipe();
        let writer = {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut file = OpenOptions::new().write(true).open(path).unwrap();
                for byte in b"slow" {
                    std::thread::sleep(Duration::from_millis(20));
                    file.write_all(&[*byte]).unwrap();
                }
            })
        };
        let mut text = String::new();
        Fifo::open(&path, None).unwrap().read_to_string(&mut text).unwrap();
        writer.join().unwrap();
        assert_eq!(text, "slow");
    }
}
