//! What a worker does: from two Artifacts to a delta Artifact.

use super::admission::{Admission, Share, Wanted};
use super::arrival::{Refused, Spooling};
use super::bound::{Bound, Folding, Sizes};
use super::cause;
use super::failure::{Failure, Side};
use super::flight::{Output, Parked, Product, Source, Spooled, Verdict};
use super::gauge::Gauge;
use super::report::Outcome;
use super::signing::{Given, Wait, sign_beside};
use super::spec::{JobSpec, SignMode};
use super::spool::work_io;
use super::state::State;
use crate::algorithm::Made;
use crate::artifact::{DeltaArtifactOptions, DeltaArtifactReport, DeltaPayload, Review};
use crate::error::Error;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::reason::Reason;
use crate::options::GenerateOptions;
use crate::progress::Phase;
use mender_artifact::sign::Signer;
use mender_image::probe::{self, Content};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What work needs besides its inputs.
pub(super) struct Bench<'b> {
    pub(super) spec: &'b JobSpec,
    pub(super) folder: &'b Path,
    pub(super) admission: &'b Arc<Admission>,
    pub(super) gauge: &'b Gauge,
    pub(super) signer: Option<Arc<dyn Signer + Send + Sync>>,
    pub(super) threads: usize,
    pub(super) memory_budget: u64,
}

/// Room for what waits for a signature, beside the delta itself.
const PARKED: u64 = 1 << 20;

impl Bench<'_> {
    /// Both Artifacts, read and unpacked.
    pub(super) fn spool(&self, sources: [Source; 2]) -> Result<[Box<Spooled>; 2], Refused> {
        let [from, to] = sources;
        let (from, to) = rayon::join(|| self.spool_one(Side::From, from), || self.spool_one(Side::To, to));
        Ok([from?, to?])
    }

    fn spool_one(&self, side: Side, source: Source) -> Result<Box<Spooled>, Refused> {
        let path = match source {
            Source::Spooled(spooled) => return Ok(spooled),
            Source::Path(path) => path,
        };
        self.gauge.enter(State::Spooling);
        let open = |error: io::Error| Refused {
            failure: Box::new(
                Failure::because(Reason::InputIo, format!("cannot be opened: {error}")).of(side),
            ),
            sha256: None,
        };
        // Opening a pipe would wait for whoever writes into it, and not be cancelled.
        if !std::fs::metadata(&path).map_err(open)?.is_file() {
            return Err(open(io::Error::other("expected a regular file")));
        }
        let input = File::open(&path).map_err(open)?;
        let Self { spec, folder, admission, gauge, .. } = *self;
        Spooling { side, spec, folder, admission, gauge, drains: true }.spool(input).map(Box::new)
    }

    /// Makes the delta Artifact, as far as that goes without a signature of somebody else.
    pub(super) fn make(&self, [from, to]: [Box<Spooled>; 2]) -> Result<Verdict, Failure> {
        let Self { spec, gauge, .. } = *self;
        if from.artifact.image_sha256() == to.artifact.image_sha256() {
            return Err(Failure::new(Reason::FromEqTo));
        }
        gauge.enter(State::Queued);
        let (bound, share) = self.admit(&from, &to)?;
        gauge.enter(State::Planning);
        let tell = |phase: Phase, done: u64, total: u64| gauge.tell(phase, done, total);
        let most = spec.limits.largest_worth(to.artifact.artifact_len());
        let review = Reviewer { spec, failure: RefCell::new(None) };
        let options = self.options(&bound, &tell, Some(&review));
        let made = DeltaPayload::make(&from.artifact, &to.artifact, &options);
        let mut payload =
            made.map_err(|error| review.failure.take().unwrap_or_else(|| cause::working(&error)))?;
        drop((from, to));
        gauge.enter(State::Verifying);
        let options = self.options(&bound, &tell, None);
        let (report, outcome, output) = self.write(&mut payload, None, &options)?;
        if outcome.len > most {
            return Err(no_gain(outcome.len, most, outcome.full_len));
        }
        let manifest = report.manifest;
        let (signature, share) = match &spec.sign {
            SignMode::None {} => return Ok(done(outcome, output, share)),
            SignMode::External { .. } => {
                let _room = share.shrunk(outcome.delta_len.saturating_add(PARKED));
                return Ok(Verdict::Parked(Box::new(Parked { payload, manifest, outcome, _room })));
            }
            SignMode::Signer { .. } => {
                let signer = self.signer.clone().ok_or_else(|| Failure::new(Reason::UnknownSigner))?;
                (sign_beside(signer, manifest, &Wait { cancel: &gauge.cancel })?, share)
            }
        };
        drop(output);
        self.sign(&mut payload, signature, &options, share)
    }

    /// Goes on with a signature that somebody has given.
    pub(super) fn finish(&self, mut parked: Box<Parked>, signature: Vec<u8>) -> Result<Verdict, Failure> {
        self.gauge.enter(State::Verifying);
        let disk = parked.outcome.len.saturating_mul(2).saturating_add(PARKED);
        let wanted = Wanted { memory: 0, disk, is_complete: true };
        let share = self.admission.grant(wanted, &self.gauge.cancel)?;
        let tell = |_: Phase, _: u64, _: u64| {};
        let bound = Bound::of(Sizes { from: 0, to: 0 }, Folding::Nothing, self.spec, 1);
        let options = self.options(&bound, &tell, None);
        self.sign(&mut parked.payload, signature, &options, share)
    }

    fn sign(
        &self,
        payload: &mut DeltaPayload,
        signature: Vec<u8>,
        options: &DeltaArtifactOptions<'_>,
        share: Share,
    ) -> Result<Verdict, Failure> {
        let (_, outcome, output) = self.write(payload, Some(&Given(signature)), options)?;
        Ok(done(outcome, output, share))
    }

    /// Waits until the whole work fits.
    fn admit(&self, from: &Spooled, to: &Spooled) -> Result<(Bound, Share), Failure> {
        let sizes = Sizes { from: from.artifact.image_len(), to: to.artifact.image_len() };
        let foldings = [folding(from)?, folding(to)?];
        let folding = if foldings.contains(&Folding::Nothing) {
            Folding::Nothing
        } else {
            foldings[0].max(foldings[1])
        };
        let threads = u64::try_from(self.threads).unwrap_or(u64::MAX);
        let bound = Bound::of(sizes, folding, self.spec, threads).within(
            sizes,
            &self.spec.limits,
            self.memory_budget,
        )?;
        self.gauge.memory.store(bound.memory, Ordering::Relaxed);
        self.gauge.disk.store(bound.disk, Ordering::Relaxed);
        // The images have theirs already.
        let disk = bound.disk.saturating_sub(sizes.from).saturating_sub(sizes.to);
        let wanted = Wanted { memory: bound.memory, disk, is_complete: true };
        Ok((bound, self.admission.grant(wanted, &self.gauge.cancel)?))
    }

    fn options<'o>(
        &'o self,
        bound: &Bound,
        progress: &'o (dyn Fn(Phase, u64, u64) + Sync),
        review: Option<&'o dyn Review>,
    ) -> DeltaArtifactOptions<'o> {
        let spec = self.spec;
        let generate = spec.generate_options().unwrap_or_default();
        DeltaArtifactOptions {
            generate: GenerateOptions {
                // Work is done in a pool of as many threads as it may have.
                threads: 0,
                memory_budget: bound.alignment,
                spool_directory: Some(self.folder),
                spool_budget: bound.unpacked,
                progress: Some(progress),
                cancel: Some(&self.gauge.cancel),
                ..generate
            },
            algorithm: spec.algorithm.algorithm(),
            decoder_arguments: spec.algorithm.decoder_arguments(),
            spool_directory: Some(self.folder),
            compression: spec.compression.into(),
            review,
            threads: self.threads,
            ..DeltaArtifactOptions::default()
        }
    }

    /// Writes the delta Artifact to a file without a name.
    fn write(
        &self,
        payload: &mut DeltaPayload,
        signer: Option<&dyn Signer>,
        options: &DeltaArtifactOptions<'_>,
    ) -> Result<(DeltaArtifactReport, Outcome, File), Failure> {
        let limit = self.spec.limits.output;
        let file = tempfile::tempfile_in(self.folder).map_err(|error| work_io(&error))?;
        let out = BufWriter::with_capacity(1 << 18, file);
        let mut output = Counted { out, hash: Sha256::new(), len: 0, limit };
        let written = payload.write(&mut output, signer, options);
        if output.len > limit {
            return Err(Failure::limit(Reason::LimitOutput, "delta Artifact", output.len, limit));
        }
        let report = written.map_err(|error| cause::working(&error))?;
        let Counted { out, hash, len, .. } = output;
        let file = out.into_inner().map_err(|error| work_io(error.error()))?;
        let made = &report.delta;
        let outcome = Outcome {
            sha256: Sha256Sum(hash.finalize().into()),
            len,
            full_len: report.full_artifact_len,
            delta_len: made.delta_len,
            image_len: made.target_size,
            apply_memory: made.memory,
            copied: made.composition.copied,
            added: made.composition.added,
            zero: made.composition.zero,
            literal: made.composition.literal,
            file_systems_read: made.file_systems_read,
            signed: signer.is_some(),
        };
        Ok((report, outcome, file))
    }
}

fn done(outcome: Outcome, output: File, share: Share) -> Verdict {
    let output = Output::at_hand(output, share.shrunk(outcome.len));
    Verdict::Done(Box::new(Product { outcome, output: Arc::new(output) }))
}

/// What may have to be unpacked in the image of an Artifact.
fn folding(spooled: &Spooled) -> Result<Folding, Failure> {
    let image = spooled.artifact.map().map_err(|error| cause::working(&error))?;
    Ok(match probe::probe(image.bytes()).map(|probe| probe.content) {
        Ok(Content::Squashfs(_) | Content::Erofs) => Folding::Everything,
        Ok(Content::Ext(_)) => Folding::Files,
        _ => Folding::Nothing,
    })
}

fn no_gain(len: u64, most: u64, full: u64) -> Failure {
    let text = format!(
        "the delta saves too little: {len} bytes, expected at most {most} where the full Artifact has {full}"
    );
    Failure { wanted: Some(len), limit: Some(most), ..Failure::because(Reason::NoGain, text) }
}

/// Refuses deltas that devices cannot apply.
struct Reviewer<'r> {
    spec: &'r JobSpec,
    failure: RefCell<Option<Failure>>,
}

impl Review for Reviewer<'_> {
    fn review(&self, _: &[u8], _: &[u8], made: &Made, _: &mut File) -> Result<(), Error> {
        let failure = match self.spec.limits.apply_memory {
            Some(limit) if made.memory > limit => {
                Failure::limit(Reason::ApplyMemory, "memory to apply", made.memory, limit)
            }
            _ => return Ok(()),
        };
        self.failure.replace(Some(failure));
        Err(Error::Cancelled)
    }
}

/// Hashes and counts what it passes on, and refuses too much.
struct Counted {
    out: BufWriter<File>,
    hash: Sha256,
    len: u64,
    limit: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.len = self.len.saturating_add(bytes.len() as u64);
        if self.len > self.limit {
            return Err(io::Error::other("larger than allowed"));
        }
        self.out.write_all(bytes)?;
        self.hash.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
