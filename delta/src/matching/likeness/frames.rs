//! Tables for unwinding (Linux Standard Base, "Exception Frames") without distances.

use super::elf::Section;
use super::{Prints, four, put};

/// Bytes in front of the entries of the index, in the layout that linkers write.
const INDEX_HEADER: usize = 12;
const INDEX_ENTRY: usize = 8;

/// Records of `.eh_frame`: neither the way back to their common part nor the way to their code.
pub(super) fn records(file: &[u8], out: &mut [u8], section: &Section<'_>) {
    let bytes = section.of(file);
    let mut at = 0;
    while let Some(len) = four(bytes, at).map(|len| len as usize).filter(|&len| len >= 4) {
        let common = four(bytes, at + 4) == Some(0);
        if !common && len >= 8 {
            put(out, section.at + at + 4, &[0; 8]);
        }
        let Some(next) = at.checked_add(4 + len).filter(|&next| next <= bytes.len()) else { break };
        at = next;
    }
}

/// Entries of `.eh_frame_hdr`: what the code looks like instead of where it is.
pub(super) fn index(prints: &Prints<'_>, file: &[u8], out: &mut [u8], section: &Section<'_>) {
    let bytes = section.of(file);
    // Pairs of distances from the start of the section.
    if bytes.get(3) != Some(&0x3b) {
        return;
    }
    for (i, entry) in bytes.get(INDEX_HEADER..).unwrap_or_default().chunks_exact(INDEX_ENTRY).enumerate() {
        let Some(distance) = four(entry, 0) else { break };
        let code = section.address.wrapping_add_signed((distance as i32).into());
        let print = u64::from(prints.at_address(code));
        put(out, section.at + INDEX_HEADER + INDEX_ENTRY * i, &print.to_le_bytes());
    }
}
