//! Blank room before the payload that keeps it on the boundary it has in its file system.
//!
//! File systems share whole blocks between files. The payload of the new file can share those of the old one only
//! when both have it at the same place within a block, so where the front has grown by something else than whole
//! blocks an extended header with nothing but a comment fills up the difference. All tar readers skip it. The bytes
//! depend on the Artifact alone, not on what the file system can do. Small payloads, which are copied in no time, are
//! left without.

use crate::error::Error;
use crate::tar::writer::Member;

/// Block size of the file systems that share blocks, as they are made on computers.
pub(super) const BLOCK_LEN_BYTES: u64 = 4096;
/// Payloads from this size on are kept on their boundary.
pub(super) const SHARE_MIN_BYTES: u64 = 16 << 20;
/// Unit of a tar archive.
const TAR_BLOCK_BYTES: u64 = 512;

/// How much room is needed so that what was at `old` is at the same place within a block when it comes to `new`
/// without: nothing, or 1024 bytes and more in steps of 512.
pub(super) fn room(old: u64, new: u64) -> u64 {
    let shift = old.wrapping_sub(new) % BLOCK_LEN_BYTES;
    // A header needs a block for itself and one for what it says.
    if shift == TAR_BLOCK_BYTES { shift + BLOCK_LEN_BYTES } else { shift }
}

/// An extended header for `name` of exactly `len` bytes, 1024 or more and a multiple of 512, that says nothing.
pub(super) fn blank(name: &str, len: u64) -> Result<Vec<u8>, Error> {
    let body_len = usize::try_from(len.saturating_sub(TAR_BLOCK_BYTES)).unwrap_or(0);
    let pax_name = format!("PaxHeaders.0/{name}");
    let member = Member { name: &pax_name, size: body_len as u64, mode: 0, modified: 0 };
    let mut header = member.to_header()?;
    set_kind(&mut header, b'x');
    let mut record = format!("{body_len} comment=padding");
    while record.len() + 1 < body_len {
        record.push(' ');
    }
    record.push('\n');
    header.extend_from_slice(record.as_bytes());
    Ok(header)
}

fn set_kind(header: &mut [u8], kind: u8) {
    if let Some(place) = header.get_mut(156) {
        *place = kind;
    }
    set_checksum(header);
}

/// Puts the right checksum into a header block.
pub(super) fn set_checksum(block: &mut [u8]) {
    if let Some(field) = block.get_mut(148..156) {
        field.copy_from_slice(b"        ");
        let sum: u32 = block.iter().take(512).map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Entry;
    use crate::rewrite::split;

    #[test]
    fn room_brings_the_payload_back_to_its_boundary() {
        for old in (0..16_384).step_by(512) {
            for new in (0..16_384).step_by(512) {
                let room = room(old, new);
                assert_eq!((new + room) % BLOCK_LEN_BYTES, old % BLOCK_LEN_BYTES);
                assert!(room == 0 || (1024..=BLOCK_LEN_BYTES + 512).contains(&room));
            }
        }
    }

    #[test]
    fn blank_headers_have_their_length_and_are_skipped() {
        for len in (1024..=4608).step_by(512) {
            let blank = blank("manifest.sig", len).unwrap();
            assert_eq!(blank.len() as u64, len);
            let header = Member { name: "manifest.sig", size: 0, mode: 0o644, modified: 0 };
            let archive = [blank, header.to_header().unwrap(), vec![0; 1024]].concat();
            let members = split::all(&archive, Entry::Artifact).unwrap();
            assert_eq!(members.len(), 1);
            assert_eq!(members[0].name, "manifest.sig");
            assert_eq!(members[0].raw.len() as u64, len + 512);
        }
    }
}
