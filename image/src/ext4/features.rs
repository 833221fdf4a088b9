//! The three sets of feature flags of a superblock, and which of them this crate reads.

use std::fmt;

macro_rules! feature_set {
    ($(#[$doc:meta])* $name:ident { $($constant:ident = $bit:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name(
            /// The flags as stored.
            pub u32,
        );

        impl $name {
            $(
                #[doc = concat!("`", $text, "`")]
                pub const $constant: Self = Self($bit);
            )*

            const NAMES: &'static [(u32, &'static str)] = &[$(($bit, $text)),*];

            /// Whether all flags of `other` are set.
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// The flags that are set here and not in `other`.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
        }

        /// The names that e2fsprogs uses, divided by blanks; unknown flags as hexadecimal numbers.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_names(f, self.0, Self::NAMES)
            }
        }
    };
}

feature_set! {
    /// Features that a reader may ignore.
    CompatFeatures {
        HAS_JOURNAL = 0x4, "has_journal";
        EXT_ATTR = 0x8, "ext_attr";
        RESIZE_INODE = 0x10, "resize_inode";
        DIR_INDEX = 0x20, "dir_index";
        SPARSE_SUPER2 = 0x200, "sparse_super2";
        FAST_COMMIT = 0x400, "fast_commit";
        STABLE_INODES = 0x800, "stable_inodes";
        ORPHAN_FILE = 0x1000, "orphan_file";
    }
}

feature_set! {
    /// Features without which a file system cannot be read.
    IncompatFeatures {
        COMPRESSION = 0x1, "compression";
        FILETYPE = 0x2, "filetype";
        RECOVER = 0x4, "needs_recovery";
        JOURNAL_DEV = 0x8, "journal_dev";
        META_BG = 0x10, "meta_bg";
        EXTENTS = 0x40, "extent";
        BITS_64 = 0x80, "64bit";
        MMP = 0x100, "mmp";
        FLEX_BG = 0x200, "flex_bg";
        EA_INODE = 0x400, "ea_inode";
        DIRDATA = 0x1000, "dirdata";
        CSUM_SEED = 0x2000, "metadata_csum_seed";
        LARGEDIR = 0x4000, "large_dir";
        INLINE_DATA = 0x8000, "inline_data";
        ENCRYPT = 0x1_0000, "encrypt";
        CASEFOLD = 0x2_0000, "casefold";
    }
}

feature_set! {
    /// Features without which a file system can be read but not written.
    RoCompatFeatures {
        SPARSE_SUPER = 0x1, "sparse_super";
        LARGE_FILE = 0x2, "large_file";
        HUGE_FILE = 0x8, "huge_file";
        GDT_CSUM = 0x10, "uninit_bg";
        DIR_NLINK = 0x20, "dir_nlink";
        EXTRA_ISIZE = 0x40, "extra_isize";
        QUOTA = 0x100, "quota";
        BIGALLOC = 0x200, "bigalloc";
        METADATA_CSUM = 0x400, "metadata_csum";
        READONLY = 0x1000, "read-only";
        PROJECT = 0x2000, "project";
        SHARED_BLOCKS = 0x4000, "shared_blocks";
        VERITY = 0x8000, "verity";
        ORPHAN_PRESENT = 0x1_0000, "orphan_present";
    }
}

impl IncompatFeatures {
    /// What this crate reads. Of `needs_recovery` it reads the state without the journal.
    pub const READ: Self = Self(
        Self::FILETYPE.0
            | Self::RECOVER.0
            | Self::META_BG.0
            | Self::EXTENTS.0
            | Self::BITS_64.0
            | Self::MMP.0
            | Self::FLEX_BG.0
            | Self::EA_INODE.0
            | Self::CSUM_SEED.0
            | Self::LARGEDIR.0
            | Self::INLINE_DATA.0
            | Self::CASEFOLD.0,
    );

    /// Whether a flag is set that ext3 does not have.
    #[must_use]
    pub const fn needs_ext4(self) -> bool {
        const EXT3: u32 =
            IncompatFeatures::FILETYPE.0 | IncompatFeatures::RECOVER.0 | IncompatFeatures::META_BG.0;
        self.0 & !EXT3 != 0
    }
}

impl RoCompatFeatures {
    /// Whether a flag is set that ext3 does not have.
    #[must_use]
    pub const fn needs_ext4(self) -> bool {
        self.0 & !(Self::SPARSE_SUPER.0 | Self::LARGE_FILE.0) != 0
    }
}

fn write_names(f: &mut fmt::Formatter<'_>, flags: u32, names: &[(u32, &str)]) -> fmt::Result {
    let mut blank = "";
    for bit in (0..u32::BITS).map(|shift| 1u32 << shift).filter(|bit| flags & bit != 0) {
        match names.iter().find(|(known, _)| *known == bit) {
            Some((_, name)) => write!(f, "{blank}{name}")?,
            None => write!(f, "{blank}{bit:#x}")?,
        }
        blank = " ";
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_named_and_unknown_ones_numbered() {
        let flags = IncompatFeatures(0x1_0002 | 0x4000_0000);
        assert_eq!(flags.to_string(), "filetype encrypt 0x40000000");
        assert_eq!(flags.without(IncompatFeatures::READ).to_string(), "encrypt 0x40000000");
    }
}
