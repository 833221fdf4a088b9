//! Blocks of the running partition that are not what they should be.

use super::aligned_buffer::{ALIGNMENT_BYTES, AlignedBuffer};
use super::block_io::{ReadBlocks, read_full};

/// What is compared and replaced as a whole.
pub(crate) const BLOCK_BYTES: usize = ALIGNMENT_BYTES;

/// Gives `take` each block of `right` that `active` does not have at `offset`, or that cannot be read there, with its
/// number; the last may be shorter. `offset` is a multiple of [`BLOCK_BYTES`]; `found` is at least as long as `right`,
/// in whole blocks.
///
/// # Errors
///
/// Those of `take`.
pub(crate) fn each_differing<E>(
    active: &impl ReadBlocks,
    offset: u64,
    right: &[u8],
    found: &mut AlignedBuffer,
    mut take: impl FnMut(u64, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let whole = read_full(active, found.bytes_mut(), offset);
    for (start, wanted) in (0..).step_by(BLOCK_BYTES).zip(right.chunks(BLOCK_BYTES)) {
        let at = offset + start as u64;
        let block = &mut found.bytes_mut()[start..start + BLOCK_BYTES];
        // One block that cannot be read must not take its neighbours with it.
        let is_readable = match &whole {
            Ok(count) => *count >= start + wanted.len(),
            Err(_) => read_full(active, block, at).is_ok_and(|count| count >= wanted.len()),
        };
        if !is_readable || block[..wanted.len()] != *wanted {
            take(at / BLOCK_BYTES as u64, wanted)?;
        }
    }
    Ok(())
}
