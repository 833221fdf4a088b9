//! Which members an Artifact has, and in which order they stand.

use crate::compression::Compression;
use crate::error::{Defect, Entry, Error};
use crate::limits::Limits;
use crate::manifest::payload_index;

/// Largest `version`.
const VERSION_MAX_BYTES: u64 = 1024;

/// A member of the outer archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Before the first.
    Start,
    Version,
    Manifest,
    Signature,
    ManifestAugment,
    Header,
    HeaderAugment,
    /// The archive of the payload with this number.
    Data(u16),
}

impl Place {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "version" => Self::Version,
            "manifest" => Self::Manifest,
            "manifest.sig" => Self::Signature,
            "manifest-augment" => Self::ManifestAugment,
            _ if archive_compression(name, "header.tar").is_some() => Self::Header,
            _ if archive_compression(name, "header-augment.tar").is_some() => Self::HeaderAugment,
            _ => {
                let (digits, suffix) = name.strip_prefix("data/")?.split_at_checked(4)?;
                Compression::from_suffix(suffix.strip_prefix(".tar")?)?;
                Self::Data(payload_index(digits)?)
            }
        })
    }

    /// What errors about it are about.
    pub(crate) const fn entry(self) -> Entry {
        match self {
            Self::Version => Entry::Version,
            Self::Manifest | Self::ManifestAugment => Entry::Manifest,
            Self::Signature => Entry::ManifestSig,
            Self::Header | Self::HeaderAugment => Entry::Header,
            Self::Data(payload) => Entry::Data(payload),
            Self::Start => Entry::Artifact,
        }
    }

    /// The next member that must come behind this one, if any, and what errors call it.
    const fn required(self) -> (Self, &'static str) {
        match self {
            Self::Start => (Self::Version, "version"),
            Self::Version => (Self::Manifest, "manifest"),
            Self::Manifest | Self::Signature | Self::ManifestAugment => (Self::Header, "header.tar"),
            Self::Header | Self::HeaderAugment | Self::Data(_) => (Self::Data(u16::MAX), "data/0000.tar"),
        }
    }

    /// The place of the member called `name` behind this one: in order, nothing twice, and nothing left out that
    /// must be there.
    pub(crate) fn next(self, name: &[u8]) -> Result<Self, Error> {
        let (required, expected) = self.required();
        let next = std::str::from_utf8(name).ok().and_then(Self::of);
        next.filter(|next| *next > self && *next <= required)
            .ok_or_else(|| Error::new(Defect::Order, self.entry()).expected(expected).found(name))
    }

    /// Fails if something must come behind this one.
    pub(crate) fn may_be_last(self) -> Result<(), Error> {
        if self >= Self::Header {
            return Ok(());
        }
        let (_, expected) = self.required();
        Err(Error::new(Defect::Missing, Entry::Artifact).expected(expected))
    }

    /// Refuses what is too large to be kept in memory.
    pub(crate) fn check_size(self, size: u64) -> Result<(), Error> {
        let limits = Limits::computer();
        let limit = match self {
            Self::Version => VERSION_MAX_BYTES,
            Self::Manifest | Self::ManifestAugment => limits.manifest_bytes as u64,
            Self::Signature => limits.signature_bytes as u64,
            Self::Header | Self::HeaderAugment => limits.header_bytes,
            Self::Start | Self::Data(_) => u64::MAX,
        };
        if size > limit {
            return Err(Error::new(Defect::TooLarge, self.entry()).expected(limit).found(size));
        }
        Ok(())
    }
}

/// The compression of the archive `name`, which is `stem` and a suffix.
pub(crate) fn archive_compression(name: &str, stem: &str) -> Option<Compression> {
    Compression::from_suffix(name.strip_prefix(stem)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_order_is_right() {
        let run = |names: &[&str]| names.iter().try_fold(Place::Start, |at, name| at.next(name.as_bytes()));
        for names in [
            &["version", "manifest", "header.tar"][..],
            &["version", "manifest", "manifest.sig", "header.tar.gz", "data/0000.tar.zst", "data/0001.tar"],
            &["version", "manifest", "manifest-augment", "header.tar", "header-augment.tar", "data/0000.tar"],
        ] {
            assert!(run(names).and_then(Place::may_be_last).is_ok(), "{names:?}");
        }
        for names in [
            &["manifest"][..],
            &["version", "version"],
            &["version", "manifest", "data/0000.tar"],
            &["version", "manifest", "header.tar", "manifest.sig"],
            &["version", "manifest", "header.tar", "header.tar.gz"],
            &["version", "manifest", "header.tar", "data/0000.tar", "data/0000.tar"],
            &["version", "manifest", "header.tar", "data/0000"],
            &["version", "manifest", "header.tar", "data/0000.tar.bz2"],
            &["version", "manifest", "header.tar", "data/00000.tar"],
            &["version", "manifest", "header.tar", "extra"],
            &["version", "manifest", "header.tarx"],
        ] {
            assert_eq!(run(names).unwrap_err().defect(), Defect::Order, "{names:?}");
        }
        assert_eq!(Place::Manifest.may_be_last().unwrap_err().defect(), Defect::Missing);
    }
}
