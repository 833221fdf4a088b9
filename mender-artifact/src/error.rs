//! What can go wrong: one error type, six categories by who has to act, and the evidence.
//!
//! Works without an allocator, so texts from the input are kept as short excerpts.

mod evidence;

pub use evidence::{Entry, Evidence, Excerpt};

use core::fmt;

/// Who has to act on an error. A program maps each category to one exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Category {
    /// A file, pipe or device could not be read or written.
    Io,
    /// The input is not a sound Artifact: damaged, truncated or against the format.
    Format,
    /// The input may be sound, but this program does not handle it.
    Unsupported,
    /// A checksum or signature is wrong or missing.
    Verify,
    /// The input wants more than the configured limits grant.
    Limit,
    /// The caller asked for something impossible.
    Usage,
}

macro_rules! defects {
    ($( $(#[$doc:meta])* $name:ident : $category:ident , $text:literal ; )*) => {
        /// What exactly is wrong. Each defect belongs to one [`Category`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Defect { $( $(#[$doc])* $name, )* }

        impl Defect {
            /// The category of this defect.
            #[must_use]
            pub const fn category(self) -> Category {
                match self { $( Self::$name => Category::$category, )* }
            }
            /// The message of this defect: lower case, no full stop, no evidence.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $( Self::$name => $text, )* }
            }
        }
    };
}

defects! {
    /// Reading or writing failed; the source says why.
    Io: Io, "input or output failed";
    /// A file had another size or time after it was read than before.
    Changed: Io, "changed while it was read";

    /// A service or device that holds a key cannot be reached, refuses, or answers as it should not.
    Service: Io, "the holder of the key failed";

    /// The input ended before the Artifact did.
    Truncated: Format, "the input ends too early";
    /// Something other than zeros stands behind the end of an archive or compressed stream.
    TrailingData: Format, "data behind the end";
    /// A tar header block is damaged or contradicts itself.
    TarHeader: Format, "bad tar header";
    /// A tar member is a link, device, sparse file or another kind that an Artifact cannot have.
    TarMemberKind: Format, "unexpected kind of tar member";
    /// A member stands where the format wants another.
    Order: Format, "unexpected member";
    /// A member, line, key or file is there twice.
    Duplicate: Format, "present more than once";
    /// Something that must be there is not.
    Missing: Format, "missing";
    /// Something is there that the format does not know.
    Unknown: Format, "unknown";
    /// A name is empty, too long, or has characters or path parts that are not allowed.
    Name: Format, "name not allowed";
    /// A manifest line is not `<64 lower-case hex digits>  <name>`.
    ManifestLine: Format, "malformed line";
    /// Text is not JSON as RFC 8259 has it, or not UTF-8.
    Json: Format, "malformed JSON";
    /// A JSON value has the wrong type or an impossible value.
    Value: Format, "unexpected value";
    /// The signature is not one line of base64.
    SignatureEncoding: Format, "signature is not base64";
    /// The compressed stream is damaged.
    Compressed: Format, "damaged compressed stream";
    /// Two parts of the Artifact say different things.
    Mismatch: Format, "contradiction";

    /// The format version is one that this program does not read or write.
    Version: Unsupported, "unsupported format version";
    /// The Artifact is augmented (`manifest-augment`, `header-augment`), and the limits rule that out.
    Augmented: Unsupported, "augmented Artifacts are not supported";
    /// The compression is unknown or not built in.
    Compression: Unsupported, "unsupported compression";
    /// The key is encrypted, or of an algorithm, curve or size that Artifacts are not signed with.
    KeyKind: Unsupported, "unsupported kind of key";
    /// The tar archive uses a feature that Artifacts have no use for.
    TarFeature: Unsupported, "unsupported tar feature";

    /// A checksum differs from the one promised.
    Checksum: Verify, "wrong checksum";
    /// A signature is wanted and there is none.
    Unsigned: Verify, "the Artifact is not signed";
    /// The Artifact is signed and there is no key to check it with.
    NoKey: Verify, "the Artifact is signed and no key was given";
    /// The signature does not belong to this manifest and key.
    Signature: Verify, "wrong signature";

    /// Something is larger, longer or more than the limits allow.
    TooLarge: Limit, "too large";
    /// JSON is nested too deeply.
    TooDeep: Limit, "nested too deeply";
    /// There are too many of something.
    TooMany: Limit, "too many";
    /// The memory slice is smaller than the reader needs.
    Memory: Usage, "not enough memory given";

    /// The key file has no key of the wanted kind, or a damaged one.
    Key: Usage, "unusable key";
    /// A setting of a service or device that holds a key is missing or unusable.
    Setting: Usage, "unusable setting";
    /// The Artifact has a signature already and it was not asked to replace it.
    AlreadySigned: Usage, "already signed";
    /// The caller asked to stop.
    Cancelled: Usage, "cancelled";
    /// The caller used an object after it had failed or ended, or asked for nonsense.
    Misuse: Usage, "used against its contract";
}

/// What is done about a problem that need not be the end: `Err` ends with it, `Ok` has noted it and goes on.
pub(crate) type Tell<'t> = &'t mut dyn FnMut(Error) -> Result<(), Error>;

/// An error: a [`Defect`] and the evidence for it.
///
/// Shown as one line, `entry: 'name': message: expected X, found Y (at byte N)`, as far as known.
#[derive(Clone, Debug)]
pub struct Error(Stored);

// With an allocator an error is one pointer; without, it is carried as it is.
#[cfg(feature = "std")]
type Stored = Box<Detail>;
#[cfg(not(feature = "std"))]
type Stored = Detail;

#[derive(Clone, Debug)]
struct Detail {
    defect: Defect,
    entry: Entry,
    name: Option<Excerpt>,
    offset: Option<u64>,
    expected: Evidence,
    found: Evidence,
    #[cfg(feature = "std")]
    path: Option<std::path::PathBuf>,
    #[cfg(feature = "std")]
    source: Option<std::sync::Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error about `entry` without further evidence.
    #[must_use]
    pub fn new(defect: Defect, entry: Entry) -> Self {
        let detail = Detail {
            defect,
            entry,
            name: None,
            offset: None,
            expected: Evidence::None,
            found: Evidence::None,
            #[cfg(feature = "std")]
            path: None,
            #[cfg(feature = "std")]
            source: None,
        };
        #[cfg(feature = "std")]
        let detail = Box::new(detail);
        Self(detail)
    }

    /// Input or output failed while `entry` was being read or written.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn io(entry: Entry, source: std::io::Error) -> Self {
        Self::new(Defect::Io, entry).caused_by(source)
    }

    /// Says which part of the Artifact the error is about.
    #[must_use]
    pub fn in_entry(mut self, entry: Entry) -> Self {
        self.0.entry = entry;
        self
    }

    /// Names the file, key or member that the error is about.
    #[must_use]
    pub fn named(mut self, name: &[u8]) -> Self {
        self.0.name = Some(Excerpt::new(name));
        self
    }

    /// Says where: bytes from the start of the Artifact for the outer archive and its small
    /// members, bytes from the start of the unpacked archive for what is inside one.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.0.offset = Some(offset);
        self
    }

    /// Says what should have been there.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<Evidence>) -> Self {
        self.0.expected = expected.into();
        self
    }

    /// Says what was there.
    #[must_use]
    pub fn found(mut self, found: impl Into<Evidence>) -> Self {
        self.0.found = found.into();
        self
    }

    /// Names the file on this computer that the error is about.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn with_path(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.0.path = Some(path.into());
        self
    }

    /// Keeps the error that led to this one.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(std::sync::Arc::new(source));
        self
    }

    /// Who has to act.
    #[must_use]
    pub fn category(&self) -> Category {
        self.0.defect.category()
    }

    /// What is wrong.
    #[must_use]
    pub fn defect(&self) -> Defect {
        self.0.defect
    }

    /// Which part of the Artifact it is about.
    #[must_use]
    pub fn entry(&self) -> Entry {
        self.0.entry
    }

    /// Where, if known; see [`Error::at`].
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// What should have been there.
    #[must_use]
    pub fn expectation(&self) -> Evidence {
        self.0.expected
    }

    /// What was there.
    #[must_use]
    pub fn finding(&self) -> Evidence {
        self.0.found
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = &self.0;
        #[cfg(feature = "std")]
        let about_file = if let Some(path) = &detail.path {
            write!(f, "{}: ", path.display())?;
            true
        } else {
            false
        };
        #[cfg(not(feature = "std"))]
        let about_file = false;
        if !(about_file && detail.entry == Entry::Artifact) {
            write!(f, "{}: ", detail.entry)?;
        }
        if let Some(name) = &detail.name {
            write!(f, "{name}: ")?;
        }
        f.write_str(detail.defect.message())?;
        let expected = if self.category() == Category::Limit { "limit" } else { "expected" };
        match (detail.expected, detail.found) {
            (Evidence::None, Evidence::None) => {}
            (wanted, Evidence::None) => write!(f, ": {expected} {wanted}")?,
            (Evidence::None, found) => write!(f, ": found {found}")?,
            (wanted, found) => write!(f, ": {expected} {wanted}, found {found}")?,
        }
        if let Some(offset) = detail.offset {
            write!(f, " (at byte {offset})")?;
        }
        Ok(())
    }
}

impl core::error::Error for Error {
    #[cfg(feature = "std")]
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn message_says_entry_name_expected_found_and_offset() {
        let error = Error::new(Defect::Checksum, Entry::PayloadFile(0))
            .named(b"rootfs.ext4\n")
            .expected(&[0xab; 32])
            .found(&[0x01; 32])
            .at(7);
        assert_eq!(
            error.to_string(),
            "data/0000: 'rootfs.ext4?': wrong checksum: expected abababababababab..., \
             found 0101010101010101... (at byte 7)"
        );
        assert_eq!(error.category(), Category::Verify);
    }

    #[test]
    fn a_path_stands_for_the_whole_artifact() {
        let source = std::io::Error::other("disk on fire");
        let error = Error::io(Entry::Artifact, source).with_path("a.mender");
        assert_eq!(error.to_string(), "a.mender: input or output failed");
        assert_eq!(
            core::error::Error::source(&error).map(ToString::to_string).as_deref(),
            Some("disk on fire")
        );
    }

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
