//! The proof of a delta: it is applied while it is written, and what it yields is compared with the new image.
//!
//! The last numbers of the header, the longest window and the most operations of one, are only known at the end. The
//! proof reserves the most that the layout allows; that no window goes beyond what the header says follows from how
//! these numbers come about, and [`Proof::end`] has an applier take its place in exactly the memory that is promised.

use crate::apply::{Applier, CallerError, Header, Target};
use crate::error::Error;
use crate::options::GenerateOptions;
use crate::progress::Phase;
use crate::reading::Reading;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

/// What a proof is told.
enum Told {
    /// The header with the most that may come, and the fold.
    Front(Box<Header>, Vec<u8>),
    /// A window with its header.
    Window(Vec<u8>),
}

/// Windows that may wait for the proof.
const WAITING: usize = 8;

/// A proof at work on a thread of its own.
pub(crate) struct Proof<'s> {
    tell: Option<SyncSender<Told>>,
    worker: Option<ScopedJoinHandle<'s, Result<(), Error>>>,
    /// Whether anything is to be proved.
    is_wanted: bool,
}

/// What the proof shares with who writes the delta.
pub(crate) struct Proved<'i, 'o> {
    pub(crate) old: &'i [u8],
    pub(crate) new: &'i [u8],
    pub(crate) options: &'o GenerateOptions<'o>,
    /// Set when all is written: from then on the proof is what is waited for.
    pub(crate) is_written: AtomicBool,
    /// SHA-256 of both images, as the delta has them.
    pub(crate) digests: OnceLock<[[u8; 32]; 2]>,
}

impl<'s> Proof<'s> {
    /// Begins on a thread of `scope`.
    pub(crate) fn begin<'env>(scope: &'s Scope<'s, 'env>, proved: &'s Proved<'_, '_>) -> Self {
        let (tell, told) = sync_channel(WAITING);
        let worker = scope.spawn(move || prove(proved, &told));
        Proof { tell: Some(tell), worker: Some(worker), is_wanted: true }
    }

    /// No proof, for what nobody will apply.
    pub(crate) fn none() -> Self {
        Proof { tell: None, worker: None, is_wanted: false }
    }

    /// Tells of the front of the delta.
    ///
    /// # Errors
    /// Why the proof failed.
    pub(crate) fn front(&mut self, header: &Header, fold: &[u8]) -> Result<(), Error> {
        self.tell(Told::Front(Box::new(*header), fold.to_vec()))
    }

    /// Tells of a window.
    ///
    /// # Errors
    /// Why the proof failed.
    pub(crate) fn window(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        self.tell(Told::Window(bytes))
    }

    /// Waits for the proof of what has been told, whose header came to be `header`.
    ///
    /// # Errors
    /// Why it failed.
    pub(crate) fn end(mut self, header: &Header) -> Result<(), Error> {
        self.outcome()?;
        // As a device reads it, with every bound that a header has.
        let header = Header::parse(&header.encode())?;
        let mut arena = arena(&header)?;
        Applier::new(&header, &mut arena).map(|_| ())
    }

    fn tell(&mut self, told: Told) -> Result<(), Error> {
        if !self.is_wanted {
            return Ok(());
        }
        let is_taken = self.tell.as_ref().is_some_and(|tell| tell.send(told).is_ok());
        if is_taken { Ok(()) } else { self.outcome().and(Err(ENDED)) }
    }

    fn outcome(&mut self) -> Result<(), Error> {
        self.tell = None;
        let worker = self.worker.take().ok_or(ENDED)?;
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

const ENDED: Error = Error::Usage("the proof ended before the delta");

fn arena(header: &Header) -> Result<Vec<u8>, Error> {
    let memory = usize::try_from(header.memory).map_err(|_| Error::Limit {
        what: "memory to apply",
        wanted: header.memory,
        limit: usize::MAX as u64,
    })?;
    Ok(vec![0; memory])
}

fn prove(proved: &Proved<'_, '_>, told: &Receiver<Told>) -> Result<(), Error> {
    let Ok(Told::Front(header, fold)) = told.recv() else { return Ok(()) };
    // It is set once.
    let _ = proved.digests.set([header.base_sha256, header.target_sha256]);
    let mut arena = arena(&header)?;
    let mut applier = Applier::new(&header, &mut arena)?;
    let mut target = Compared { new: proved.new, at: 0, reading: Reading::of(proved.options) };
    let mut old = proved.old;
    let mut push = |applier: &mut Applier<'_>, bytes: &[u8]| {
        let pushed = applier.push(bytes, &mut old, &mut target);
        // Then that is why, whatever else it says.
        proved.options.check().and(pushed)
    };
    push(&mut applier, &fold)?;
    while let Ok(Told::Window(window)) = told.recv() {
        push(&mut applier, &window)?;
        if proved.is_written.load(Ordering::Relaxed) {
            proved.options.tick(Phase::Prove, applier.written(), proved.new.len() as u64)?;
        }
    }
    applier.finish()
}

/// A target that already has the bytes that it should get.
struct Compared<'i> {
    new: &'i [u8],
    at: usize,
    reading: Reading<'i>,
}

impl Target for Compared<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        if self.new.get(self.at..self.at + bytes.len()) != Some(bytes) {
            return Err(CallerError { action: "the new image differs from what the delta yields", code: 0 });
        }
        self.at += bytes.len();
        // What was written has been read of both images.
        let read = self.reading.read(2 * bytes.len() as u64);
        read.map_err(|_| CallerError { action: "cancelled", code: 0 })
    }
}
