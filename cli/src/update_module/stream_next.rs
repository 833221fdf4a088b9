//! `stream-next`: the client names one payload file after the other, then answers with nothing.
//!
//! The client waits for its questions to be asked. One that has written a whole payload file waits until
//! `stream-next` is read again, and the Go client 3.4 waits for ever when the module is gone by then; hence
//! [`StreamNext::settle`].

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Error, PayloadProblem, ProtocolProblem};
use super::fifo_linux::Fifo;

/// A name of up to 255 bytes, a size, and some air.
const ANSWER_LIMIT_BYTES: u64 = 4096;
/// How long the client may take to close the list after the last byte of a payload file. What lies between is
/// the end of the Artifact, which may come over a bad network.
const END_PATIENCE: Duration = Duration::from_secs(300);
/// The same where the payload file was not read to its end, so that the client has most likely given up already.
const ABORT_PATIENCE: Duration = Duration::from_secs(5);
/// How much of a payload file is read away after a failure, to let the client finish.
const DRAIN_LIMIT_BYTES: u64 = 1 << 20;

/// The client's list of payload files.
#[derive(Debug)]
pub(crate) struct StreamNext {
    tree: PathBuf,
}

/// A payload file that can be read now.
#[derive(Debug)]
pub(crate) struct Stream {
    fifo: Fifo,
    path: PathBuf,
    /// What the client says it will send; None if it does not say.
    announced: Option<u64>,
    /// Bytes that were read.
    pub(crate) taken: u64,
    at_end: bool,
}

impl StreamNext {
    pub(crate) fn new(tree: &Path) -> Self {
        Self { tree: tree.to_owned() }
    }

    /// Asks for the first payload file. To be called before anything that can fail.
    ///
    /// # Errors
    ///
    /// No answer, or not one payload file's name inside `streams/`.
    pub(crate) fn first(&self, with_size: bool) -> Result<Answer, Error> {
        let text = self.ask(None).map_err(|error| Error::io("read", &self.path(), error))?;
        let answer = text.strip_suffix('\n').unwrap_or(&text);
        if answer.is_empty() {
            return Err(Error::Protocol(ProtocolProblem::NoPayloadFile));
        }
        let problem = || Error::Protocol(ProtocolProblem::Answer { answer: answer.to_owned() });
        let (file, size) = if with_size {
            let (file, size) = answer.rsplit_once(' ').ok_or_else(problem)?;
            (file, Some(size.parse().map_err(|_| problem())?))
        } else {
            (answer, None)
        };
        let name = file.strip_prefix("streams/").ok_or_else(problem)?;
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0', '\n']) {
            return Err(problem());
        }
        Ok(Answer { path: self.tree.join("streams").join(name), size })
    }

    /// Asks again after the payload file has been read: there must not be another one.
    ///
    /// # Errors
    ///
    /// There is another one, or the client does not answer.
    pub(crate) fn end(&self) -> Result<(), Error> {
        match self.ask(Some(END_PATIENCE)) {
            Ok(answer) if answer.is_empty() => Ok(()),
            Ok(answer) => {
                let second = answer.trim_end().to_owned();
                Err(Error::Protocol(ProtocolProblem::SecondPayloadFile { second }))
            }
            Err(error) => Err(Error::io("read", &self.path(), error)),
        }
    }

    /// After a failure: brings the client to a place where it notices, instead of waiting for a module that is gone.
    pub(crate) fn settle(&self, mut stream: Stream) {
        let drained = io::copy(&mut (&mut stream).take(DRAIN_LIMIT_BYTES), &mut io::sink());
        let patience = if drained.is_ok() && stream.at_end { END_PATIENCE } else { ABORT_PATIENCE };
        drop(stream);
        // The failure is already known; this one could only hide it.
        let _secondary = self.ask(Some(patience));
    }

    fn path(&self) -> PathBuf {
        self.tree.join("stream-next")
    }

    fn ask(&self, patience: Option<Duration>) -> io::Result<String> {
        let mut answer = String::new();
        Fifo::open(&self.path(), patience)?.take(ANSWER_LIMIT_BYTES).read_to_string(&mut answer)?;
        Ok(answer)
    }
}

/// A payload file that the client offers.
#[derive(Debug)]
pub(crate) struct Answer {
    path: PathBuf,
    size: Option<u64>,
}

impl Answer {
    /// Begins to read it.
    ///
    /// # Errors
    ///
    /// The pipe cannot be opened.
    pub(crate) fn open(self) -> Result<Stream, Error> {
        let fifo = Fifo::open(&self.path, None).map_err(|error| Error::io("open", &self.path, error))?;
        Ok(Stream { fifo, path: self.path, announced: self.size, taken: 0, at_end: false })
    }
}

impl Stream {
    /// For messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// After the end: as much must have come as the client said, where it did.
    ///
    /// # Errors
    ///
    /// It did not.
    pub(crate) fn check_size(&self) -> Result<(), Error> {
        match self.announced {
            Some(announced) if announced != self.taken => {
                Err(Error::Payload(PayloadProblem::StreamSize { announced, found: self.taken }))
            }
            _ => Ok(()),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fifo.read(buffer)?;
        self.taken += count as u64;
        self.at_end = count == 0 && !buffer.is_empty();
        Ok(count)
    }
}
