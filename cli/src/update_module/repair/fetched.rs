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

use crate::update_module::aligned_buffer::AlignedBuffer;
use crate::update_module::block_io::{ReadBlocks, read_full};
use crate::update_module::differing::{BLOCK_BYTES, each_differing};
use crate::update_module::log::say;

use super::artifact_tar::image_in;
use super::http::Http;
use super::image_address::{ImageAddress, list_address, shown};
use super::problem::{RepairProblem, What};
use super::remote_file::RemoteFile;

/// How much is asked for at once, at most; how much is compared at once without a list.
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

/// Fetches the blocks of `active` that differ from an image with one of these digests: the first that the server has.
///
/// # Errors
///
/// No such image, too much of a difference, or a server that does not do its part in time.
pub(crate) fn fetch(
    active: &impl ReadBlocks,
    address: &ImageAddress,
    sha256: &[[u8; 32]],
    bounds: Bounds,
) -> Result<Fetched, RepairProblem> {
    let http = Http::new(bounds.seconds);
    let (last, others) = sha256.split_last().unwrap_or((&[0; 32], &[]));
    for one in others {
        match fetch_one(active, &address.of(one)?, one, &http, bounds.most_bytes) {
            Err(problem) if problem.is_about_another() => say(&format!("RepairFrom: {problem}")),
            done => return done,
        }
    }
    fetch_one(active, &address.of(last)?, last, &http, bounds.most_bytes)
}

fn fetch_one(
    active: &impl ReadBlocks,
    address: &str,
    sha256: &[u8; 32],
    http: &Http,
    most_bytes: u64,
) -> Result<Fetched, RepairProblem> {
    let mut file = http.open(address)?;
    let range = image_in(&mut file)?;
    let (image_bytes, partition) = (range.end - range.start, active.size_bytes());
    if image_bytes > partition {
        let what = What::TooLarge { image: image_bytes, partition };
        return Err(RepairProblem { address: shown(address), what });
    }
    let fetched = Fetched { address: shown(address), ..Fetched::default() };
    let mut work = Work { active, file: &mut file, range, most_bytes, fetched };
    match http.open(&list_address(address)) {
        Ok(mut list) => work.by_list(&mut list, sha256)?,
        Err(RepairProblem { address, what: What::Status(404 | 410) }) => {
            say(&format!("RepairFrom: there is no {address}: the whole image is read"));
            work.by_comparison()?;
        }
        Err(problem) => return Err(problem),
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

    /// Bytes of the image, in parts.
    fn get(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), RepairProblem> {
        let mut at = self.range.start + offset;
        for part in buffer.chunks_mut(PART_BYTES) {
            self.file.read(at, part)?;
            at += part.len() as u64;
            self.fetched.bytes += part.len() as u64;
        }
        Ok(())
    }

    /// Keeps those of the blocks in `right` that the partition does not have at `offset`.
    fn keep_differing(
        &mut self,
        offset: u64,
        right: &[u8],
        found: &mut AlignedBuffer,
    ) -> Result<(), RepairProblem> {
        let (most_bytes, fetched) = (self.most_bytes, &mut self.fetched);
        each_differing(self.active, offset, right, found, |number, wanted| {
            if (fetched.blocks.len() as u64 + 1) * BLOCK_BYTES as u64 > most_bytes {
                let what = What::TooMuch { limit: most_bytes };
                return Err(RepairProblem { address: fetched.address.clone(), what });
            }
            // The rest of the last block is nobody's.
            let mut block = vec![0; BLOCK_BYTES].into_boxed_slice();
            block[..wanted.len()].copy_from_slice(wanted);
            fetched.blocks.insert(number, block);
            Ok(())
        })
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
