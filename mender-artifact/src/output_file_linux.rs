//! Files without a name: the system frees them when the process ends, whatever ends it. And which file systems are of
//! this machine alone.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstatfs, linkat, open};

/// A file without a name on the file system of `folder`, with these permissions less what the process masks. `None`
/// where the file system has no such files, or nothing would lead to it later.
pub(super) fn create_in(folder: &Path, mode: u32) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = File::from(open(folder, flags, Mode::from_raw_mode(mode)).ok()?);
    fs::symlink_metadata(way_to(&file)).is_ok().then_some(file)
}

/// Gives the file a name that nothing has yet.
pub(super) fn link(file: &File, path: &Path) -> io::Result<()> {
    Ok(linkat(CWD, way_to(file), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// The link that the system keeps for an open file.
fn way_to(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Whether everybody who can open this file is on this machine, so that nobody writes it whom its lock does not keep
/// out. `false` for file systems of a network or a host, and those that are not known.
pub(super) fn is_local(file: &File) -> bool {
    let Ok(about) = fstatfs(file) else { return false };
    // As wide as the architecture has it; the numbers have 32 bits.
    let [a, b, c, d, ..] = about.f_type.to_le_bytes();
    LOCAL.contains(&u32::from_le_bytes([a, b, c, d]))
}

/// statfs(2): ext2 to ext4, XFS, Btrfs, F2FS, tmpfs, overlayfs, ZFS, UBIFS, FAT, exFAT, bcachefs.
const LOCAL: [u32; 11] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0xf2f5_2010,
    0x0102_1994,
    0x794c_7630,
    0x2fc1_2fc1,
    0x2405_1905,
    0x4d44,
    0x2011_bab0,
    0xca45_1a4e,
];
