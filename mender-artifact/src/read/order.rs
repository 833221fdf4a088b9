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
    Header(Compression),
    Data(u16, Compression),
}

impl Member {
    /// What errors about it are about.
    pub(super) const fn entry(self) -> Entry {
        match self {
            Self::Version => Entry::Version,
            Self::Manifest => Entry::Manifest,
            Self::Signature => Entry::ManifestSig,
            Self::Header(_) => Entry::Header,
            Self::Data(payload, _) => Entry::Data(payload),
        }
    }
}

/// The members that have come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    last: Option<Member>,
}

impl Order {
    pub(super) const fn new() -> Self {
        Self { last: None }
    }

    /// The member that came last.
    pub(super) const fn last(&self) -> Option<Member> {
        self.last
    }

    /// Says what the member called `name` is, if it may come now.
    pub(super) fn come(&mut self, name: &[u8], payloads: usize) -> Result<Member, Error> {
        let member = self.allowed(name, payloads).ok_or_else(|| self.refusal(name, payloads))?;
        self.last = Some(member);
        Ok(member)
    }

    fn allowed(self, name: &[u8], payloads: usize) -> Option<Member> {
        let name = core::str::from_utf8(name).ok()?;
        let header = || {
            let suffix = name.strip_prefix("header.tar")?;
            Compression::from_suffix(suffix).map(Member::Header)
        };
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
            Some(Member::Manifest | Member::Signature) => header(),
            Some(Member::Header(_)) => data(0),
            Some(Member::Data(last, _)) => data(usize::from(last) + 1),
        }
    }

    fn refusal(self, name: &[u8], payloads: usize) -> Error {
        if name == b"manifest-augment" || name.starts_with(b"header-augment.tar") {
            return Error::new(Defect::Augmented, Entry::Artifact).named(name);
        }
        if name.starts_with(b"header.tar.") && matches!(self.last, Some(Member::Manifest | Member::Signature))
        {
            return Error::new(Defect::Compression, Entry::Artifact).named(name).expected(".gz, .xz or .zst");
        }
        let expected = match self.last {
            None => "version",
            Some(Member::Version) => "manifest",
            Some(Member::Manifest) => "manifest.sig or header.tar",
            Some(Member::Signature) => "header.tar",
            Some(Member::Header(_)) => "data/0000.tar with a suffix that is known",
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
        let mut order = Order::new();
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
        for (bad, message) in [
            (&["manifest"][..], "expected version, found 'manifest'"),
            (&["./version"], "found './version'"),
            (&["/version"], "found '/version'"),
            (&["version-foo"], "found 'version-foo'"),
            (&["version", "version"], "expected manifest, found 'version'"),
            (&["version", "header.tar"], "expected manifest"),
            (&["version", "manifest", "manifest"], "expected manifest.sig or header.tar"),
            (&["version", "manifest", "manifest.sig", "manifest.sig"], "expected header.tar"),
            (&["version", "manifest", "manifest-augment"], "augmented"),
            (&["version", "manifest", "header.tar", "header-augment.tar"], "augmented"),
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
}
