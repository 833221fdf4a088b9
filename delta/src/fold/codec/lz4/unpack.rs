//! Unpacks LZ4 blocks.

use super::sequence::{MATCH_MIN, NIBBLE};

/// Length of what a block unpacks to; `None` when it is no whole block.
pub(super) fn measure(packed: &[u8]) -> Option<usize> {
    let mut rest = packed;
    let mut len = 0usize;
    loop {
        let token = usize::from(byte(&mut rest)?);
        let literals = length(token >> 4, &mut rest)?;
        rest = rest.get(literals..)?;
        len = len.checked_add(literals)?;
        if rest.is_empty() {
            return Some(len);
        }
        let offset = usize::from(u16::from_le_bytes([byte(&mut rest)?, byte(&mut rest)?]));
        if offset == 0 || offset > len {
            return None;
        }
        len = len.checked_add(length(token & NIBBLE, &mut rest)?)?.checked_add(MATCH_MIN)?;
    }
}

/// Unpacks a block that has been measured into `plain`, which is as long as that.
pub(super) fn unpack(packed: &[u8], plain: &mut [u8]) -> Option<()> {
    let mut rest = packed;
    let mut at = 0;
    loop {
        let token = usize::from(byte(&mut rest)?);
        let literals = length(token >> 4, &mut rest)?;
        let (source, after) = rest.split_at_checked(literals)?;
        rest = after;
        plain.get_mut(at..at + literals)?.copy_from_slice(source);
        at += literals;
        if rest.is_empty() {
            return Some(());
        }
        let offset = usize::from(u16::from_le_bytes([byte(&mut rest)?, byte(&mut rest)?]));
        let len = length(token & NIBBLE, &mut rest)? + MATCH_MIN;
        let from = at.checked_sub(offset)?;
        let end = at + len;
        plain.get(..end)?;
        if offset >= len {
            plain.copy_within(from..from + len, at);
        } else {
            for index in 0..len {
                plain[at + index] = plain[from + index];
            }
        }
        at = end;
    }
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

/// A length of four bits that goes on in bytes when all of them are set.
fn length(bits: usize, rest: &mut &[u8]) -> Option<usize> {
    let mut length = bits;
    if bits == NIBBLE {
        loop {
            let more = byte(rest)?;
            length = length.checked_add(usize::from(more))?;
            if more != 255 {
                break;
            }
        }
    }
    Some(length)
}
