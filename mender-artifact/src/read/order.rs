//! Which members an Artifact has, and in which order they come.

use crate::compression::Compression;
use crate::error::{Defect, Entry, Error};
use crate::manifest::payload_index;

/// A member of the outer archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Version,
    Manifest,
    Signature,
    ManifestAugment,
    Header(Compression),
    HeaderAugment(Compression),
    Data(u16, Compression),
}

impl Member {
    /// What errors about it are about.
    pub(super) const fn entry(self) -> Entry {
        match self {
            Self::Version => Entry::Version,
            Self::Manifest => Entry::Manifest,
            Self::Signature => Entry::ManifestSig,
            Self::ManifestAugment => Entry::ManifestAugment,
            Self::Header(_) => Entry::Header,
            Self::HeaderAugment(_) => Entry::HeaderAugment,
            Self::Data(payload, _) => Entry::Data(payload),
        }
    }
}

/// The members that have come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    last: Option<Member>,
    /// Whether this Artifact may be augmented at all.
    may_augment: bool,
    /// There was a `manifest-augment`, so there has to be a `header-augment.tar`.
    augmented: bool,
}

impl Order {
    pub(super) const fn new(may_augment: bool) -> Self {
        Self { last: None, may_augment, augmented: false }
    }

    /// Refuses what augments from now on.
    pub(super) const fn never_augmented(&mut self) {
        self.may_augment = false;
    }

    /// Whether there was a `manifest-augment`.
    pub(super) const fn is_augmented(&self) -> bool {
        self.augmented
    }

    /// The member that came last.
    pub(super) const fn last(&self) -> Option<Member> {
        self.last
    }

    /// Says what the member called `name` is, if it may come now.
    pub(super) fn come(&mut self, name: &[u8], payloads: usize) -> Result<Member, Error> {
        let member = self.allowed(name, payloads).ok_or_else(|| self.refusal(name, payloads))?;
        self.last = Some(member);
        self.augmented |= member == Member::ManifestAugment;
        Ok(member)
    }

    fn allowed(self, name: &[u8], payloads: usize) -> Option<Member> {
        let name = core::str::from_utf8(name).ok()?;
        let archive = |start: &str| Compression::from_suffix(name.strip_prefix(start)?);
        let data = |from: usize| {
            let (digits, suffix) = name.strip_prefix("data/")?.split_at_checked(4)?;
            let payload = payload_index(digits).filter(|p| (from..payloads).contains(&usize::from(*p)))?;
            let compression = Compression::from_suffix(suffix.strip_prefix(".tar")?)?;
            Some(Member::Data(payload, compression))
        };
        match self.last {
            None => (name == "version").then_some(Member::Version),
            Some(Member::Version) => (name == "manifest").then_some(Member::Manifest),
            Some(Member::Manifest) if name == "manifest.sig" => Some(Member::Signature),
            Some(Member::Manifest | Member::Signature) if name == "manifest-augment" && self.may_augment => {
                Some(Member::ManifestAugment)
            }
            Some(Member::Manifest | Member::Signature | Member::ManifestAugment) => {
                archive("header.tar").map(Member::Header)
            }
            // Readers of other makes know only augmented headers that are compressed like the header.
            Some(Member::Header(header)) if self.augmented => {
                let compression = archive("header-augment.tar").filter(|augment| *augment == header);
                compression.map(Member::HeaderAugment)
            }
            Some(Member::Header(_) | Member::HeaderAugment(_)) => data(0),
            Some(Member::Data(last, _)) => data(usize::from(last) + 1),
        }
    }

    fn refusal(self, name: &[u8], payloads: usize) -> Error {
        if !self.may_augment && (name == b"manifest-augment" || name.starts_with(b"header-augment.tar")) {
            return Error::new(Defect::Augmented, Entry::Artifact).named(name);
        }
        let header_is_due =
            matches!(self.last, Some(Member::Manifest | Member::Signature | Member::ManifestAugment));
        if name.starts_with(b"header.tar.") && header_is_due {
            return Error::new(Defect::Compression, Entry::Artifact).named(name).expected(".gz, .xz or .zst");
        }
        let expected = match self.last {
            None => "version",
            Some(Member::Version) => "manifest",
            Some(Member::Manifest) => "manifest.sig or header.tar",
            Some(Member::Signature | Member::ManifestAugment) => "header.tar",
            Some(Member::Header(_)) if self.augmented => "header-augment.tar, compressed like header.tar",
            Some(Member::Header(_) | Member::HeaderAugment(_)) => "data/0000.tar with a suffix that is known",
            Some(Member::Data(last, _)) if usize::from(last) + 1 < payloads => "the next payload",
            Some(Member::Data(..)) => "no more members",
        };
        Error::new(Defect::Order, Entry::Artifact).expected(expected).found(name)
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    fn run(names: &[&str], payloads: usize) -> Result<(), String> {
        let mut order = Order::new(true);
        names
            .iter()
            .try_for_each(|name| order.come(name.as_bytes(), payloads).map(|_| ()))
            .map_err(|e| e.to_string())
    }

    #[test]
    fn only_one_order_is_right() {
        assert_eq!(run(&["version", "manifest", "header.tar", "data/0000.tar.gz"], 1), Ok(()));
        assert_eq!(
            run(&["version", "manifest", "manifest.sig", "header.tar.xz", "data/0001.tar"], 2),
            Ok(())
        );
        let augmented = [
            "version",
            "manifest",
            "manifest.sig",
            "manifest-augment",
            "header.tar.gz",
            "header-augment.tar.gz",
            "data/0000.tar.gz",
        ];
        assert_eq!(run(&augmented, 1), Ok(()));
        for (bad, message) in [
            (&["manifest"][..], "expected version, found 'manifest'"),
            (&["./version"], "found './version'"),
            (&["/version"], "found '/version'"),
            (&["version-foo"], "found 'version-foo'"),
            (&["version", "version"], "expected manifest, found 'version'"),
            (&["version", "header.tar"], "expected manifest"),
            (&["version", "manifest", "manifest"], "expected manifest.sig or header.tar"),
            (&["version", "manifest", "manifest.sig", "manifest.sig"], "expected header.tar"),
            (&["version", "manifest-augment"], "expected manifest, found"),
            (&["version", "manifest", "manifest-augment", "manifest-augment"], "expected header.tar, found"),
            (&["version", "manifest", "manifest-augment", "manifest.sig"], "expected header.tar, found"),
            (&["version", "manifest", "header.tar", "header-augment.tar"], "expected data/0000.tar"),
            (&["version", "manifest", "header.tar", "manifest-augment"], "expected data/0000.tar"),
            (
                &["version", "manifest", "manifest-augment", "header.tar", "data/0000.tar"],
                "expected header-augment.tar, compressed like header.tar, found 'data/0000.tar'",
            ),
            (
                &["version", "manifest", "manifest-augment", "header.tar.gz", "header-augment.tar"],
                "expected header-augment.tar, compressed like header.tar, found 'header-augment.tar'",
            ),
            (&["version", "manifest", "header.tar.bz2"], "unsupported compression"),
            (&["version", "manifest", "header.targz"], "unexpected member"),
            (&["version", "manifest", "header.tar", "header.tar.gz"], "expected data/0000.tar"),
            (&["version", "manifest", "header.tar", "data/0001.tar"], "expected data/0000.tar"),
            (&["version", "manifest", "header.tar", "data/00000.tar"], "expected data/0000.tar"),
            (&["version", "manifest", "header.tar", "data/0000.tar.bz2"], "suffix"),
            (
                &["version", "manifest", "header.tar", "data/0000.tar", "data/0000.tar"],
                "expected no more members",
            ),
            (&["version", "manifest", "header.tar", "data/0000.tar", "x"], "expected no more members"),
        ] {
            let error = run(bad, 1).unwrap_err();
            assert!(error.contains(message), "{bad:?}: {error}");
        }
    }

    #[test]
    fn augmented_artifacts_can_be_refused() {
        let mut order = Order::new(true);
        order.come(b"version", 0).unwrap();
        order.never_augmented();
        order.come(b"manifest", 0).unwrap();
        let error = order.come(b"manifest-augment", 0).unwrap_err();
        assert_eq!(error.to_string(), "artifact: 'manifest-augment': augmented Artifacts are not supported");
    }
}
