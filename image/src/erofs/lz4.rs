//! Unpacks LZ4 blocks.

/// Unpacks `packed` until `plain` is full; `false` when the block is damaged or ends before that.
pub(super) fn unpack(packed: &[u8], plain: &mut [u8]) -> bool {
    unpack_checked(packed, plain).is_some()
}

fn unpack_checked(packed: &[u8], plain: &mut [u8]) -> Option<()> {
    let mut rest = packed;
    let mut at = 0;
    while at < plain.len() {
        let token = usize::from(byte(&mut rest)?);
        let literals = length(token >> 4, &mut rest)?.min(plain.len() - at);
        let (source, after) = rest.split_at_checked(literals)?;
        rest = after;
        plain[at..at + literals].copy_from_slice(source);
        at += literals;
        if at == plain.len() {
            break;
        }
        let offset = usize::from(u16::from_le_bytes([byte(&mut rest)?, byte(&mut rest)?]));
        let len = length(token & 15, &mut rest)?.checked_add(4)?.min(plain.len() - at);
        let from = at.checked_sub(offset).filter(|_| offset > 0)?;
        for index in 0..len {
            plain[at + index] = plain[from + index];
        }
        at += len;
    }
    Some(())
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

/// A length of four bits that goes on in bytes when all of them are set.
fn length(bits: usize, rest: &mut &[u8]) -> Option<usize> {
    let mut length = bits;
    if bits == 15 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_may_overlap_what_they_write() {
        // "ab", then 10 bytes from 2 back, then "xyz".
        let mut plain = [0; 15];
        assert!(unpack(b"\x26ab\x02\x00\x30xyz", &mut plain));
        assert_eq!(&plain, b"ababababababxyz");
        // The front of it alone.
        let mut front = [0; 5];
        assert!(unpack(b"\x26ab\x02\x00\x30xyz", &mut front));
        assert_eq!(&front, b"ababa");
    }

    #[test]
    fn damage_is_refused() {
        let mut plain = [0; 15];
        for bad in [
            &b""[..],
            b"\x26ab",
            b"\x26ab\x02",
            b"\x26ab\x03\x00\x30xyz",
            b"\x26ab\x00\x00\x30xyz",
            b"\xf0\xff\xff",
        ] {
            assert!(!unpack(bad, &mut plain), "{bad:?}");
        }
    }
}
