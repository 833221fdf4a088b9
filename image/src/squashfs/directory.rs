//! Listings of directories.

use crate::error::{Error, Expected, Place};
use crate::little_endian::{u16_at, u32_at};

/// An entry of a directory.
pub(super) struct Entry<'t> {
    pub(super) name: &'t [u8],
    /// Block of the inode table, and offset in it.
    pub(super) inode: (u32, u16),
}

/// Most entries behind one header.
const MAX_ENTRIES: u32 = 256;
/// A listing is said to be that much longer than it is: `.` and `..` are counted without being there.
pub(super) const UNSEEN: u32 = 3;

/// Calls `found` with each entry of the listing `bytes`.
pub(super) fn entries<'t>(
    bytes: &'t [u8],
    place: Place,
    mut found: impl FnMut(Entry<'t>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut rest = bytes;
    let take = |rest: &mut &'t [u8], len: usize| {
        let Some((now, behind)) = rest.split_at_checked(len) else {
            let expected = Expected::AtMost(bytes.len() as u64);
            let end = bytes.len() - rest.len() + len;
            return Err(Error::format(place, "end of a directory entry", expected, end as u64));
        };
        *rest = behind;
        Ok(now)
    };
    while !rest.is_empty() {
        let header = take(&mut rest, 12)?;
        let (count, block) = (u32_at(header, 0), u32_at(header, 4));
        if count >= MAX_ENTRIES {
            let expected = Expected::AtMost(u64::from(MAX_ENTRIES - 1));
            return Err(Error::format(place, "entries of a directory header", expected, count.into()));
        }
        for _ in 0..=count {
            let entry = take(&mut rest, 8)?;
            let name = take(&mut rest, usize::from(u16_at(entry, 6)) + 1)?;
            if matches!(name, b"." | b"..") || name.contains(&b'/') || name.contains(&0) {
                let expected = Expected::Described("a name");
                return Err(Error::format(place, "directory entry", expected, name[0].into()));
            }
            found(Entry { name, inode: (block, u16_at(entry, 0)) })?;
        }
    }
    Ok(())
}
