//! Which file systems are changed: only those whose every feature is known, and that are clean.

use crate::error::{Error, Expected, Place};
use crate::ext4::FileSystem;
use crate::ext4::block_map::BlockMap;
use crate::ext4::features::{CompatFeatures, IncompatFeatures, RoCompatFeatures};
use crate::ext4::superblock::SUPERBLOCK_LEN;
use crate::little_endian::{u16_at, u32_at};

const STATE_AT: usize = 0x3a;
const CLEAN: u16 = 1;
const WITH_ERRORS: u16 = 2;
const CREATOR_AT: usize = 0x48;
const HURD: u32 = 1;
const FIRST_ORPHAN_AT: usize = 0xe8;

/// The journal's own superblock is big-endian: magic, and the first block of a transaction that was not finished.
const JOURNAL_MAGIC: [u8; 4] = [0xc0, 0x3b, 0x39, 0x98];
const JOURNAL_START_AT: usize = 0x1c;
const JOURNAL_ERROR_AT: usize = 0x20;

const COMPAT: CompatFeatures = CompatFeatures(
    CompatFeatures::HAS_JOURNAL.0
        | CompatFeatures::EXT_ATTR.0
        | CompatFeatures::RESIZE_INODE.0
        | CompatFeatures::DIR_INDEX.0
        | CompatFeatures::SPARSE_SUPER2.0
        | CompatFeatures::FAST_COMMIT.0
        | CompatFeatures::STABLE_INODES.0
        | CompatFeatures::ORPHAN_FILE.0,
);

const INCOMPAT: IncompatFeatures = IncompatFeatures(
    IncompatFeatures::FILETYPE.0
        | IncompatFeatures::META_BG.0
        | IncompatFeatures::EXTENTS.0
        | IncompatFeatures::BITS_64.0
        | IncompatFeatures::FLEX_BG.0
        | IncompatFeatures::CSUM_SEED.0
        | IncompatFeatures::LARGEDIR.0
        | IncompatFeatures::INLINE_DATA.0,
);

const RO_COMPAT: RoCompatFeatures = RoCompatFeatures(
    RoCompatFeatures::SPARSE_SUPER.0
        | RoCompatFeatures::LARGE_FILE.0
        | RoCompatFeatures::HUGE_FILE.0
        | RoCompatFeatures::GDT_CSUM.0
        | RoCompatFeatures::DIR_NLINK.0
        | RoCompatFeatures::EXTRA_ISIZE.0
        | RoCompatFeatures::METADATA_CSUM.0,
);

/// Refuses what cannot be changed safely.
pub(super) fn check(fs: &FileSystem<'_>, bytes: &[u8; SUPERBLOCK_LEN]) -> Result<(), Error> {
    let sb = &fs.superblock;
    if fs.needs_recovery() {
        return Err(unclean(
            "journal",
            "an empty one, as e2fsck leaves it",
            "changes that have not reached their place",
        ));
    }
    if sb.ro_compat.contains(RoCompatFeatures::ORPHAN_PRESENT) || u32_at(bytes, FIRST_ORPHAN_AT) != 0 {
        return Err(unclean(
            "orphan list",
            "an empty one, as e2fsck leaves it",
            "deleted files that wait to be cleared",
        ));
    }
    for (field, unknown) in [
        ("compatible features", sb.compat.without(COMPAT).to_string()),
        ("incompatible features", sb.incompat.without(INCOMPAT).to_string()),
        ("read-only compatible features", sb.ro_compat.without(RO_COMPAT).to_string()),
    ] {
        if !unknown.is_empty() {
            return Err(Error::unsupported(Place::Superblock, field, "only those that are written", unknown));
        }
    }
    let state = u16_at(bytes, STATE_AT);
    if state & WITH_ERRORS != 0 {
        return Err(unclean("state", "clean, as e2fsck leaves it", "errors"));
    }
    if state & CLEAN == 0 {
        return Err(unclean("state", "clean, as e2fsck leaves it", "not unmounted"));
    }
    if u32_at(bytes, CREATOR_AT) == HURD {
        return Err(unclean("creator", "Linux", "Hurd"));
    }
    for (field, number) in
        [("blocks per group", sb.blocks_per_group), ("inodes per group", u64::from(sb.inodes_per_group))]
    {
        if number % 8 != 0 {
            let expected = Expected::Described("a multiple of 8");
            return Err(Error::format(Place::Superblock, field, expected, number));
        }
    }
    check_journal(fs)
}

/// The journal inside the file system, if any, must be empty.
fn check_journal(fs: &FileSystem<'_>) -> Result<(), Error> {
    if fs.superblock.journal_inode == 0 {
        return Ok(());
    }
    let inode = fs.inode(fs.superblock.journal_inode)?;
    let map = BlockMap::of(fs, &inode)?;
    let Some(first) = map.runs.first().filter(|run| run.logical == 0 && run.written) else {
        return Err(Error::format(inode.place(), "blocks of the journal", Expected::AtLeast(1), 0));
    };
    let mut bytes = [0; 64];
    fs.device.read_at(first.physical * fs.superblock.block_len, &mut bytes)?;
    let number = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    if bytes[..4] != JOURNAL_MAGIC {
        let expected = Expected::Exactly(u32::from_be_bytes(JOURNAL_MAGIC).into());
        return Err(Error::format(inode.place(), "magic of the journal", expected, number(0).into()));
    }
    if number(JOURNAL_START_AT) != 0 {
        return Err(unclean(
            "journal",
            "an empty one, as e2fsck leaves it",
            "changes that have not reached their place",
        ));
    }
    if number(JOURNAL_ERROR_AT) != 0 {
        return Err(unclean("journal", "one without errors, as e2fsck leaves it", "errors"));
    }
    Ok(())
}

fn unclean(field: &'static str, expected: &'static str, found: &'static str) -> Error {
    Error::unsupported(Place::Superblock, field, expected, found)
}
