//! Bounds on what an image may make this crate do.

/// How much work and memory an image may cost. The defaults are far above any root file system in the field.
///
/// Work that an image cannot multiply (reading each of its blocks once) needs no limit; these bound what it can:
/// names that are repeated in every path below them, and contents that are larger than their blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Directory entries read in one walk. Default 4,194,304.
    pub directory_entries: u64,
    /// Length of one path in bytes. Default 16,384.
    pub path_len_bytes: u64,
    /// Length of all paths and symbolic link targets together, in bytes. Default 256 MiB.
    pub names_total_bytes: u64,
    /// Size of a file whose content is read into memory, in bytes. Default 64 MiB.
    pub file_len_bytes: u64,
    /// Extents of all files together, in file systems where files may share them. Default 16,777,216.
    pub extents: u64,
    /// Blocks of directories, and of the maps that lead to them, read on the way to one file. Default 1,048,576.
    pub lookup_blocks: u64,
    /// Unpacked length of all compressed metadata, in bytes. Default 256 MiB.
    pub metadata_total_bytes: u64,
    /// Symbolic links followed on the way to one file. Default 40, as in Linux.
    pub symlink_hops: u32,
    /// Length of the allocation table of a FAT file system, which is read into memory, in bytes. Default 128 MiB.
    pub allocation_table_bytes: u64,
    /// Entries of a partition table, used or not. Default 1,024.
    pub partition_entries: u32,
    /// Changes of an image that wait in memory, in bytes: contents past this go to a file, where there is one.
    /// Default 256 MiB.
    pub changes_len_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            directory_entries: 4 << 20,
            path_len_bytes: 16 << 10,
            names_total_bytes: 256 << 20,
            file_len_bytes: 64 << 20,
            extents: 16 << 20,
            lookup_blocks: 1 << 20,
            metadata_total_bytes: 256 << 20,
            symlink_hops: 40,
            allocation_table_bytes: 128 << 20,
            partition_entries: 1024,
            changes_len_bytes: 256 << 20,
        }
    }
}
