//! Changes of a content that stays as it is: in a file with holes, each where it belongs.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What was written, and where.
#[derive(Debug)]
pub(super) struct Patches {
    folder: PathBuf,
    /// Made with the first change.
    file: Option<File>,
    /// Sorted, without touching.
    ranges: Vec<Range<u64>>,
}

impl Patches {
    /// The file is made in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), file: None, ranges: Vec::new() }
    }

    /// Whether nothing was written.
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Puts `bytes` at `offset`.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut file = match &self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile_in(&self.folder)?),
        };
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
        self.add(offset..offset.saturating_add(bytes.len() as u64));
        Ok(())
    }

    fn add(&mut self, mut new: Range<u64>) {
        let first = self.ranges.partition_point(|range| range.end < new.start);
        let behind = self.ranges.partition_point(|range| range.start <= new.end);
        if let (Some(first), Some(last)) =
            (self.ranges.get(first), behind.checked_sub(1).and_then(|last| self.ranges.get(last)))
        {
            if first.start <= new.end {
                new = new.start.min(first.start)..new.end.max(last.end);
            }
        }
        self.ranges.splice(first..behind.max(first), [new]);
    }

    /// Whether something in a range was changed.
    pub(super) fn touches(&self, range: &Range<u64>) -> bool {
        let next = self.ranges.partition_point(|it| it.end <= range.start);
        self.ranges.get(next).is_some_and(|it| it.start < range.end)
    }

    /// Puts the changes into `bytes`, the content from `offset` on.
    pub(super) fn apply(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let end = offset.saturating_add(bytes.len() as u64);
        let next = self.ranges.partition_point(|it| it.end <= offset);
        for range in self.ranges[next..].iter().take_while(|it| it.start < end) {
            let (from, to) = (range.start.max(offset), range.end.min(end));
            let index = |at: u64| usize::try_from(at - offset).map_err(io::Error::other);
            let place = bytes.get_mut(index(from)?..index(to)?).ok_or(io::ErrorKind::UnexpectedEof)?;
            let mut file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
            file.seek(SeekFrom::Start(from))?;
            file.read_exact(place)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_seen_as_if_they_had_been_made() {
        let folder = tempfile::tempdir().unwrap();
        let mut patches = Patches::new(folder.path());
        let original: Vec<u8> = (0..200_u8).collect();
        let mut expected = original.clone();
        let mut state = 5_u64;
        for round in 0..300_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (at, len) =
                (usize::try_from(state >> 40).unwrap() % 190, usize::try_from(round).unwrap() % 11);
            let bytes = vec![(round % 251).to_le_bytes()[0]; len];
            patches.write(at as u64, &bytes).unwrap();
            expected[at..at + len].copy_from_slice(&bytes);
            assert!(patches.ranges.windows(2).all(|two| two[0].end < two[1].start), "{:?}", patches.ranges);
            for (from, to) in [(0, 200), (at, at + len), (at / 2, at)] {
                let mut bytes = original[from..to].to_vec();
                patches.apply(from as u64, &mut bytes).unwrap();
                assert_eq!(bytes, expected[from..to], "{round} {from} {to}");
                let differs = original[from..to] != expected[from..to];
                assert!(!differs || patches.touches(&(from as u64..to as u64)));
            }
            if round == 20 {
                assert!((0..200).any(|at| !patches.touches(&(at..at + 1))));
            }
        }
    }
}
