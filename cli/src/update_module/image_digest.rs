//! SHA-256 of the image at the beginning of a partition.

use std::io;

use sha2::{Digest as _, Sha256};

use super::aligned_buffer::AlignedBuffer;
use super::block_io::{ReadBlocks, read_full};
use super::error::Error;

/// One read while an image is hashed from front to back.
const READ_BYTES: usize = 1 << 20;
/// Images whose size is not known are looked for at multiples of this: no file system makes smaller steps.
const STEP_BYTES: usize = 1 << 10;

/// SHA-256 of the first `length` bytes.
///
/// # Errors
///
/// A read fails, or the partition is shorter.
pub(crate) fn sha256(of: &(impl ReadBlocks + ?Sized), length: u64) -> Result<[u8; 32], Error> {
    let mut digest = Sha256::new();
    for_each_piece(of, length, |piece| {
        digest.update(piece);
        false
    })?;
    Ok(digest.finalize().into())
}

/// The length of the image that begins at the start of the partition and has one of the `wanted` digests: a multiple
/// of 1 KiB, `likely`, or the whole partition. None if there is no such image.
///
/// # Errors
///
/// A read fails.
pub(crate) fn find_image(
    of: &(impl ReadBlocks + ?Sized),
    wanted: &[[u8; 32]],
    likely: u64,
) -> Result<Option<u64>, Error> {
    let mut digest = Sha256::new();
    let (mut length, mut found) = (0, None);
    let is_wanted = |digest: &Sha256| wanted.contains(&<[u8; 32]>::from(digest.clone().finalize()));
    for_each_piece(of, of.size_bytes(), |piece| {
        for step in piece.chunks(STEP_BYTES) {
            if likely > length && likely < length + step.len() as u64 {
                let (before, rest) = step.split_at(usize::try_from(likely - length).unwrap_or(0));
                digest.update(before);
                if is_wanted(&digest) {
                    found = Some(likely);
                    return true;
                }
                digest.update(rest);
            } else {
                digest.update(step);
            }
            length += step.len() as u64;
            if is_wanted(&digest) {
                found = Some(length);
                return true;
            }
        }
        false
    })?;
    Ok(found)
}

/// Reads `length` bytes in pieces until `take` says that it has enough.
fn for_each_piece(
    of: &(impl ReadBlocks + ?Sized),
    length: u64,
    mut take: impl FnMut(&[u8]) -> bool,
) -> Result<(), Error> {
    let mut buffer = AlignedBuffer::new(READ_BYTES);
    let mut offset = 0;
    while offset < length {
        let count = read_full(of, buffer.bytes_mut(), offset)
            .and_then(|count| if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(count) })
            .map_err(|error| Error::io("read", of.path(), error))?;
        // The last read may go beyond `length`.
        let wanted = usize::try_from(length - offset).unwrap_or(usize::MAX).min(count);
        if take(&buffer.bytes()[..wanted]) {
            return Ok(());
        }
        offset += wanted as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update_module::medium_linux::Medium;

    fn partition(length: usize) -> (tempfile::NamedTempFile, Vec<u8>, Medium) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        std::fs::write(file.path(), &bytes).unwrap();
        let medium = Medium::open(file.path()).unwrap();
        (file, bytes, medium)
    }

    #[test]
    fn every_length_up_to_an_odd_end_is_hashed() {
        let (_file, bytes, medium) = partition(READ_BYTES * 2 + 777);
        for length in [0, 1, 4096, READ_BYTES + 5, bytes.len()] {
            let expected: [u8; 32] = Sha256::digest(&bytes[..length]).into();
            assert_eq!(sha256(&medium, length as u64).unwrap(), expected, "{length}");
        }
        assert!(sha256(&medium, bytes.len() as u64 + 1).is_err());
    }

    #[test]
    fn an_image_is_found_where_its_length_may_be() {
        let (_file, bytes, medium) = partition(READ_BYTES + 5 * STEP_BYTES + 777);
        let other = [7; 32];
        for length in [STEP_BYTES, READ_BYTES, READ_BYTES + 3 * STEP_BYTES, 12_345, bytes.len()] {
            let wanted: [u8; 32] = Sha256::digest(&bytes[..length]).into();
            let found = find_image(&medium, &[other, wanted], 12_345).unwrap();
            assert_eq!(found, Some(length as u64), "{length}");
        }
        assert_eq!(find_image(&medium, &[other], 12_345).unwrap(), None);
        // An odd length that nobody has told.
        let odd: [u8; 32] = Sha256::digest(&bytes[..12_345]).into();
        assert_eq!(find_image(&medium, &[odd], 0).unwrap(), None);
    }
}
