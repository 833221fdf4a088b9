//! Compression of the header and payload archives, told by the suffix of their names.

#[cfg(feature = "std")]
mod blocks;
#[cfg(feature = "std")]
pub mod encoder;
#[cfg(feature = "std")]
pub(crate) mod gzip;
#[cfg(feature = "std")]
mod xz;
#[cfg(feature = "std")]
pub(crate) mod zstd;

/// How an archive inside an Artifact is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952).
    #[default]
    Gzip,
    /// The xz container with LZMA2; the reference tool calls it `lzma`.
    Xz,
    /// Zstandard (RFC 8878).
    Zstd,
}

impl Compression {
    /// What stands behind `.tar` in the archive's name.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Zstd => ".zst",
        }
    }

    /// The compression that `suffix` stands for. `None` for any other suffix.
    #[must_use]
    pub fn from_suffix(suffix: &str) -> Option<Self> {
        match suffix {
            "" => Some(Self::None),
            ".gz" => Some(Self::Gzip),
            ".xz" => Some(Self::Xz),
            ".zst" => Some(Self::Zstd),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_go_both_ways() {
        for compression in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
            assert_eq!(Compression::from_suffix(compression.suffix()), Some(compression));
        }
        assert_eq!(Compression::from_suffix(".bz2"), None);
        assert_eq!(Compression::from_suffix("gz"), None);
    }
}
