//! The content of a payload, changed: unpacked into a file, and put back into a new Artifact. Of a compressed archive only
//! those members, streams or frames are compressed anew that a change falls into; the others move from file to file.
//!
//! | file | |
//! |---|---|
//! | `unpack` | the content on its way out, checked, with where everything was |
//! | `seekable`, `patches` | the content where it lies, and what is changed of it |
//! | `replace` | the changed content on its way in |

mod patches;
mod replace;
mod seekable;
mod unpack;

use std::ops::Range;

pub use replace::NewPlain;
pub use seekable::SeekableContent;

use super::split::Member;
use crate::compression::Compression;
use crate::digest::Digest;
use crate::error::Entry;

/// The entry that errors are about.
const ENTRY: Entry = Entry::Data(0);

/// A payload with one file that has been unpacked.
#[derive(Debug)]
pub struct Unpacked {
    /// Name of the file.
    pub name: String,
    /// Its length in bytes.
    pub len_bytes: u64,
    /// Its SHA-256, which is that of the manifest.
    pub checksum: Digest,
    /// The archive as a member of the Artifact.
    member: Member,
    compression: Compression,
    /// What stands in the archive before the content and behind it.
    before: Vec<u8>,
    behind: Vec<u8>,
    /// Where the archive's bytes begin in the Artifact, and how many there are.
    packed_at: u64,
    packed_len: u64,
    /// The parts of the archive that can be unpacked without the others, in order.
    stretches: Vec<Stretch>,
}

/// A member, stream or frame.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    /// Its bytes in the archive as it is stored.
    packed: Range<u64>,
    /// Its bytes in the archive as it is unpacked.
    plain: Range<u64>,
}
