//! Artifacts that arrive as bytes: each on a thread of its own, hashed, checked and unpacked on the way, once.

use super::admission::{Admission, Wanted};
use super::board::Piece;
use super::cause;
use super::failure::{Failure, Side};
use super::flight::Spooled;
use super::gauge::Gauge;
use super::spec::JobSpec;
use crate::artifact::{UnpackOptions, UnpackedArtifact};
use crate::error::Error;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::reason::Reason;
use mender_artifact::read::verify::Verify;
use mender_artifact::sign::public_key::PublicKey;
use sha2::{Digest, Sha256};
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

/// Pieces that wait between who pushes and who reads; and their longest in bytes.
pub(super) const PIECES: usize = 4;
pub(super) const PIECE: usize = 256 << 10;

/// A stream of pushed bytes.
pub(super) struct Pushed {
    pieces: Receiver<Piece>,
    now: Vec<u8>,
    at: usize,
    is_over: bool,
}

impl Pushed {
    pub(super) fn new(pieces: Receiver<Piece>) -> Self {
        Self { pieces, now: Vec::new(), at: 0, is_over: false }
    }
}

impl Read for Pushed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.now.len() && !self.is_over {
            match self.pieces.recv() {
                Ok(Piece::Bytes(bytes)) => (self.now, self.at) = (bytes, 0),
                Ok(Piece::End) => self.is_over = true,
                Err(_) => return Err(io::Error::new(io::ErrorKind::BrokenPipe, "nobody pushes any more")),
            }
        }
        let len = buffer.len().min(self.now.len() - self.at);
        buffer[..len].copy_from_slice(&self.now[self.at..self.at + len]);
        self.at += len;
        Ok(len)
    }
}

/// Hashes what it passes on, and ends where there is too much of it or nobody wants it.
struct Watched<'w, R> {
    inner: R,
    hash: &'w mut Sha256,
    left: u64,
    is_exceeded: &'w AtomicBool,
    cancel: &'w AtomicBool,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(io::Error::other("cancelled"));
        }
        let len = self.inner.read(buffer)?;
        self.hash.update(&buffer[..len]);
        match self.left.checked_sub(len as u64) {
            Some(left) => self.left = left,
            None => {
                self.is_exceeded.store(true, Ordering::Relaxed);
                return Err(io::Error::other("too large"));
            }
        }
        Ok(len)
    }
}

/// Why an Artifact did not arrive.
pub(super) struct Refused {
    pub(super) failure: Box<Failure>,
    /// SHA-256 of the file, where it could be read to its end nevertheless.
    pub(super) sha256: Option<Sha256Sum>,
}

/// What spooling needs to know.
pub(super) struct Spooling<'s> {
    pub(super) side: Side,
    pub(super) spec: &'s JobSpec,
    pub(super) folder: &'s Path,
    pub(super) admission: &'s Arc<Admission>,
    pub(super) gauge: &'s Gauge,
    /// Whether what is read can be read on after it turned out to be unusable.
    pub(super) drains: bool,
}

impl Spooling<'_> {
    /// Reads an Artifact to its end.
    pub(super) fn spool(&self, mut input: impl Read) -> Result<Spooled, Refused> {
        let Self { side, spec, .. } = *self;
        let cancel = &self.gauge.cancel;
        let refuse = |failure: Failure, sha256| Err(Refused { failure: Box::new(failure.of(side)), sha256 });
        let key = match spec.verify_key.as_ref().map(|pem| PublicKey::from_pem(pem.as_bytes())).transpose() {
            Ok(key) => key,
            Err(error) => {
                return refuse(Failure::because(Reason::BadRequest, format!("verify_key: {error}")), None);
            }
        };
        let (room, unadmitted) = (Mutex::new(None), Mutex::new(None));
        let keep = |slot: &Mutex<Option<Failure>>, failure| {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
            Err(Error::Usage("there is no room for the image"))
        };
        let admit = |image: u64| {
            if image > spec.limits.disk {
                let what = "temporary files for the image";
                return keep(&unadmitted, Failure::limit(Reason::LimitDisk, what, image, spec.limits.disk));
            }
            match self.admission.grant(Wanted { memory: 0, disk: image, is_complete: false }, cancel) {
                Ok(share) => {
                    *room.lock().unwrap_or_else(PoisonError::into_inner) = Some(share);
                    Ok(())
                }
                Err(failure) => keep(&unadmitted, failure),
            }
        };
        let options = UnpackOptions {
            spool_directory: Some(self.folder),
            verify: key.as_ref().map(|key| key as &dyn Verify),
            admit: Some(&admit),
            cancel: Some(cancel),
        };
        let (mut hash, is_exceeded) = (Sha256::new(), AtomicBool::new(false));
        let watched = Watched {
            inner: &mut input,
            hash: &mut hash,
            left: spec.limits.input,
            is_exceeded: &is_exceeded,
            cancel,
        };
        let read = UnpackedArtifact::read(watched, Path::new(side.name()), &options);
        let unadmitted = unadmitted.into_inner().unwrap_or_else(PoisonError::into_inner);
        let error = match read {
            Ok(artifact) => {
                let sha256 = Sha256Sum(hash.finalize().into());
                let Some(room) = room.into_inner().unwrap_or_else(PoisonError::into_inner) else {
                    return refuse(Failure::new(Reason::BadArtifact), Some(sha256));
                };
                return Ok(Spooled { artifact, sha256, _room: room });
            }
            Err(error) => error,
        };
        if cancel.load(Ordering::Relaxed) {
            return refuse(Failure::new(Reason::Cancelled), None);
        }
        if is_exceeded.load(Ordering::Relaxed) {
            let limit = spec.limits.input;
            let failure = Failure::limit(Reason::TooLarge, "Artifact", limit.saturating_add(1), limit);
            return refuse(failure, None);
        }
        if let Some(failure) = unadmitted {
            return refuse(failure, None);
        }
        let failure = cause::reading(side, &error);
        let sha256 = (self.drains && failure.reason != Reason::InputIo).then(|| drained(input, hash, cancel));
        refuse(failure, sha256.flatten())
    }
}

/// The SHA-256 of all that a file has, of which some has been read.
fn drained(mut rest: impl Read, mut hash: Sha256, cancel: &AtomicBool) -> Option<Sha256Sum> {
    let mut piece = vec![0; PIECE];
    while !cancel.load(Ordering::Relaxed) {
        match rest.read(&mut piece) {
            Ok(0) => return Some(Sha256Sum(hash.finalize().into())),
            Ok(len) => hash.update(&piece[..len]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    None
}
