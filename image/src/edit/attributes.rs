//! What a file or folder gets besides its content.

use crate::ext4::edit::Attributes as ExtAttributes;

/// Mode, owner and time of a new or changed file. FAT keeps the time only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits with set-user-id, set-group-id and sticky bit: at most `0o7777`.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Time of the last change, in seconds since 1970.
    pub modified: i64,
}

impl Attributes {
    /// Those of something that belongs to root.
    #[must_use]
    pub const fn of_root(mode: u16, modified: i64) -> Self {
        Self { mode, uid: 0, gid: 0, modified }
    }

    pub(super) fn for_ext(&self) -> ExtAttributes {
        ExtAttributes { mode: self.mode, uid: self.uid, gid: self.gid, mtime_seconds: self.modified }
    }

    /// FAT has no time before 1980.
    pub(super) fn time_for_fat(&self) -> u64 {
        u64::try_from(self.modified).unwrap_or(0)
    }
}
