//! One job, as whoever asked for it sees it.

use super::arrival::PIECE;
use super::board::{Arrival, Board, End, Job, Piece};
use super::engine::Inner;
use super::failure::{Failure, Side};
use super::flight::{Output, Stage, Task};
use super::id::JobId;
use super::report::{Report, VERSION};
use super::spec::SignMode;
use super::state::{Progress, State};
use super::worker;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::reason::Reason;
use crate::fleet::tenant::TenantId;
use mender_artifact::read::verify::Verify;
use mender_artifact::sign::public_key::PublicKey;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// What a signature is to be made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningInput {
    /// The bytes to sign. RSA: PKCS#1 v1.5 with SHA-256; ECDSA: P-256 with SHA-256.
    pub manifest: Vec<u8>,
    /// Their SHA-256, for those who sign digests.
    pub sha256: Sha256Sum,
}

/// A job. Any thread may use it, and several at once; clones are the same job. A job goes on when its handles are gone, and
/// its output is kept for as long as there is one.
pub struct JobHandle {
    inner: Arc<Inner>,
    id: JobId,
    tenant: TenantId,
}

impl std::fmt::Debug for JobHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobHandle")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl JobHandle {
    /// A handle that the job counts already.
    pub(super) fn of(inner: Arc<Inner>, id: JobId, tenant: TenantId) -> Self {
        Self { inner, id, tenant }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &JobId {
        &self.id
    }

    /// For whom it is.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn unknown() -> Failure {
        Failure::new(Reason::UnknownJob)
    }

    /// Pushes bytes of an Artifact; nothing at all is its end. Waits only while what was pushed before is not read yet. What a
    /// job does not need, because an equal one has it already, is taken and thrown away.
    ///
    /// # Errors
    /// Why the job ended, if it did; `wrong_state` when this side is not pushed or has ended.
    pub fn feed(&self, side: Side, bytes: &[u8]) -> Result<(), Failure> {
        let wrong = |text: &str| Err(Failure::because(Reason::WrongState, text).of(side));
        let push = {
            let mut board = self.inner.board();
            let job = board.jobs.get(&self.id).ok_or_else(Self::unknown)?;
            if let Some(end) = &job.end {
                if end.state == State::Done {
                    return Ok(());
                }
                return Err(end.failure.clone().unwrap_or_else(|| Failure::new(Reason::WrongState)));
            }
            if job.arrivals.is_none() {
                return Ok(());
            }
            match board.arrival(&self.id, side) {
                Some(Arrival::Coming(push)) => {
                    match if bytes.is_empty() { push.take() } else { push.clone() } {
                        Some(push) => push,
                        None => return wrong("this Artifact is not pushed, or has ended"),
                    }
                }
                _ => return wrong("this Artifact is not pushed, or has ended"),
            }
        };
        let pieces = bytes.chunks(PIECE).map(|piece| Piece::Bytes(piece.to_vec()));
        let end = bytes.is_empty().then_some(Piece::End);
        for piece in pieces.chain(end) {
            if push.send(piece).is_err() {
                // Nobody reads any more: the job says why, or will at once.
                return Err(self.ended());
            }
        }
        Ok(())
    }

    /// As [`JobHandle::feed`], but never waits: takes as many bytes as there is room for and says how many. `None` if there is
    /// no room at all, also for the end. A job that is done takes what still comes and throws it away.
    ///
    /// # Errors
    /// As [`JobHandle::feed`].
    pub fn try_feed(&self, side: Side, bytes: &[u8]) -> Result<Option<usize>, Failure> {
        let wrong =
            || Failure::because(Reason::WrongState, "this Artifact is not pushed, or has ended").of(side);
        let push = {
            let mut board = self.inner.board();
            let job = board.jobs.get(&self.id).ok_or_else(Self::unknown)?;
            match &job.end {
                Some(End { failure: Some(failure), .. }) => return Err(failure.clone()),
                Some(_) => return Ok(Some(bytes.len())),
                None if job.arrivals.is_none() => return Ok(Some(bytes.len())),
                None => {}
            }
            match board.arrival(&self.id, side) {
                Some(Arrival::Coming(Some(push))) => push.clone(),
                _ => return Err(wrong()),
            }
        };
        // Where nobody reads any more the job will say why, the next time.
        if bytes.is_empty() {
            let is_told = push.try_send(Piece::End).is_ok();
            if let (true, Some(Arrival::Coming(push))) = (is_told, self.inner.board().arrival(&self.id, side))
            {
                *push = None;
            }
            return Ok(is_told.then_some(0));
        }
        let pieces = bytes.chunks(PIECE);
        let taken: usize = pieces
            .take_while(|piece| push.try_send(Piece::Bytes(piece.to_vec())).is_ok())
            .map(<[u8]>::len)
            .sum();
        Ok((taken > 0).then_some(taken))
    }

    /// Why nobody reads what is pushed. The reader may have seen the end of the Artifact already, and what is behind it.
    fn ended(&self) -> Failure {
        let progress = self.wait(Duration::from_secs(1));
        progress.failure.unwrap_or_else(|| Failure::because(Reason::WrongState, "this Artifact has ended"))
    }

    /// How far the job is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Self::progress_of(&self.inner.board(), &self.id)
    }

    fn progress_of(board: &Board, id: &JobId) -> Progress {
        let Some(job) = board.jobs.get(id) else {
            let failure = Some(Self::unknown());
            return Progress {
                state: State::Failed,
                done: 0,
                total: 0,
                peak_memory: 0,
                peak_disk: 0,
                failure,
            };
        };
        let (state, done, total) = job.gauge.read();
        let (state, failure) = match &job.end {
            Some(end) => (end.state, end.failure.clone()),
            None => (state, None),
        };
        Progress {
            state,
            done,
            total,
            peak_memory: job.gauge.memory.load(Ordering::Relaxed),
            peak_disk: job.gauge.disk.load(Ordering::Relaxed),
            failure,
        }
    }

    /// Waits until the job is over or awaits a signature, but no longer than this.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Progress {
        let begin = Instant::now();
        let mut board = self.inner.board();
        loop {
            let progress = Self::progress_of(&board, &self.id);
            let left = timeout.saturating_sub(begin.elapsed()).min(LONGEST_WAIT);
            let is_there = progress.state.is_final() || progress.state == State::AwaitingSignature;
            if is_there || left.is_zero() {
                return progress;
            }
            let waited = self.inner.changed.wait_timeout(board, left);
            board = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends the job, unless it is over. It is cancelled when this returns; what it took is given back as soon as its worker
    /// comes by, and not before. Others that wait for the same work are not concerned.
    pub fn cancel(&self) {
        self.inner.finish(&self.id, State::Cancelled, Some(Failure::new(Reason::Cancelled)), None);
    }

    /// What is to be signed.
    ///
    /// # Errors
    /// `wrong_state` unless the job awaits a signature.
    pub fn signing_input(&self) -> Result<SigningInput, Failure> {
        let board = self.inner.board();
        let manifest = Self::parked(&board, &self.id)?.to_vec();
        let sha256 = Sha256Sum(Sha256::digest(&manifest).into());
        Ok(SigningInput { manifest, sha256 })
    }

    fn parked<'b>(board: &'b Board, id: &JobId) -> Result<&'b [u8], Failure> {
        let flight = board.jobs.get(id).and_then(|job| board.flights.get(&job.flight?));
        match flight.map(|flight| &flight.stage) {
            Some(Stage::Parked(parked)) => Ok(&parked.manifest),
            _ => Err(Failure::because(Reason::WrongState, "the job does not await a signature")),
        }
    }

    /// Gives the signature of [`JobHandle::signing_input`]: the bytes themselves, not in base64. ECDSA as 64 bytes, as in
    /// Artifacts. It is checked, if the job has a public key; the job waits on when it is wrong.
    ///
    /// # Errors
    /// `wrong_state` unless the job awaits a signature, `bad_signature`.
    pub fn attach_signature(&self, signature: &[u8]) -> Result<(), Failure> {
        let SigningInput { manifest, .. } = self.signing_input()?;
        let refuse = |text: String| Err(Failure::because(Reason::BadSignature, text));
        if signature.is_empty() || signature.len() > MAX_SIGNATURE {
            return refuse(format!(
                "signature: expected 1 to {MAX_SIGNATURE} bytes, found {}",
                signature.len()
            ));
        }
        let mut board = self.inner.board();
        let job = board.jobs.get(&self.id).ok_or_else(Self::unknown)?;
        if let SignMode::External { public_key: Some(pem), .. } = &job.spec.sign {
            let verified =
                PublicKey::from_pem(pem.as_bytes()).and_then(|key| key.verify_manifest(&manifest, signature));
            if let Err(error) = verified {
                return refuse(error.to_string());
            }
        }
        let number = job.flight;
        let flight = number.and_then(|number| board.flights.get_mut(&number));
        let parked = flight.and_then(|flight| match std::mem::replace(&mut flight.stage, Stage::Running) {
            Stage::Parked(parked) => Some(parked),
            stage => {
                flight.stage = stage;
                None
            }
        });
        match (number, parked) {
            (Some(number), Some(parked)) => {
                board.enqueue_again(number, Task::Sign(parked, signature.to_vec()));
                drop(board);
                self.inner.work.notify_one();
                Ok(())
            }
            _ => Err(Failure::because(Reason::WrongState, "the job does not await a signature")),
        }
    }

    /// Reads on in the delta Artifact; 0 bytes are its end. One that was found in the store is fetched first.
    ///
    /// # Errors
    /// `wrong_state` unless the job is done, `work_io`, and what the store says.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let (at, output) = self.result()?;
        let len = output.with_file(|file| {
            let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read(buffer));
            read.map_err(|error| super::spool::work_io(&error))
        })?;
        if let Some(job) = self.inner.board().jobs.get_mut(&self.id) {
            job.read_at = at + len as u64;
        }
        Ok(len)
    }

    /// Calls `work` with the delta Artifact.
    ///
    /// # Errors
    /// As [`JobHandle::read`], and those of `work`.
    pub(in crate::fleet) fn with_output<T>(
        &self,
        work: impl FnOnce(&mut File) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.result()?.1.with_file(work)
    }

    /// How far the delta Artifact has been read, and itself.
    fn result(&self) -> Result<(u64, Arc<Output>), Failure> {
        let board = self.inner.board();
        let job = board.jobs.get(&self.id).ok_or_else(Self::unknown)?;
        match job.end.as_ref().and_then(|end| end.product.as_ref()) {
            Some(product) => Ok((job.read_at, Arc::clone(&product.output))),
            None => Err(Failure::because(Reason::WrongState, "the job is not done")),
        }
    }

    /// Everything that is known of the job.
    #[must_use]
    pub fn report(&self) -> Report {
        let board = self.inner.board();
        let progress = Self::progress_of(&board, &self.id);
        let job = board.jobs.get(&self.id);
        let end = job.and_then(|job| job.end.as_ref());
        let digests = job.map_or([None; 2], |job| job.digests);
        let threads = job.map_or(0, |job| worker::threads(&self.inner, &job.spec));
        Report {
            v: VERSION,
            id: self.id.clone(),
            tenant: self.tenant.clone(),
            state: progress.state,
            mender_status: progress.state.mender_status(self.inner.store.is_some()).to_owned(),
            key: job.and_then(|job| job.key),
            from_sha256: digests[0],
            to_sha256: digests[1],
            origin: job.and_then(|job| job.origin),
            outcome: end.and_then(|end| Some(end.product.as_ref()?.outcome.clone())),
            failure: progress.failure,
            peak_memory: progress.peak_memory,
            peak_disk: progress.peak_disk,
            threads: u32::try_from(threads).unwrap_or(u32::MAX),
            milliseconds: job.map_or_else(Vec::new, Self::spans),
        }
    }

    fn spans(job: &Job) -> Vec<(State, u64)> {
        job.end.as_ref().map_or_else(|| job.gauge.spans(), |end| end.spans.clone())
    }
}

/// After this a wait begins anew: systems have bounds of their own.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Longest signature in bytes: RSA with 4096 bits has 512.
const MAX_SIGNATURE: usize = 1024;

impl Clone for JobHandle {
    fn clone(&self) -> Self {
        if let Some(job) = self.inner.board().jobs.get_mut(&self.id) {
            job.handles += 1;
        }
        Self { inner: Arc::clone(&self.inner), id: self.id.clone(), tenant: self.tenant.clone() }
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        let mut board = self.inner.board();
        let Some(job) = board.jobs.get_mut(&self.id) else { return };
        job.handles -= 1;
        if job.handles == 0 && job.end.is_some() {
            let job = board.jobs.remove(&self.id);
            drop(board);
            drop(job);
        }
    }
}
