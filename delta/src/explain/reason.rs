//! Why something costs what it costs.

use super::costs::Tally;
use crate::fold::generate::owners::{Owner, Owners};
use crate::source::units::pattern;
use std::collections::{HashMap, HashSet};

/// Why a part of the new image costs something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// Machine code that changed.
    Code,
    /// Other content that changed.
    Data,
    /// The old image has no file of this path, whatever numbers in it.
    New,
    /// Its content is in the old image, elsewhere or under another name; what costs is to say where.
    Moved,
    /// It is as it was and where it was; a copy begins in it, mostly behind something that changed.
    Unchanged,
    /// Nothing but what looks like times changed.
    Timestamps,
    /// It is compressed, and cannot be unpacked and packed again bit for bit: most of it has to be stored.
    Recompressed,
    /// What the file system itself is made of.
    Structure,
    /// Belongs to no file that is known.
    Unmapped,
    /// The delta's own.
    Overhead,
}

impl Reason {
    /// All of them, in a fixed order.
    pub const ALL: [Reason; 10] = [
        Reason::Code,
        Reason::Data,
        Reason::New,
        Reason::Moved,
        Reason::Unchanged,
        Reason::Timestamps,
        Reason::Recompressed,
        Reason::Structure,
        Reason::Unmapped,
        Reason::Overhead,
    ];

    /// A word for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::Code => "code",
            Reason::Data => "data",
            Reason::New => "new",
            Reason::Moved => "moved",
            Reason::Unchanged => "unchanged",
            Reason::Timestamps => "timestamps",
            Reason::Recompressed => "recompressed",
            Reason::Structure => "structure",
            Reason::Unmapped => "unmapped",
            Reason::Overhead => "overhead",
        }
    }

    /// A few words for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Reason::Code => "changed code",
            Reason::Data => "changed content",
            Reason::New => "new file",
            Reason::Moved => "moved",
            Reason::Unchanged => "unchanged",
            Reason::Timestamps => "only times changed",
            Reason::Recompressed => "recompressed",
            Reason::Structure => "file system",
            Reason::Unmapped => "no known file",
            Reason::Overhead => "the delta itself",
        }
    }
}

/// How files of machine code begin: ELF, and the boot image of Linux, whose first bytes are those of EFI.
const CODE: [&[u8]; 2] = [b"\x7fELF", b"MZ"];
/// How compressed files begin: gzip, xz, zstd, bzip2, lzip, zip, LZ4.
const PACKED: [&[u8]; 7] =
    [b"\x1f\x8b", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"BZh", b"LZIP", b"PK\x03\x04", b"\x04\x22\x4d\x18"];

/// The names of the old image's files.
pub(super) struct Names<'o> {
    paths: HashSet<&'o [u8]>,
    patterns: HashMap<Vec<u8>, &'o [u8]>,
}

impl<'o> Names<'o> {
    pub(super) fn of(base: &'o Owners) -> Self {
        let mut names = Names { paths: HashSet::new(), patterns: HashMap::new() };
        for owner in &base.all {
            if let Owner::File(path) = owner {
                names.paths.insert(path);
                names.patterns.entry(pattern(path)).or_insert(path);
            }
        }
        names
    }

    /// Why `owner`, of `len` bytes, costs something, and which file most of it comes from if not that of its name.
    pub(super) fn reason(
        &self,
        owner: &Owner,
        tally: &Tally,
        base: &Owners,
        len: u64,
    ) -> (Reason, Option<Vec<u8>>) {
        let path = match owner {
            Owner::Structure(_) => return (Reason::Structure, None),
            Owner::Nobody => return (Reason::Unmapped, None),
            Owner::File(path) => path,
        };
        let from = main_source(tally, base).filter(|from| from != path);
        let unchanged = tally.changed == 0 && tally.stored == 0;
        let is = |kinds: &[&[u8]]| kinds.iter().any(|kind| tally.head.starts_with(kind));
        // Less than half of it is found in the old image.
        let is_stored = tally.stored > len / 2;
        let has_predecessor =
            self.paths.contains(path.as_slice()) || self.patterns.contains_key(&pattern(path));
        let reason = if unchanged && tally.displaced == 0 && from.is_none() {
            Reason::Unchanged
        } else if unchanged {
            Reason::Moved
        } else if !has_predecessor {
            Reason::New
        } else if tally.packed_cost * 2 > tally.cost() || is_stored && is(&PACKED) {
            Reason::Recompressed
        } else if tally.stored == 0 && tally.times == tally.changed {
            Reason::Timestamps
        } else if is(&CODE) {
            Reason::Code
        } else {
            Reason::Data
        };
        (reason, from)
    }
}

/// The file of the old image that most bytes come from; of equal ones the first.
fn main_source(tally: &Tally, base: &Owners) -> Option<Vec<u8>> {
    let files = tally.sources.iter().filter_map(|(&owner, &bytes)| match &base.all[owner] {
        Owner::File(path) => Some((bytes, path)),
        _ => None,
    });
    files.max_by(|a, b| (a.0, b.1).cmp(&(b.0, a.1))).map(|(_, path)| path.clone())
}
