//! Files in an image, whatever it is: a bare ext2, ext3, ext4 or FAT file system, or a disk with partitions of them.
//!
//! | file | |
//! |---|---|
//! | `layout` | what an image is made of |
//! | `route` | which partitions a path means |
//! | `resolve` | where links and `..` lead, from one partition into another |
//! | `file_system` | the same operations on all file systems |
//! | `usage` | how much is free |
//! | `image` | an image that is read or changed |
//! | `attributes` | what a new file gets besides its content |

pub mod attributes;
mod file_system;
pub mod image;
pub mod layout;
mod resolve;
pub mod route;
mod usage;
