//! Stretches of a compressed stream that can be unpacked without the others: gzip members that say how long they are, as
//! ours do, and zstd frames that say how much they hold.
//!
//! | file | |
//! |---|---|
//! | `walk` | finds where a stretch ends without unpacking it |
//! | `ahead` | threads that unpack stretches ahead of who wants them |

pub(crate) mod ahead;
pub(crate) mod walk;
