//! Work that one or several equal jobs wait for.

use super::admission::Share;
use super::failure::Failure;
use super::gauge::Gauge;
use super::id::JobId;
use super::key::JobKey;
use super::report::Outcome;
use super::shelf::Stored;
use super::spec::JobSpec;
use crate::artifact::{DeltaPayload, UnpackedArtifact};
use crate::fleet::digest::Sha256Sum;
use crate::fleet::reason::Reason;
use crate::fleet::tenant::TenantId;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// One Artifact, ready or at hand.
pub(super) enum Source {
    /// To be read by who works.
    Path(PathBuf),
    /// Read, checked and unpacked.
    Spooled(Box<Spooled>),
}

/// An Artifact that has arrived.
pub(super) struct Spooled {
    pub(super) artifact: UnpackedArtifact,
    /// Of its file.
    pub(super) sha256: Sha256Sum,
    /// The room that its image takes; given back with it.
    pub(super) _room: Share,
}

/// What a worker is to do next.
pub(super) enum Task {
    /// Everything.
    Make([Source; 2]),
    /// To go on with a signature.
    Sign(Box<Parked>, Vec<u8>),
}

/// A delta that waits for a signature.
pub(super) struct Parked {
    pub(super) payload: DeltaPayload,
    pub(super) manifest: Vec<u8>,
    /// Of the Artifact without a signature.
    pub(super) outcome: Outcome,
    /// The room that it takes.
    pub(super) _room: Share,
}

/// What came of it.
#[derive(Clone)]
pub(super) struct Product {
    pub(super) outcome: Outcome,
    /// The delta Artifact.
    pub(super) output: Arc<Output>,
}

/// A delta Artifact: a file without a name, or an object that becomes one when it is read.
pub(super) struct Output {
    /// The file, and the room that it takes.
    file: Mutex<Option<(File, Share)>>,
    stored: Option<Stored>,
}

impl Output {
    pub(super) fn at_hand(file: File, room: Share) -> Self {
        Self { file: Mutex::new(Some((file, room))), stored: None }
    }

    pub(super) fn in_store(stored: Stored) -> Self {
        Self { file: Mutex::new(None), stored: Some(stored) }
    }

    /// Calls `work` with the file.
    pub(super) fn with_file<T>(
        &self,
        work: impl FnOnce(&mut File) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let (None, Some(stored)) = (&*file, &self.stored) {
            *file = Some(stored.fetch()?);
        }
        match &mut *file {
            Some((file, _)) => work(file),
            None => Err(Failure::new(Reason::WorkIo)),
        }
    }
}

/// How a worker's part ended.
pub(super) enum Verdict {
    Done(Box<Product>),
    Parked(Box<Parked>),
    Failed(Failure),
    /// The store had the outcome.
    Stored(Box<Product>),
    /// It was known to fail.
    Remembered(Failure),
    /// Its jobs wait for other work now.
    Moved,
}

/// Where work stands between workers.
pub(super) enum Stage {
    Waiting(Task),
    Running,
    Parked(Box<Parked>),
}

/// A job that waits for this work.
pub(super) struct Member {
    pub(super) job: JobId,
    pub(super) spec: Arc<JobSpec>,
    /// Its own inputs, should those of the first one turn out to be unusable.
    pub(super) inputs: Option<[PathBuf; 2]>,
}

/// Work for one key.
pub(super) struct Flight {
    pub(super) tenant: TenantId,
    /// Known once both Artifacts are.
    pub(super) key: Option<JobKey>,
    /// Never empty. What the first one asks for is what counts.
    pub(super) members: Vec<Member>,
    pub(super) stage: Stage,
    pub(super) gauge: Arc<Gauge>,
}
