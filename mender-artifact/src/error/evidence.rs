//! The evidence in an error: which part of the Artifact, what was expected, what was found.

use core::fmt;

/// Which part of an Artifact an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Entry {
    /// The whole Artifact, or nothing nearer is known.
    Artifact,
    /// The member `version`.
    Version,
    /// The member `manifest`.
    Manifest,
    /// The member `manifest.sig`.
    ManifestSig,
    /// The member `manifest-augment`.
    ManifestAugment,
    /// The member `header.tar` with any suffix.
    Header,
    /// The member `header-augment.tar` with any suffix.
    HeaderAugment,
    /// `header-info` inside the header archive.
    HeaderInfo,
    /// A state script inside the header archive.
    Script,
    /// `headers/NNNN/type-info` of this payload.
    TypeInfo(u16),
    /// `headers/NNNN/meta-data` of this payload.
    MetaData(u16),
    /// `headers/NNNN/files` of this payload, in format version 2.
    Files(u16),
    /// `header-info` inside the augmented header archive.
    AugmentInfo,
    /// `headers/NNNN/type-info` of this payload inside the augmented header archive.
    AugmentTypeInfo(u16),
    /// `headers/NNNN/meta-data` of this payload inside the augmented header archive.
    AugmentMetaData(u16),
    /// The archive `data/NNNN.tar` of this payload, with any suffix.
    Data(u16),
    /// A file inside `data/NNNN.tar`.
    PayloadFile(u16),
    /// A key file or key.
    Key,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Artifact => f.write_str("artifact"),
            Self::Version => f.write_str("version"),
            Self::Manifest => f.write_str("manifest"),
            Self::ManifestSig => f.write_str("manifest.sig"),
            Self::ManifestAugment => f.write_str("manifest-augment"),
            Self::Header => f.write_str("header.tar"),
            Self::HeaderAugment => f.write_str("header-augment.tar"),
            Self::HeaderInfo => f.write_str("header-info"),
            Self::Script => f.write_str("scripts"),
            Self::TypeInfo(n) => write!(f, "headers/{n:04}/type-info"),
            Self::MetaData(n) => write!(f, "headers/{n:04}/meta-data"),
            Self::Files(n) => write!(f, "headers/{n:04}/files"),
            Self::AugmentInfo => f.write_str("header-augment.tar/header-info"),
            Self::AugmentTypeInfo(n) => write!(f, "header-augment.tar/headers/{n:04}/type-info"),
            Self::AugmentMetaData(n) => write!(f, "header-augment.tar/headers/{n:04}/meta-data"),
            Self::Data(n) => write!(f, "data/{n:04}.tar"),
            Self::PayloadFile(n) => write!(f, "data/{n:04}"),
            Self::Key => f.write_str("key"),
        }
    }
}

/// The beginning of a text from the input, at most [`Excerpt::MAX`] bytes, safe to print.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Excerpt {
    bytes: [u8; Self::MAX],
    len: u8,
    cut: bool,
}

impl Excerpt {
    /// How many bytes of a text are kept.
    pub const MAX: usize = 46;

    /// Keeps the beginning of `text`. Bytes that are not printable ASCII become `?` when shown.
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        let mut bytes = [0; Self::MAX];
        let mut len = 0_u8;
        for (to, from) in bytes.iter_mut().zip(text) {
            *to = if (0x20..0x7f).contains(from) { *from } else { b'?' };
            len += 1;
        }
        Self { bytes, len, cut: text.len() > Self::MAX }
    }

    /// The text that was kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or("?")
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}{}'", self.as_str(), if self.cut { "..." } else { "" })
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One side of a comparison that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Evidence {
    /// Nothing to say.
    None,
    /// A fixed text, printed as it is.
    Text(&'static str),
    /// A number; the message says of what.
    Number(u64),
    /// A text from the input.
    Name(Excerpt),
    /// The first eight bytes of a SHA-256, printed as hexadecimal.
    Digest([u8; 8]),
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(excerpt) => write!(f, "{excerpt}"),
            Self::Digest(bytes) => {
                for byte in bytes {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str("...")
            }
        }
    }
}

impl From<&'static str> for Evidence {
    fn from(text: &'static str) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Evidence {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Evidence {
    fn from(number: usize) -> Self {
        Self::Number(number as u64)
    }
}

impl From<&[u8]> for Evidence {
    fn from(text: &[u8]) -> Self {
        Self::Name(Excerpt::new(text))
    }
}

impl From<&[u8; 32]> for Evidence {
    fn from(digest: &[u8; 32]) -> Self {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        Self::Digest(bytes)
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_and_made_printable() {
        let long = [0x1b_u8; 100];
        let text = Excerpt::new(&long).to_string();
        assert_eq!(text.len(), Excerpt::MAX + 5);
        assert!(text.ends_with("?...'"));
    }
}
