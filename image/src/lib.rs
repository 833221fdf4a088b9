//! Disk images: what an image holds, which bytes of it belong to which file, and changing files in place.
//!
//! Nothing writes but [`edit`], over [`ext4::edit`] and [`fat::edit`]. An image is foreign input: each number in it is
//! checked before it sizes, adds or indexes, and each walk has [`limits::Limits`].
//!
//! ```
//! use mender_image::file_map::FileMap;
//!
//! let not_a_file_system = vec![0u8; 4096];
//! let error = FileMap::of(&not_a_file_system[..]).unwrap_err();
//! assert_eq!(error.to_string(), "image: content: expected an ext2, ext3 or ext4 file system, found unknown content");
//! ```

pub mod block_device;
pub mod edit;
pub mod erofs;
pub mod error;
pub mod ext4;
pub mod fat;
pub mod file_map;
pub mod limits;
pub mod overlay;
pub mod partition;
pub mod probe;
pub mod spill;
pub mod squashfs;

mod little_endian;
#[cfg(any(test, not(unix)))]
mod positioned_file_portable;
#[cfg(unix)]
mod positioned_file_unix;
mod region;
