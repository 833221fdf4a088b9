//! A whole file as its program sees it: in order, with zeros where the image has nothing.

#![allow(clippy::cast_possible_truncation, reason = "positions are inside of mapped images, so they fit")]

use super::blocks::BLOCK;
use super::similar::Range;
use crate::error::Error;
use crate::reading::{AROUND, PIECE, Reading};
use mender_image::file_map::MappedFile;

/// A file has at most this many times the bytes that the image has of it, and some: one that is nearly all hole costs as
/// much work as one that is not, and there is room for many.
const MOST_SPARSE: usize = 2;
const SPARSE_ANYWAY: usize = 1 << 20;

/// Where the parts of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WholeFile {
    /// Bytes, up to the end of the last block.
    pub len: usize,
    /// Offset in the file, and where in the image its bytes are; whole blocks.
    parts: Vec<(usize, Range)>,
}

impl WholeFile {
    /// The parts of `file` in an image of `image_len` bytes; none if it is larger than `most`, is nearly all hole, or does not
    /// begin at block boundaries.
    pub(crate) fn of(file: &MappedFile, image_len: usize, most: usize) -> Option<Self> {
        let len = usize::try_from(file.len_bytes).ok().filter(|&len| len <= most)?.next_multiple_of(BLOCK);
        let parts = file.ranges.iter().map(|range| {
            let (offset, at) = (range.file_offset as usize, usize::try_from(range.device_offset).ok()?);
            let part = usize::try_from(range.len_bytes).ok()?.next_multiple_of(BLOCK);
            let aligned = offset % BLOCK == 0 && at % BLOCK == 0;
            let inside = offset.checked_add(part)? <= len && at.checked_add(part)? <= image_len;
            (aligned && inside).then_some((offset, Range { at, len: part }))
        });
        let parts: Vec<(usize, Range)> = parts.collect::<Option<_>>()?;
        let mapped =
            parts.iter().fold(0_usize, |sum, (_, range)| sum.saturating_add(range.len)).min(image_len);
        let dense = len <= mapped.saturating_mul(MOST_SPARSE).saturating_add(SPARSE_ANYWAY);
        dense.then_some(WholeFile { len, parts })
    }

    /// Whether its first bytes are these.
    pub(crate) fn begins_with(&self, image: &[u8], bytes: &[u8]) -> bool {
        let first = self.parts.iter().find(|(offset, _)| *offset == 0);
        first.is_some_and(|(_, range)| image[range.at..range.end()].starts_with(bytes))
    }

    /// Its bytes.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn content(&self, image: &[u8], reading: &Reading<'_>) -> Result<Vec<u8>, Error> {
        let mut content = vec![0; self.len];
        for (offset, range) in &self.parts {
            let to = content[*offset..offset + range.len].chunks_mut(PIECE);
            for (to, from) in to.zip(image[range.at..range.end()].chunks(PIECE)) {
                to.copy_from_slice(from);
                reading.read(AROUND.max(from.len() as u64))?;
            }
        }
        Ok(content)
    }

    /// What `content`, in the order of the file, has for these ranges of the image.
    pub(crate) fn pick(&self, content: &[u8], ranges: &[Range]) -> Option<Vec<u8>> {
        let mut picked = Vec::with_capacity(ranges.iter().map(|range| range.len).sum());
        for range in ranges {
            // Parts that follow each other in the image need not do so in the file.
            let mut at = range.at;
            while at < range.end() {
                let (offset, part) = self.parts.iter().find(|(_, part)| part.at <= at && at < part.end())?;
                let (from, len) = (offset + (at - part.at), part.end().min(range.end()) - at);
                picked.extend_from_slice(content.get(from..from + len)?);
                at += len;
            }
        }
        Some(picked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::GenerateOptions;
    use mender_image::file_map::FileRange;

    #[test]
    fn a_file_that_is_nearly_all_hole_is_none() {
        let range = FileRange::new(0, 0, BLOCK as u64);
        let file = |len_bytes| MappedFile::new(b"/a".to_vec(), Vec::new(), 12, len_bytes, vec![range]);
        let of = |len_bytes| WholeFile::of(&file(len_bytes), BLOCK, 96 << 20);
        let most = (SPARSE_ANYWAY + MOST_SPARSE * BLOCK) as u64;
        assert!(of(most).is_some());
        assert!(of(most + 1).is_none());
    }

    #[test]
    fn holes_are_zero_and_ranges_are_found_again() {
        let image: Vec<u8> = (0..4 * BLOCK).map(|i| (i / BLOCK) as u8 + 1).collect();
        let file = WholeFile {
            len: 3 * BLOCK,
            parts: vec![(0, Range { at: 2 * BLOCK, len: BLOCK }), (2 * BLOCK, Range { at: 0, len: BLOCK })],
        };
        let options = GenerateOptions::default();
        let reading = Reading::of(&options);
        let content = file.content(&image, &reading).unwrap();
        assert_eq!([content[0], content[BLOCK], content[2 * BLOCK]], [3, 0, 1]);
        let picked = file.pick(&content, &[Range { at: 0, len: BLOCK }, Range { at: 2 * BLOCK, len: BLOCK }]);
        assert_eq!(picked.map(|picked| [picked[0], picked[BLOCK]]), Some([1, 3]));
        assert_eq!(file.pick(&content, &[Range { at: BLOCK, len: BLOCK }]), None);
        let neighbours = WholeFile {
            len: 3 * BLOCK,
            parts: vec![(0, Range { at: 0, len: BLOCK }), (2 * BLOCK, Range { at: BLOCK, len: BLOCK })],
        };
        let picked = neighbours
            .pick(&neighbours.content(&image, &reading).unwrap(), &[Range { at: 0, len: 2 * BLOCK }]);
        assert_eq!(picked.map(|picked| [picked[0], picked[BLOCK]]), Some([1, 2]));
    }
}
