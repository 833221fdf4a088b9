//! squashfs 4.0, read only: which blocks an image has, how they are compressed, and which file lies in which.
//!
//! Nothing is unpacked here: the caller brings the decompressor. Of every number is checked whatever would let a
//! reader run away with it.

mod directory;
mod inode;
pub mod map;
mod superblock;
mod tables;
