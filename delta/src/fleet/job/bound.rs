//! The most memory and room that a job takes, from the sizes of its images, before any of it is taken.
//!
//! Room is bounded because each temporary file is held to its part. Memory is bounded by how the work is cut: tables grow
//! with the images by known factors, and what is aligned and packed at once fits into a budget. Mapped images do not count:
//! the system gives their pages back when it needs them.

use super::failure::Failure;
use super::limits::Limits;
use super::spec::{AlgorithmSpec, JobSpec, LevelName, Packing};
use crate::fleet::reason::Reason;

/// Sizes of the images, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// The old one.
    pub from: u64,
    /// The new one.
    pub to: u64,
}

/// What is known of the content of the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Folding {
    /// Nothing in them is unpacked.
    Nothing,
    /// Single files are.
    Files,
    /// They may be compressed as a whole.
    Everything,
}

/// Upper bounds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Memory that the work takes at its peak, mapped images not counted.
    pub memory: u64,
    /// Temporary files at once, images and output included.
    pub disk: u64,
    /// Of the memory, what is for aligning: with less, fewer files are aligned at once.
    pub(super) alignment: u64,
    /// Of the memory, what other phases take while nothing is aligned, and what is taken all the time.
    others: u64,
    always: u64,
    /// Of the room, what is for unpacked content.
    pub(super) unpacked: u64,
}

const MIB: u64 = 1 << 20;
/// Unpacked content is refused when it has more than this many times the bytes of the images that it is in.
const MOST_UNPACKED: u64 = 4;
const MOST_FILES_UNPACKED: u64 = 2;
/// Images that are unpacked are never that small for what is refused above.
const LEAST_UNPACKED: u64 = 64 * MIB;
/// Memory that nothing changes: stacks, buffers, tables of the format.
const FIXED: u64 = 48 * MIB;
/// Bytes of tables for each block of 4 KiB: its digest and place in a hash table that is at most half full; and for each
/// block of the new image: where it comes from, to whom it belongs.
const OLD_BLOCK: u64 = 64;
const NEW_BLOCK: u64 = 16;
/// The sketch has a place of 8 bytes for each 64 bytes of an image, 2^22 of them at most; three times, while it is sorted.
const SKETCH: u64 = 3 * 8;
const SKETCH_PLACES: u64 = 1 << 22;
/// Maps of files and blocks: a part of the image that file systems do not go over with files of ordinary size.
const MAPS: u64 = 64;
/// Operations: 64 bytes each, twice while they are put in order, one for 256 bytes of what changed at most.
const OPERATIONS: u64 = 2;
/// Most base, target and whole files of one unit; bytes of index for each byte of base.
const UNIT_WHOLE: u64 = 96 * MIB;
const UNIT_BASE: u64 = 32 * MIB;
const UNIT_TARGET: u64 = 16 * MIB;
const INDEX: u64 = 5;
const LIKENESS: u64 = 3;
/// What is aligned at once when there is memory enough.
const ALIGNMENT: u64 = 256 * MIB;
/// Windows in work and on their way to the proof.
const WINDOWS: u64 = 16 * 3 * MIB;
/// An LZMA coder over a history of some MiB.
const LZMA: u64 = 112 * MIB;

impl Bound {
    /// The bound for a job on `threads` threads.
    pub(super) fn of(sizes: Sizes, folding: Folding, spec: &JobSpec, threads: u64) -> Self {
        let Sizes { from, to } = sizes;
        let images = from.saturating_add(to);
        let unfolds = matches!(spec.algorithm, AlgorithmSpec::Native { .. })
            && spec.generate_options().is_ok_and(|options| options.unpack);
        let times = match folding {
            _ if !unfolds => 0,
            Folding::Nothing => 0,
            Folding::Files => MOST_FILES_UNPACKED,
            Folding::Everything => MOST_UNPACKED,
        };
        let unpacked =
            if times == 0 { 0 } else { images.saturating_mul(times).saturating_add(LEAST_UNPACKED) };
        // What is compared: the images, or what they are unpacked to.
        let (old, new) = if times == 0 {
            (from, to)
        } else {
            (
                from.saturating_mul(times).saturating_add(LEAST_UNPACKED),
                to.saturating_mul(times).saturating_add(LEAST_UNPACKED),
            )
        };
        let sketch = (old / 64).min(SKETCH_PLACES) * SKETCH;
        let tables = old / 4096 * OLD_BLOCK + new / 4096 * NEW_BLOCK + sketch + (old / MAPS + new / MAPS) * 2;
        let operations = new / 256 * OPERATIONS * 32;
        let unit = least_alignment(old, new);
        // What could be aligned at once if there were no budget.
        let wanted = old.saturating_mul(INDEX + LIKENESS).saturating_add(new.saturating_mul(1 + LIKENESS));
        let alignment = ALIGNMENT.min(wanted).max(unit);
        let packing = match &spec.algorithm {
            AlgorithmSpec::Native { level } => {
                let most = match level {
                    LevelName::Max => 64 * MIB,
                    _ => 16 * MIB,
                };
                let apply = spec.limits.apply_memory.unwrap_or(most).max(MIB);
                // The coder and the proof have the tables of a device; unpacked blocks come on top in the proof.
                WINDOWS + LZMA + if *level == LevelName::Fast { 2 * LZMA } else { 0 } + 3 * apply
            }
            AlgorithmSpec::Xdelta3 { window, .. } => 3 * LZMA + 24 * u64::from(*window),
            // Its packed streams are written when all of them are there.
            AlgorithmSpec::Bsdiff {} => (64 * MIB).saturating_add(to).saturating_add(to / 64),
        };
        let writing = match spec.compression {
            Packing::None | Packing::Gzip => 16 * MIB,
            Packing::Xz => LZMA.saturating_mul(2 * threads.max(1)),
            Packing::Zstd => 128 * MIB,
        };
        // Alignment is over when packing begins, packing when the Artifact is written; operations and tables stay.
        let others = packing.max(writing);
        let always = [FIXED, tables, operations].into_iter().fold(0, u64::saturating_add);
        let memory = always.saturating_add(alignment.max(others));
        // The delta, its packed form, and the Artifact: none is longer than the image by more than coders lose.
        let delta = to.saturating_add(to / 16).saturating_add(MIB);
        let disk = images.saturating_add(unpacked).saturating_add(delta.saturating_mul(3));
        Self { memory, disk, alignment, others, always, unpacked }
    }

    /// Brings the bound under the limits of the job, as far as less can be done at once.
    ///
    /// # Errors
    /// `limit_memory`, `limit_disk`.
    pub(super) fn within(self, sizes: Sizes, limits: &Limits, engine_memory: u64) -> Result<Self, Failure> {
        let mut bound = self;
        let most = limits.memory.min(engine_memory);
        if bound.memory > most {
            let least = least_alignment(sizes.from.max(bound.unpacked), sizes.to.max(bound.unpacked));
            bound.alignment =
                most.saturating_sub(bound.always).clamp(least.min(bound.alignment), bound.alignment);
            bound.memory = bound.always.saturating_add(bound.alignment.max(bound.others));
        }
        if bound.memory > most {
            return Err(Failure::limit(
                Reason::LimitMemory,
                "memory that the job may need",
                bound.memory,
                most,
            ));
        }
        if bound.disk > limits.disk {
            let what = "temporary files that the job may need";
            return Err(Failure::limit(Reason::LimitDisk, what, bound.disk, limits.disk));
        }
        Ok(bound)
    }
}

/// What the largest unit takes, which is aligned alone if need be.
fn least_alignment(old: u64, new: u64) -> u64 {
    let (base, target) = (old.min(UNIT_BASE), new.min(UNIT_TARGET));
    // A file may be half hole.
    let whole = |image: u64| image.saturating_mul(2).saturating_add(MIB).min(UNIT_WHOLE);
    let likenesses = base + LIKENESS * whole(old).max(whole(new)) + target;
    likenesses.max(base * (INDEX + 1) + target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tenant::TenantId;

    #[test]
    fn bounds_grow_with_the_images_and_never_overflow() {
        let spec = JobSpec::new(TenantId::new("a").unwrap());
        let of = |from, to, folding| Bound::of(Sizes { from, to }, folding, &spec, 2);
        let mut before = of(0, 0, Folding::Everything);
        for shift in 10..=63 {
            let now = of(1 << shift, 1 << shift, Folding::Everything);
            assert!(now.memory >= before.memory && now.disk >= before.disk, "{shift}");
            assert!(now.disk > 1 << shift);
            before = now;
        }
        assert_eq!(of(u64::MAX, u64::MAX, Folding::Everything).disk, u64::MAX);
        assert!(
            of(1 << 30, 1 << 30, Folding::Nothing).memory < of(1 << 30, 1 << 30, Folding::Everything).memory
        );
    }

    #[test]
    fn less_memory_means_less_at_once_until_it_is_too_little() {
        let spec = JobSpec::new(TenantId::new("a").unwrap());
        // The largest unit of larger images wants more than the budget of all.
        let sizes = Sizes { from: 20 << 20, to: 20 << 20 };
        let bound = Bound::of(sizes, Folding::Nothing, &spec, 2);
        let limits = |memory| Limits { memory, ..Limits::default() };
        let less = bound.memory - (4 << 20);
        let within = bound.within(sizes, &limits(less), u64::MAX).unwrap();
        assert_eq!((within.memory, bound.alignment - within.alignment), (less, 4 << 20));
        assert_eq!(bound.within(sizes, &Limits::default(), less).unwrap().memory, less);
        let refused = bound.within(sizes, &limits(1 << 20), u64::MAX).unwrap_err();
        assert_eq!((refused.reason, refused.limit), (Reason::LimitMemory, Some(1 << 20)));
        let limits = Limits { disk: 1 << 20, ..Limits::default() };
        assert_eq!(bound.within(sizes, &limits, u64::MAX).unwrap_err().reason, Reason::LimitDisk);
    }
}
