//! Makes a delta of two images: exact blocks, units, operations, container, proof.

#![allow(clippy::cast_possible_truncation, reason = "positions are inside of mapped images, so they fit")]

use crate::apply::Header;
use crate::error::Error;
use crate::fold::generate::Folding;
use crate::format::native::cut::Images;
use crate::format::native::writer::{self, Written};
use crate::matching::units::{in_order, solve_all};
use crate::op::Op;
use crate::options::GenerateOptions;
use crate::progress::Phase;
use crate::proof::{Proof, Proved};
use crate::reading::Reading;
use crate::source::blocks::{self, Source};
use crate::source::units::{self, Unit};
use crate::touched::Touched;
use mender_image::file_map::FileMap;
use std::io::{Seek, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// How much of the target comes from where, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Composition {
    /// Copied from the base as it is.
    pub copied: u64,
    /// Like the base but for some bytes.
    pub added: u64,
    /// Zero.
    pub zero: u64,
    /// New.
    pub literal: u64,
}

impl Composition {
    fn of(ops: &[Op]) -> Self {
        let mut composition = Composition::default();
        for op in ops {
            *match op {
                Op::Copy { .. } => &mut composition.copied,
                Op::Add { .. } => &mut composition.added,
                Op::Zero { .. } => &mut composition.zero,
                Op::Literal { .. } => &mut composition.literal,
            } += op.len();
        }
        composition
    }
}

/// What generating gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenerateReport {
    /// The delta's header.
    pub header: Header,
    /// Bytes of the delta.
    pub delta_len: u64,
    /// Where the target comes from.
    pub composition: Composition,
    /// Whether both images' file systems could be read, so that changed files were compared with their predecessors.
    pub file_systems_read: bool,
}

/// Writes a delta that turns `old` into `new` to `out`, applies it under its own promise of memory, and compares.
///
/// # Errors
/// `Cancelled`, `Limit` when memory is short, `Io` from `out`; `Changed` when an image changes while it is read;
/// `TargetDigest` or `Format` when the proof fails.
pub fn generate(
    old: &[u8],
    new: &[u8],
    options: &GenerateOptions<'_>,
    out: &mut (impl Write + Seek + Send),
) -> Result<GenerateReport, Error> {
    options.layout.check()?;
    let proved = Proved { old, new, options, is_written: AtomicBool::new(false), digests: OnceLock::new() };
    in_pool(options, || {
        let made = std::thread::scope(|scope| {
            let mut proof = Proof::begin(scope, &proved);
            let report = generate_here(old, new, options, out, &mut proof)?;
            proved.is_written.store(true, Ordering::Relaxed);
            proof.end(&report.header)?;
            Ok(report)
        });
        match (made, proved.digests.get()) {
            (
                Ok(_) | Err(Error::Target(_) | Error::TargetDigest { .. } | Error::Format(_)),
                Some([base, _]),
            ) if !is_still(old, base, options) => Err(Error::Changed { image: "old image" }),
            (Err(Error::Target(_) | Error::TargetDigest { .. } | Error::Format(_)), Some([_, target]))
                if !is_still(new, target, options) =>
            {
                Err(Error::Changed { image: "new image" })
            }
            (made, _) => made,
        }
    })
}

/// Whether an image still has this SHA-256, as far as it is read before the work is cancelled.
pub(crate) fn is_still(image: &[u8], sha256: &[u8; 32], options: &GenerateOptions<'_>) -> bool {
    Reading::of(options).sha256(image).map_or(true, |digest| digest == *sha256)
}

/// Does `work` on as many threads as `options` say. Whoever is in a pool of its own stays there: on threads of another
/// one nothing else of the same work could be waited for.
pub(crate) fn in_pool<T: Send>(
    options: &GenerateOptions<'_>,
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> Result<T, Error> {
    if options.threads == 0 && rayon::current_thread_index().is_some() {
        return work();
    }
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(options.threads).build().map_err(|error| Error::Io {
            action: "start threads",
            path: "thread pool".into(),
            source: std::io::Error::other(error),
        })?;
    pool.install(work)
}

fn generate_here(
    old: &[u8],
    new: &[u8],
    options: &GenerateOptions<'_>,
    out: &mut (impl Write + Seek),
    proof: &mut Proof<'_>,
) -> Result<GenerateReport, Error> {
    let folding = if options.unpack { Folding::of(old, new, options)? } else { None };
    let relieve = || {
        folding.as_ref().map(Folding::release);
        if let Some(relieve) = options.relieve {
            relieve();
        }
    };
    let options = &GenerateOptions { relieve: Some(&relieve), ..*options };
    let (found, old, new) = match &folding {
        Some(folding) => {
            let sides = Sides::folded(old, new, folding);
            (operations_between(&sides, options)?, sides.old, sides.new)
        }
        None => (operations(old, new, options)?, old, new),
    };
    let Operations { ops, composition, sha256, file_systems_read } = found;
    let images = Images { old, new, sha256 };
    let reading = Reading::of(options);
    let tick = |done, len| {
        reading.read(len)?;
        options.tick(Phase::Pack, done, new.len() as u64)
    };
    let (ops, front) = match &folding {
        Some(folding) => folding.front(ops).map(|(ops, front)| (ops, Some(front)))?,
        None => (ops, None),
    };
    let layout = if front.is_some() { Folding::layout(&options.layout) } else { options.layout };
    let written = Written { images, front, layout: &layout, stop: options.stop() };
    let (header, delta_len) = writer::write(ops, &written, out, proof, &tick)?;
    Ok(GenerateReport { header, delta_len, composition, file_systems_read })
}

/// What makes the new image, before it is written in any format.
pub(crate) struct Operations {
    /// They cover the new image from front to back.
    pub(crate) ops: Vec<Op>,
    pub(crate) composition: Composition,
    /// SHA-256 of the old and the new image.
    pub(crate) sha256: [[u8; 32]; 2],
    pub(crate) file_systems_read: bool,
}

/// What operations are found between.
struct Sides<'i> {
    old: &'i [u8],
    new: &'i [u8],
    /// The files of both, if they are known already.
    maps: Option<(&'i FileMap, &'i FileMap)>,
    /// The images whose digests the delta has.
    digested: [&'i [u8]; 2],
}

impl<'i> Sides<'i> {
    fn plain(old: &'i [u8], new: &'i [u8]) -> Self {
        Sides { old, new, maps: None, digested: [old, new] }
    }

    fn folded(old: &'i [u8], new: &'i [u8], folding: &'i Folding) -> Self {
        let (unfolded_old, unfolded_new) = folding.images();
        Sides { old: unfolded_old, new: unfolded_new, maps: Some(folding.maps()), digested: [old, new] }
    }
}

/// Finds the operations that turn `old` into `new`; to be called in a pool (see [`in_pool`]).
pub(crate) fn operations(old: &[u8], new: &[u8], options: &GenerateOptions<'_>) -> Result<Operations, Error> {
    operations_between(&Sides::plain(old, new), options)
}

fn operations_between(sides: &Sides<'_>, options: &GenerateOptions<'_>) -> Result<Operations, Error> {
    let &Sides { old, new, maps, digested } = sides;
    options.tick(Phase::Compare, 0, new.len() as u64)?;
    let reading = Reading::of(options);
    let digest = |image| reading.sha256(image);
    let (sha256, planned) = rayon::join(
        || rayon::join(|| digest(digested[0]), || digest(digested[1])),
        || plan(old, new, maps, &reading),
    );
    let sha256 = [sha256.0?, sha256.1?];
    let Plan { sources, units, file_systems_read } = planned?;
    if !new.is_empty() && reading.are_same(old, new)? {
        // Zeros between blocks would make many operations of one.
        let len = new.len() as u64;
        let composition = Composition { copied: len, ..Composition::default() };
        return Ok(Operations {
            ops: vec![Op::Copy { base: 0, len }],
            composition,
            sha256,
            file_systems_read,
        });
    }
    let placed = solve_all(&units, old, new, options)?;
    let ops = in_order(&sources, placed, new.len() as u64);
    let composition = Composition::of(&ops);
    Ok(Operations { ops, composition, sha256, file_systems_read })
}

/// What to do, before it is done.
pub(crate) struct Plan {
    pub(crate) sources: Vec<Source>,
    pub(crate) units: Vec<Unit>,
    file_systems_read: bool,
}

/// Plans the work between two images, whose files may be known already.
///
/// # Errors
/// `Cancelled`.
pub(crate) fn plan(
    old: &[u8],
    new: &[u8],
    maps: Option<(&FileMap, &FileMap)>,
    reading: &Reading<'_>,
) -> Result<Plan, Error> {
    let mut sources = blocks::sources(old, new, reading)?;
    // A file system that cannot be read is no obstacle: its image is then a string of bytes.
    let found = if maps.is_none() { file_map(old, reading).zip(file_map(new, reading)) } else { None };
    let maps = maps.or(found.as_ref().map(|(old, new)| (old, new)));
    let units = units::plan(old, new, maps, &mut sources, reading)?;
    Ok(Plan { sources, units, file_systems_read: maps.is_some() })
}

/// The files of an image, if it holds a file system that can be read.
pub(crate) fn file_map(image: &[u8], reading: &Reading<'_>) -> Option<FileMap> {
    FileMap::of(&Touched::new(image, reading)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::Applier;
    use crate::apply::file::{ApplyOptions, WriteTarget, apply_stream, read_header, verify_base};
    use std::io::Cursor;

    fn noise(len: usize, mut state: u64) -> Vec<u8> {
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        })
        .take(len)
        .collect()
    }

    /// An old and a new image: blocks moved, bytes inserted, zero runs, something new, an odd length.
    fn pair() -> (Vec<u8>, Vec<u8>) {
        let old = [noise(300_000, 1), vec![0; 70_000], noise(200_000, 2)].concat();
        let mut changed = old[100_000..250_000].to_vec();
        for at in (0..changed.len()).step_by(997) {
            changed[at] = changed[at].wrapping_add(3);
        }
        let new =
            [&old[370_000..500_000], &[0; 40_000], &changed, &noise(20_000, 3), &old[..50_001]].concat();
        (old, new)
    }

    fn delta(old: &[u8], new: &[u8], options: &GenerateOptions<'_>) -> (Vec<u8>, GenerateReport) {
        let mut out = Cursor::new(Vec::new());
        let report = generate(old, new, options, &mut out).unwrap();
        assert_eq!(report.delta_len, out.get_ref().len() as u64);
        (out.into_inner(), report)
    }

    fn applied(mut base: &[u8], mut delta: &[u8]) -> Result<Vec<u8>, Error> {
        let header = read_header(&mut delta)?;
        let len = base.len() as u64;
        verify_base(&header, &mut base, len, None)?;
        let mut out = Vec::new();
        apply_stream(&header, &mut delta, &mut base, &mut WriteTarget(&mut out), &ApplyOptions::default())?;
        Ok(out)
    }

    #[test]
    fn the_new_image_comes_back_and_the_delta_is_small() {
        let (old, new) = pair();
        let (delta, report) = delta(&old, &new, &GenerateOptions::default());
        assert!(applied(&old, &delta).unwrap() == new);
        assert!(delta.len() < 25_000, "{} for 20,000 new bytes", delta.len());
        let Composition { copied, added, zero, literal } = report.composition;
        assert_eq!(copied + added + zero + literal, new.len() as u64);
    }

    #[test]
    fn a_delta_of_nothing_is_next_to_nothing() {
        let (_, new) = pair();
        let (delta, report) = delta(&new, &new, &GenerateOptions::default());
        assert!(delta.len() < 200, "{}", delta.len());
        assert_eq!(report.composition, Composition { copied: new.len() as u64, ..Composition::default() });
        assert!(applied(&new, &delta).unwrap() == new);
    }

    #[test]
    fn threads_do_not_change_a_byte() {
        let (old, new) = pair();
        let one = delta(&old, &new, &GenerateOptions { threads: 1, ..Default::default() });
        for threads in [2, 7] {
            assert!(delta(&old, &new, &GenerateOptions { threads, ..Default::default() }) == one);
        }
    }

    #[test]
    fn odd_pairs() {
        let (old, new) = pair();
        for (old, new) in [
            (&b""[..], &b""[..]),
            (b"", b"x"),
            (b"x", b""),
            (b"x", b"x"),
            (&old, &[]),
            (&[], &new),
            (&old, &old),
            (&new, &old),
            (&old, &old[..4097]),
            (&[0; 9000], &[0; 20_000]),
        ] {
            let (delta, _) = delta(old, new, &GenerateOptions::default());
            assert!(applied(old, &delta).unwrap() == new, "{} to {} bytes", old.len(), new.len());
        }
        assert!(delta(&old, &old, &GenerateOptions::default()).0.len() < 200);
    }

    #[test]
    fn another_base_is_refused_before_anything_is_written() {
        let (old, new) = pair();
        let (delta, _) = delta(&old, &new, &GenerateOptions::default());
        let mut other = old.clone();
        other[499_999] ^= 1;
        assert!(matches!(applied(&other, &delta), Err(Error::BaseDigest { .. })));
        let short = applied(&old[..old.len() - 1], &delta).unwrap_err();
        assert_eq!(short.to_string(), "wrong base: expected 570000 bytes, found 569999");
    }

    #[test]
    fn truncated_and_flipped_deltas_are_refused() {
        let (old, new) = pair();
        let (delta, _) = delta(&old, &new, &GenerateOptions::default());
        for len in (0..delta.len()).step_by(7).chain(delta.len() - 40..delta.len()) {
            assert!(matches!(applied(&old, &delta[..len]), Err(Error::Truncated { .. })), "{len}");
        }
        for at in (0..delta.len()).step_by(11) {
            let mut bad = delta.clone();
            bad[at] ^= 0x10;
            assert!(applied(&old, &bad).is_err(), "{at}");
        }
        let longer = [&delta[..], b"!"].concat();
        let error = applied(&old, &longer).unwrap_err().to_string();
        assert!(error.starts_with("malformed delta: end of delta"), "{error}");
    }

    #[test]
    fn pushes_of_any_size_give_the_same() {
        let (old, new) = pair();
        let (delta, report) = delta(&old, &new, &GenerateOptions::default());
        for size in [1, 13, 4096] {
            let mut arena = vec![0; report.header.memory as usize];
            let mut applier = Applier::new(&report.header, &mut arena).unwrap();
            let mut out = WriteTarget(Vec::new());
            for piece in delta[Header::LEN..].chunks(size) {
                applier.push(piece, &mut &old[..], &mut out).unwrap();
            }
            applier.finish().unwrap();
            assert!(out.0 == new, "{size}");
        }
        let mut short = vec![0; report.header.memory as usize - 1];
        assert!(matches!(Applier::new(&report.header, &mut short), Err(Error::Limit { .. })));
    }

    #[test]
    fn cancelled() {
        let (old, new) = pair();
        let cancel = AtomicBool::new(true);
        let options = GenerateOptions { cancel: Some(&cancel), ..Default::default() };
        assert!(matches!(
            generate(&old, &new, &options, &mut Cursor::new(Vec::new())),
            Err(Error::Cancelled)
        ));
    }
}
