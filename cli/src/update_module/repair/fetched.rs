//! Blocks of the running system's image that are fetched because the partition's own are not what they were.
//!
//! Which ones differ tells a block list beside the image, or, where there is none, the image itself, which is then read
//! from front to back. What was fetched is kept in memory, so that the device applies the delta without the server; how
//! much that may be is bounded. Nothing of it is believed: the base with these blocks is hashed as a whole afterwards.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use mender_delta::format::block_list::{DIGEST_LEN, Header};
use sha2::{Digest as _, Sha256};

use crate::update_module::aligned_buffer::{ALIGNMENT_BYTES, AlignedBuffer};
use crate::update_module::block_io::{ReadBlocks, read_full};
use crate::update_module::log::say;

use super::artifact_tar::image_in;
use super::http::Http;
use super::image_address::{ImageAddress, list_address, shown};
use super::problem::{RepairProblem, What};
use super::remote_file::RemoteFile;

/// What is replaced as a whole.
const BLOCK_BYTES: usize = ALIGNMENT_BYTES;
/// How much is compared at once without a list, and how much of a list is read at once.
const PART_BYTES: usize = 256 << 10;

/// Bounds for a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// `RepairTimeoutSeconds`.
    pub(crate) seconds: u64,
    /// Bytes of blocks that are kept in memory.
    pub(crate) most_bytes: u64,
}

/// Blocks by their numbers, and where they came from.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    pub(crate) blocks: BTreeMap<u64, Box<[u8]>>,
    /// Bytes that came over the network: image and list.
    pub(crate) bytes: u64,
    /// The address, as it may be shown.
    pub(crate) address: String,
}

/// Fetches the blocks of `active` that differ from the image with the digest `sha256`.
///
/// # Errors
///
/// No such image, too much of a difference, or a server that does not do its part in time.
pub(crate) fn fetch(
    active: &impl ReadBlocks,
    address: &ImageAddress,
    sha256: &[u8; 32],
    bounds: Bounds,
) -> Result<Fetched, RepairProblem> {
    let address = address.of(sha256)?;
    let problem = |address: &str, what| Err(RepairProblem { address: shown(address), what });
    let http = Http::new(bounds.seconds);
    let Some(mut file) = http.open(&address)? else { return problem(&address, What::Status(404)) };
    let range = image_in(&mut file)?;
    let (image_bytes, partition) = (range.end - range.start, active.size_bytes());
    if image_bytes > partition {
        return problem(&address, What::TooLarge { image: image_bytes, partition });
    }
    let fetched = Fetched { address: shown(&address), ..Fetched::default() };
    let mut work = Work { active, file: &mut file, range, most_bytes: bounds.most_bytes, fetched };
    let list_address = list_address(&address);
    match http.open(&list_address)? {
        Some(mut list) => work.by_list(&mut list, sha256)?,
        None => {
            say(&format!("RepairFrom: there is no {}: the whole image is read", shown(&list_address)));
            work.by_comparison()?;
        }
    }
    Ok(work.fetched)
}

struct Work<'w, R> {
    active: &'w R,
    file: &'w mut dyn RemoteFile,
    /// Where in the file the image is.
    range: Range<u64>,
    most_bytes: u64,
    fetched: Fetched,
}

impl<R: ReadBlocks> Work<'_, R> {
    fn by_list(&mut self, list: &mut dyn RemoteFile, sha256: &[u8; 32]) -> Result<(), RepairProblem> {
        let problem = |list: &dyn RemoteFile, what| RepairProblem { address: list.shown().to_owned(), what };
        let mut bytes = [0; Header::LEN];
        let shorter = usize::try_from(list.size_bytes()).unwrap_or(usize::MAX).min(bytes.len());
        list.read(0, &mut bytes[..shorter])?;
        let header = Header::parse(&bytes[..shorter]).map_err(|error| problem(list, What::List(error)))?;
        if header.image_sha256 != *sha256 {
            let (expected, found) = (*sha256, header.image_sha256);
            return Err(problem(list, What::ListOfAnother { expected, found }));
        }
        let expected = self.range.end - self.range.start;
        if header.image_bytes != expected || header.list_bytes() != list.size_bytes() {
            return Err(problem(list, What::ListLength { expected, found: header.image_bytes }));
        }
        // At most 1 MiB, which fits.
        let block_bytes = usize::try_from(header.block_bytes).unwrap_or(PART_BYTES);
        let mut found = AlignedBuffer::new(block_bytes);
        let mut right = vec![0; block_bytes];
        let mut digests = vec![0; PART_BYTES];
        let (mut at, mut number) = (Header::LEN as u64, 0_u64);
        while at < list.size_bytes() {
            let count = usize::try_from(list.size_bytes() - at).unwrap_or(usize::MAX).min(PART_BYTES);
            list.read(at, &mut digests[..count])?;
            self.fetched.bytes += count as u64;
            for digest in digests[..count].chunks(DIGEST_LEN) {
                let offset = number * u64::from(header.block_bytes);
                let length = usize::try_from(expected - offset).unwrap_or(usize::MAX).min(block_bytes);
                let is_right = read_full(self.active, found.bytes_mut(), offset).is_ok_and(|count| {
                    count >= length && Sha256::digest(&found.bytes()[..length])[..] == *digest
                });
                if !is_right {
                    let right = &mut right[..length];
                    self.get(offset, right)?;
                    if Sha256::digest(&*right)[..] != *digest {
                        return Err(problem(self.file, What::Block { number }));
                    }
                    self.keep_differing(offset, right, &mut found)?;
                }
                number += 1;
            }
            at += count as u64;
        }
        Ok(())
    }

    fn by_comparison(&mut self) -> Result<(), RepairProblem> {
        let length = self.range.end - self.range.start;
        let (mut found, mut right) = (AlignedBuffer::new(PART_BYTES), vec![0; PART_BYTES]);
        let mut offset = 0;
        while offset < length {
            let count = usize::try_from(length - offset).unwrap_or(usize::MAX).min(PART_BYTES);
            self.get(offset, &mut right[..count])?;
            self.keep_differing(offset, &right[..count], &mut found)?;
            offset += count as u64;
        }
        Ok(())
    }

    /// Bytes of the image.
    fn get(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), RepairProblem> {
        self.file.read(self.range.start + offset, buffer)?;
        self.fetched.bytes += buffer.len() as u64;
        Ok(())
    }

    /// Keeps those of the blocks in `right` that the partition does not have at `offset`.
    fn keep_differing(
        &mut self,
        offset: u64,
        right: &[u8],
        found: &mut AlignedBuffer,
    ) -> Result<(), RepairProblem> {
        let whole = read_full(self.active, found.bytes_mut(), offset);
        for (start, wanted) in (0..).step_by(BLOCK_BYTES).zip(right.chunks(BLOCK_BYTES)) {
            let at = offset + start as u64;
            let block = &mut found.bytes_mut()[start..start + BLOCK_BYTES];
            // One block that cannot be read must not take its neighbours with it.
            let readable = match &whole {
                Ok(count) => *count >= start + wanted.len(),
                Err(_) => read_full(self.active, block, at).is_ok_and(|count| count >= wanted.len()),
            };
            if !readable || block[..wanted.len()] != *wanted {
                let kept = (self.fetched.blocks.len() as u64 + 1) * BLOCK_BYTES as u64;
                if kept > self.most_bytes {
                    let what = What::TooMuch { limit: self.most_bytes };
                    return Err(RepairProblem { address: self.fetched.address.clone(), what });
                }
                // The rest of the last block is nobody's.
                let mut block = vec![0; BLOCK_BYTES].into_boxed_slice();
                block[..wanted.len()].copy_from_slice(wanted);
                self.fetched.blocks.insert(at / BLOCK_BYTES as u64, block);
            }
        }
        Ok(())
    }
}

impl Fetched {
    /// Reads out of one kept block, up to its end.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let within = usize::try_from(offset % BLOCK_BYTES as u64).unwrap_or(0);
        let block = self.blocks.get(&(offset / BLOCK_BYTES as u64)).ok_or(io::ErrorKind::NotFound)?;
        let from = &block[within..];
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        Ok(count)
    }
}
