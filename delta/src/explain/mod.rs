//! Explains a delta: which files of the new image its bytes are spent on, and why.
//!
//! The delta is applied, and its decoders are asked before and after each piece of the target how much of their
//! streams they have used up. What costs are counted for is the file that a piece belongs to; what belongs to no
//! piece (headers, ends of streams, how blocks are packed) is a row of its own, so that all rows together are the delta.

mod costs;
mod reason;
mod share;
mod times;

pub use reason::Reason;

use crate::apply::file::{ApplyOptions, read_header, verify_base};
use crate::apply::{Applier, CallerError, Header, Target};
use crate::error::Error;
use crate::fold::generate::owners::{Known, Owner, Owners};
use crate::fold::script::{Script, checked};
use crate::progress::Phase;
use costs::{Costs, Tally};
use reason::Names;
use sha2::{Digest, Sha256};
use std::io::Read;

/// A delta, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// Bytes of the delta.
    pub delta_len: u64,
    /// Bytes of the old and of the new image.
    pub image_lens: [u64; 2],
    /// What has a cost, the dearest first, equal costs by name. Their costs sum up to the delta's length.
    pub rows: Vec<Row>,
    /// Whether the old and the new image's files could be read.
    pub files_known: [bool; 2],
    /// Files of the new image that cost less than half a byte.
    pub files_without_cost: u64,
}

/// What a part of the new image costs. All lengths are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// Path of the file, as stored; of anything else what it is called.
    pub name: Vec<u8>,
    /// Why it costs something.
    pub reason: Reason,
    /// Of the delta.
    pub delta_bytes: u64,
    /// Of the image; where blocks were unpacked, of their content. 0 for what has no place in the image.
    pub len: u64,
    /// File of the old image that most of it comes from, if it is not the one of the same path.
    pub from: Option<Vec<u8>>,
    /// As they were somewhere in the old image.
    pub copied: u64,
    /// Stored as differences to the old image, and how many of these did change.
    pub resembling: u64,
    /// Of `resembling`, those that are not as they were.
    pub changed: u64,
    /// Of `changed`, those that look like parts of times.
    pub times: u64,
    /// Stored as they are.
    pub stored: u64,
}

/// Explains the native delta in `delta`, which turns `old` into `new`.
///
/// # Errors
/// Those of applying it; `BaseDigest` or `BaseSize` when `old` is not its base, `TargetDigest` when `new` is not
/// what it yields.
pub fn explain(
    old: &[u8],
    new: &[u8],
    delta: &mut dyn Read,
    options: &ApplyOptions<'_>,
) -> Result<Explanation, Error> {
    let header = read_header(delta)?;
    let (is_base, is_target) = rayon::join(
        || verify_base(&header, &mut &*old, old.len() as u64, options.cancel),
        || verify_target(&header, new),
    );
    is_base.and(is_target)?;
    let fold = read_fold(&header, delta)?;
    let (known_old, known_new) = rayon::join(|| Known::of(old), || Known::of(new));
    let (base, target) = match &fold {
        Some(fold) => {
            let (script, _) = Script::open(checked(fold)?, header.base_size, header.target_size)?;
            (known_old.unfolded_base(&script)?, known_new.unfolded_target(&script)?)
        }
        None => (known_old.owners(), known_new.owners()),
    };
    let (tallies, delta_len) = apply(&header, fold.as_deref(), delta, [old, new], &base, &target, options)?;
    let files_known = [known_old.has_files, known_new.has_files];
    Ok(rows(&base, &target, tallies, delta_len, [old.len() as u64, new.len() as u64], files_known))
}

/// The fold of a delta behind its header.
fn read_fold(header: &Header, delta: &mut dyn Read) -> Result<Option<Vec<u8>>, Error> {
    if header.fold_len == 0 {
        return Ok(None);
    }
    let mut fold = Vec::new();
    delta.take(header.fold_len.into()).read_to_end(&mut fold).map_err(reading)?;
    if fold.len() as u64 != u64::from(header.fold_len) {
        return Err(Error::Truncated { offset: (Header::LEN + fold.len()) as u64 });
    }
    Ok(Some(fold))
}

fn reading(source: std::io::Error) -> Error {
    Error::Io { action: "read the delta", path: "input".into(), source }
}

/// Applies the delta; what each owner cost, and the delta's length.
fn apply(
    header: &Header,
    fold: Option<&[u8]>,
    delta: &mut dyn Read,
    [old, new]: [&[u8]; 2],
    base: &Owners,
    target: &Owners,
    options: &ApplyOptions<'_>,
) -> Result<(Vec<Tally>, u64), Error> {
    let refused =
        Error::Limit { what: "memory to apply", wanted: header.memory, limit: options.memory_limit };
    if header.memory > options.memory_limit {
        return Err(refused);
    }
    let mut arena = vec![0; usize::try_from(header.memory_needed()).map_err(|_| refused)?];
    let mut costs = Costs::new(base, target, fold.is_none().then_some([old, new]));
    let mut len = Header::LEN as u64;
    {
        let mut applier = Applier::new(header, &mut arena)?.observed_by(&mut costs);
        if let Some(fold) = fold {
            applier.push(fold, &mut &*old, &mut Nowhere)?;
            len += fold.len() as u64;
        }
        let mut piece = vec![0; 1 << 16];
        loop {
            let count = match delta.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(reading(error)),
            };
            len += count as u64;
            applier.push(&piece[..count], &mut &*old, &mut Nowhere)?;
            if options.cancel.is_some_and(|cancel| cancel.load(std::sync::atomic::Ordering::Relaxed)) {
                return Err(Error::Cancelled);
            }
            if let Some(progress) = options.progress {
                progress(Phase::Apply, applier.written(), header.target_size);
            }
        }
        applier.finish()?;
    }
    Ok((costs.into_tallies(), len))
}

/// A target that nobody needs: the applier checks its digest.
struct Nowhere;

impl Target for Nowhere {
    fn write(&mut self, _: &[u8]) -> Result<(), CallerError> {
        Ok(())
    }
}

/// Whether `new` is what the delta makes.
fn verify_target(header: &Header, new: &[u8]) -> Result<(), Error> {
    let found: [u8; 32] = Sha256::digest(new).into();
    if found == header.target_sha256 {
        return Ok(());
    }
    Err(Error::TargetDigest { expected: header.target_sha256, found })
}

fn rows(
    base: &Owners,
    target: &Owners,
    tallies: Vec<Tally>,
    delta_len: u64,
    image_lens: [u64; 2],
    files_known: [bool; 2],
) -> Explanation {
    let mut lens = vec![0_u64; target.all.len()];
    for stretch in &target.stretches {
        lens[stretch.owner] += stretch.end - stretch.start;
    }
    let names = Names::of(base);
    let shares = share::in_bytes(delta_len, tallies.iter().map(Tally::cost));
    let mut rows = vec![Row {
        name: b"headers, ends of streams and how blocks are packed".to_vec(),
        reason: Reason::Overhead,
        delta_bytes: shares.rest,
        len: 0,
        from: None,
        copied: 0,
        resembling: 0,
        changed: 0,
        times: 0,
        stored: 0,
    }];
    let mut files_without_cost = 0;
    for (index, (owner, tally)) in target.all.iter().zip(tallies).enumerate() {
        let delta_bytes = shares.of[index];
        if delta_bytes == 0 {
            files_without_cost += u64::from(matches!(owner, Owner::File(_)));
            continue;
        }
        let (reason, from) = names.reason(owner, &tally, base, lens[index]);
        rows.push(Row {
            name: match owner {
                Owner::File(path) => path.clone(),
                Owner::Structure(name) => name.as_bytes().to_vec(),
                Owner::Nobody => b"free space and unknown content".to_vec(),
            },
            reason,
            delta_bytes,
            len: lens[index],
            from,
            copied: tally.copied,
            resembling: tally.resembling,
            changed: tally.changed,
            times: tally.times,
            stored: tally.stored,
        });
    }
    rows.sort_by(|a, b| (b.delta_bytes, &a.name).cmp(&(a.delta_bytes, &b.name)));
    Explanation { delta_len, image_lens, rows, files_known, files_without_cost }
}
