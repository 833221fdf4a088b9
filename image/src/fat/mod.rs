//! FAT12, FAT16 and FAT32, with long names: read, and written over an [`Overlay`](crate::overlay::Overlay).
//!
//! Source: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03, and the same as ECMA-107 for what it has.
//!
//! | file | |
//! |---|---|
//! | `geometry` | the boot sector: where everything is |
//! | `table` | the allocation table: chains of clusters, free ones |
//! | `slots` | a directory as its entries of 32 bytes |
//! | `name` | long and short names |
//! | `volume` | paths, reading, listing |
//! | `edit` | putting, making, removing |

pub mod edit;
mod geometry;
mod name;
mod slots;
mod table;
mod timestamp;
pub mod volume;

pub use geometry::Geometry;
