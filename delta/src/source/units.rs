//! Units: pieces of the new image that need a closer look, each with the pieces of the old one to compare it with.

use super::blocks::{BLOCK, Source};
use super::similar::{Range, Sketch};
use super::whole_file::WholeFile;
use crate::error::Error;
use crate::reading::{AROUND, PIECE, Reading};
use mender_image::file_map::{FileMap, FileRange, MappedFile};
use std::collections::HashMap;

/// A piece of work that depends on no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Ranges of the new image, in the order in which their content belongs together.
    pub target: Vec<Range>,
    /// Ranges of the old image, likewise.
    pub base: Vec<Range>,
    /// The old and the new file that base and target belong to, where they do.
    pub files: Option<[WholeFile; 2]>,
}

impl Unit {
    /// Bytes of target.
    pub(crate) fn target_len(&self) -> usize {
        total(&self.target)
    }

    /// Bytes of base.
    pub(crate) fn base_len(&self) -> usize {
        total(&self.base)
    }
}

fn total(ranges: &[Range]) -> usize {
    ranges.iter().map(|range| range.len).sum()
}

/// Copied blocks inside of a changed file stay copies from this many on; fewer are left to the alignment, which then
/// keeps its diagonal.
const LEAST_RUN: usize = 16;
/// Largest target of a unit, in bytes.
const MAX_TARGET: usize = 16 << 20;
/// Largest target of a unit that knows no file.
const MAX_RAW_TARGET: usize = 4 << 20;
/// Largest base of a unit: five times as much memory is needed to index it.
const MAX_BASE: usize = 32 << 20;
/// Largest file that is looked at as a whole: what it looks like takes three times as much memory.
const MAX_WHOLE: usize = 96 << 20;
/// A piece without a file is compared with at most this many times its own length, and 1 MiB at least: sorting the
/// base costs more than a small piece can gain.
const BASE_PER_TARGET: usize = 64;
/// How far around its own place a piece without a file is looked for, in bytes.
const NEIGHBOURHOOD: usize = 1 << 17;
/// Pieces without a file are one unit when no more known blocks than this lie between them.
const BRIDGE: usize = 8;

/// Plans the units of everything that `sources` leaves unknown. Short runs of known blocks inside of changed files
/// become unknown, too.
///
/// # Errors
/// `Cancelled`.
pub(crate) fn plan(
    old: &[u8],
    new: &[u8],
    maps: Option<(&FileMap, &FileMap)>,
    sources: &mut [Source],
    reading: &Reading<'_>,
) -> Result<Vec<Unit>, Error> {
    let mut units = Vec::new();
    // Blocks that a unit has taken.
    let mut taken = vec![false; sources.len()];
    let mut sketch = LazySketch { old, sketch: None, reading };
    if let Some((old_map, new_map)) = maps {
        let finder = BaseFinder::new(old_map);
        for file in &new_map.files {
            let ranges = image_ranges(&file.ranges, new.len());
            demote_short_runs(&ranges, sources);
            let target = unknown_ranges(&ranges, sources, &mut taken);
            if target.is_empty() {
                continue;
            }
            let old_file = finder.base_of(file);
            let base = old_file.map_or_else(Vec::new, |base| image_ranges(&base.ranges, old.len()));
            let files = old_file.and_then(|base| {
                Some([WholeFile::of(base, old.len(), MAX_WHOLE)?, WholeFile::of(file, new.len(), MAX_WHOLE)?])
            });
            push_pieces(&mut units, target, files, &base, new, &mut sketch)?;
        }
        let directories: HashMap<&[u8], &[FileRange]> =
            old_map.directories.iter().map(|d| (d.path.as_slice(), d.ranges.as_slice())).collect();
        for directory in &new_map.directories {
            let target = unknown_ranges(&image_ranges(&directory.ranges, new.len()), sources, &mut taken);
            if let (false, Some(base)) = (target.is_empty(), directories.get(directory.path.as_slice())) {
                units.push(Unit { target, base: image_ranges(base, old.len()), files: None });
            } else {
                target.iter().for_each(|range| mark(range, &mut taken, false));
            }
        }
    }
    push_raw(&mut units, old, new, sources, &taken, &mut sketch)?;
    Ok(units)
}

/// The sketch of the old image, made when it is first asked for.
struct LazySketch<'i> {
    old: &'i [u8],
    sketch: Option<Sketch>,
    reading: &'i Reading<'i>,
}

impl LazySketch<'_> {
    fn similar(&mut self, piece: &[u8], budget: usize) -> Result<Vec<Range>, Error> {
        if self.sketch.is_none() {
            self.sketch = Some(Sketch::of(self.old, self.reading)?);
        }
        Ok(self.sketch.as_ref().map_or_else(Vec::new, |sketch| sketch.similar(piece, budget)))
    }
}

/// Whole blocks that hold `ranges` of a file, inside of the image.
fn image_ranges(ranges: &[FileRange], image_len: usize) -> Vec<Range> {
    let mut out: Vec<Range> = Vec::new();
    for range in ranges {
        let (Ok(at), Ok(len)) = (usize::try_from(range.device_offset), usize::try_from(range.len_bytes))
        else {
            continue;
        };
        let at = at.min(image_len) / BLOCK * BLOCK;
        let end = at.saturating_add(len).min(image_len).next_multiple_of(BLOCK).min(image_len);
        match out.last_mut() {
            Some(last) if last.end() >= at && last.at <= at => last.len = last.len.max(end - last.at),
            _ => out.push(Range { at, len: end - at }),
        }
    }
    out
}

fn demote_short_runs(ranges: &[Range], sources: &mut [Source]) {
    let blocks: Vec<usize> = ranges
        .iter()
        .flat_map(|range| range.at / BLOCK..range.end() / BLOCK)
        .filter(|&block| block < sources.len())
        .collect();
    if !blocks.iter().any(|&block| sources[block] == Source::Unknown) {
        return;
    }
    let follows = |a: Source, b: Source| matches!((a, b), (Source::Old(a), Source::Old(b)) if b == a + 1);
    let sources_then: Vec<Source> = blocks.iter().map(|&block| sources[block]).collect();
    let mut start = 0;
    for run in sources_then.chunk_by(|&a, &b| follows(a, b)) {
        if run.len() < LEAST_RUN && matches!(run[0], Source::Old(_)) {
            blocks[start..start + run.len()].iter().for_each(|&block| sources[block] = Source::Unknown);
        }
        start += run.len();
    }
}

fn mark(range: &Range, taken: &mut [bool], value: bool) {
    let blocks = range.at / BLOCK..range.end().div_ceil(BLOCK).min(taken.len());
    taken[blocks].fill(value);
}

/// The unknown blocks of `ranges` that no unit has taken; takes them.
fn unknown_ranges(ranges: &[Range], sources: &[Source], taken: &mut [bool]) -> Vec<Range> {
    let mut out: Vec<Range> = Vec::new();
    for block in ranges.iter().flat_map(|range| range.at / BLOCK..range.end() / BLOCK) {
        if sources.get(block) == Some(&Source::Unknown) && !std::mem::replace(&mut taken[block], true) {
            match out.last_mut() {
                Some(last) if last.end() == block * BLOCK => last.len += BLOCK,
                _ => out.push(Range { at: block * BLOCK, len: BLOCK }),
            }
        }
    }
    out
}

/// The part of `ranges`, taken as one string, from `from` on, `len` bytes at most.
pub(crate) fn slice(ranges: &[Range], from: usize, len: usize) -> Vec<Range> {
    let (mut skip, mut left, mut out) = (from, len, Vec::new());
    for range in ranges {
        let skipped = skip.min(range.len);
        let len = (range.len - skipped).min(left);
        skip -= skipped;
        left -= len;
        if len > 0 {
            out.push(Range { at: range.at + skipped, len });
        }
    }
    out
}

/// One unit for a file, or several for a large one.
fn push_pieces(
    units: &mut Vec<Unit>,
    target: Vec<Range>,
    files: Option<[WholeFile; 2]>,
    base: &[Range],
    new: &[u8],
    sketch: &mut LazySketch<'_>,
) -> Result<(), Error> {
    let (target_len, base_len) = (total(&target), total(base));
    let mut from = 0;
    while from < target_len {
        let piece = slice(&target, from, MAX_TARGET);
        let len = total(&piece);
        let base = if base_len == 0 {
            let content = gather(new, &piece, sketch.reading)?;
            sketch.similar(&content, MAX_BASE)?
        } else if base_len <= MAX_BASE {
            base.to_vec()
        } else {
            // The same place in proportion, with as much around it as fits.
            let middle = (from + len / 2) as u128 * base_len as u128 / target_len as u128;
            let start = (middle as usize).saturating_sub(MAX_BASE / 2).min(base_len - MAX_BASE);
            slice(base, start, MAX_BASE)
        };
        units.push(Unit { target: piece, base, files: files.clone() });
        from += len;
    }
    Ok(())
}

/// The bytes of `ranges`, one behind the other.
///
/// # Errors
/// `Cancelled`.
pub(crate) fn gather(image: &[u8], ranges: &[Range], reading: &Reading<'_>) -> Result<Vec<u8>, Error> {
    let mut gathered = Vec::with_capacity(total(ranges));
    for piece in ranges.iter().flat_map(|range| image[range.at..range.end()].chunks(PIECE)) {
        gathered.extend_from_slice(piece);
        // Few bytes bring in as much around them as others.
        reading.read(AROUND.max(piece.len() as u64))?;
    }
    Ok(gathered)
}

/// Units of what belongs to no file: metadata, unknown file systems, the end of the image.
fn push_raw(
    units: &mut Vec<Unit>,
    old: &[u8],
    new: &[u8],
    sources: &[Source],
    taken: &[bool],
    sketch: &mut LazySketch<'_>,
) -> Result<(), Error> {
    let is_left = |block: usize| sources[block] == Source::Unknown && !taken[block];
    let tail = sources.len() * BLOCK;
    let mut pieces: Vec<Vec<Range>> = Vec::new();
    let mut add = |range: Range| match pieces.last_mut() {
        Some(piece)
            if piece.last().is_some_and(|last| range.at - last.end() <= BRIDGE * BLOCK)
                && total(piece) + range.len <= MAX_RAW_TARGET =>
        {
            match piece.last_mut() {
                Some(last) if last.end() == range.at => last.len += range.len,
                _ => piece.push(range),
            }
        }
        _ => pieces.push(vec![range]),
    };
    for block in (0..sources.len()).filter(|&block| is_left(block)) {
        add(Range { at: block * BLOCK, len: BLOCK });
    }
    if tail < new.len() {
        add(Range { at: tail, len: new.len() - tail });
    }
    for target in pieces {
        let (start, end) = (target[0].at, target.last().map_or(0, Range::end));
        let at = start.saturating_sub(NEIGHBOURHOOD).min(old.len());
        let near = Range { at, len: (end + NEIGHBOURHOOD).min(old.len()) - at };
        let budget = (total(&target) * BASE_PER_TARGET).clamp(1 << 20, MAX_BASE / 2);
        let mut base = sketch.similar(&gather(new, &target, sketch.reading)?, budget)?;
        base.push(near);
        units.push(Unit { target, base: merged(base), files: None });
    }
    Ok(())
}

/// Sorted, without overlap.
fn merged(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.retain(|range| range.len > 0);
    ranges.sort_unstable();
    let mut out: Vec<Range> = Vec::new();
    for range in ranges {
        match out.last_mut() {
            Some(last) if last.end() >= range.at => last.len = last.len.max(range.end() - last.at),
            _ => out.push(range),
        }
    }
    out
}

/// Finds the old file that a new one most likely comes from.
struct BaseFinder<'m> {
    by_path: HashMap<&'m [u8], &'m MappedFile>,
    by_pattern: HashMap<Vec<u8>, Vec<&'m MappedFile>>,
}

impl<'m> BaseFinder<'m> {
    fn new(old: &'m FileMap) -> Self {
        let mut finder = BaseFinder { by_path: HashMap::new(), by_pattern: HashMap::new() };
        for file in old.files.iter().filter(|file| !file.ranges.is_empty()) {
            for path in paths(file) {
                finder.by_path.entry(path).or_insert(file);
                finder.by_pattern.entry(pattern(path)).or_default().push(file);
            }
        }
        finder
    }

    /// The file of the same path, else the one whose path differs in numbers only and whose size is nearest.
    fn base_of(&self, new: &MappedFile) -> Option<&'m MappedFile> {
        paths(new).find_map(|path| self.by_path.get(path).copied()).or_else(|| {
            paths(new).find_map(|path| {
                let alike = self.by_pattern.get(&pattern(path))?;
                alike.iter().min_by_key(|file| file.len_bytes.abs_diff(new.len_bytes)).copied()
            })
        })
    }
}

fn paths(file: &MappedFile) -> impl Iterator<Item = &[u8]> {
    std::iter::once(file.path.as_slice()).chain(file.other_paths.iter().map(Vec::as_slice))
}

/// The path with every run of digits as one `0`: versions in names do not hide a file from its successor.
pub(crate) fn pattern(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for &byte in path {
        match byte {
            b'0'..=b'9' if out.last() == Some(&b'0') => {}
            b'0'..=b'9' => out.push(b'0'),
            _ => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::GenerateOptions;

    fn plan(old: &[u8], new: &[u8], maps: Option<(&FileMap, &FileMap)>, sources: &mut [Source]) -> Vec<Unit> {
        super::plan(old, new, maps, sources, &Reading::of(&GenerateOptions::default())).unwrap()
    }

    #[test]
    fn numbers_in_paths_are_one_pattern() {
        assert_eq!(
            pattern(b"/lib/modules/6.1.0-37-arm64/a.ko"),
            pattern(b"/lib/modules/6.1.0-40-arm64/a.ko")
        );
        assert_eq!(pattern(b"/lib/libx.so.1.10"), b"/lib/libx.so.0.0");
    }

    #[test]
    fn slices_of_ranges() {
        let ranges = [Range { at: 10, len: 5 }, Range { at: 100, len: 5 }];
        assert_eq!(slice(&ranges, 3, 4), [Range { at: 13, len: 2 }, Range { at: 100, len: 2 }]);
        assert_eq!(slice(&ranges, 10, 4), []);
        assert_eq!(slice(&ranges, 0, 100), ranges);
    }

    #[test]
    fn without_a_file_system_every_unknown_byte_is_in_one_unit() {
        let old = vec![3; 40 * BLOCK];
        let new: Vec<u8> = (0..30 * BLOCK + 77).map(|i| (i / BLOCK) as u8 ^ (i * 7) as u8).collect();
        let mut sources = vec![Source::Unknown; 30];
        sources[4] = Source::Old(1);
        sources[20..].fill(Source::Zero);
        let units = plan(&old, &new, None, &mut sources);
        let mut covered = vec![0; new.len()];
        for range in units.iter().flat_map(|unit| &unit.target) {
            covered[range.at..range.end()].iter_mut().for_each(|n| *n += 1);
        }
        for (i, n) in covered.into_iter().enumerate() {
            let unknown = i >= 30 * BLOCK || sources[i / BLOCK] == Source::Unknown;
            assert_eq!(n, usize::from(unknown), "byte {i}");
        }
        assert!(units.iter().all(|unit| unit.base.iter().all(|range| range.end() <= old.len())));
    }
}
