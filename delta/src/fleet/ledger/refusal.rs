//! Why an event is not taken into the ledger.

use std::fmt;

/// What is wrong with an event or with the line that it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The line is longer than a record can be.
    LineTooLong {
        /// Most bytes that a line has.
        limit_bytes: usize,
    },
    /// The line is no record: what the parser says.
    BadRecord(String),
    /// The record is of another version.
    UnsupportedVersion(u32),
    /// The record belongs to another tenant than the one that the ledger was opened for.
    TenantMismatch,
    /// A name is empty, too long or has control characters in it.
    BadName(&'static str),
    /// Not 64 hexadecimal digits.
    BadDigest,
    /// Not a time of RFC 3339 from 1970 to 9999.
    BadTime,
    /// A size is 0 or more than [`MAX_SIZE`](super::record::MAX_SIZE).
    SizeOutOfRange(&'static str),
    /// A field that this event needs is missing.
    Missing(&'static str),
    /// The range ends before it begins.
    BadRange,
    /// The range ends behind the Artifact.
    RangeBeyondArtifact,
    /// More bytes than the range or the Artifact has.
    BytesBeyondRange,
    /// There is an event of this id, with other content.
    IdReused,
    /// What the event says of the download is not what an earlier one said.
    Contradiction(&'static str),
    /// The pieces of this download lie in too many places.
    TooFragmented,
    /// Too many Artifacts for one device in one deployment.
    TooManyArtifacts,
    /// A sum does not fit 63 bits.
    Overflow,
}

impl Refusal {
    /// Stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::LineTooLong { .. } => "line_too_long",
            Self::BadRecord(_) => "bad_record",
            Self::UnsupportedVersion(_) => "unsupported_version",
            Self::TenantMismatch => "tenant_mismatch",
            Self::BadName(_) => "bad_name",
            Self::BadDigest => "bad_digest",
            Self::BadTime => "bad_time",
            Self::SizeOutOfRange(_) => "size_out_of_range",
            Self::Missing(_) => "missing_field",
            Self::BadRange => "bad_range",
            Self::RangeBeyondArtifact => "range_beyond_artifact",
            Self::BytesBeyondRange => "bytes_beyond_range",
            Self::IdReused => "id_reused",
            Self::Contradiction(_) => "contradiction",
            Self::TooFragmented => "too_fragmented",
            Self::TooManyArtifacts => "too_many_artifacts",
            Self::Overflow => "overflow",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code())?;
        match self {
            Self::LineTooLong { limit_bytes } => write!(f, "expected at most {limit_bytes} bytes"),
            Self::BadRecord(why) => f.write_str(why),
            Self::UnsupportedVersion(found) => write!(f, "expected version 1, found {found}"),
            Self::TenantMismatch => f.write_str("the event belongs to another tenant"),
            Self::BadName(field) => write!(f, "{field}: expected 1 to 128 bytes without control characters"),
            Self::BadDigest => f.write_str("artifact_sha256: expected 64 hexadecimal digits"),
            Self::BadTime => f.write_str("expected a time from 1970 to 9999, such as 2026-01-31T12:00:00Z"),
            Self::SizeOutOfRange(field) => write!(f, "{field}: expected 1 to 2^40 bytes"),
            Self::Missing(field) => write!(f, "{field}: expected for this event, found none"),
            Self::BadRange => f.write_str("the range ends before it begins"),
            Self::RangeBeyondArtifact => f.write_str("the range ends behind the artifact"),
            Self::BytesBeyondRange => f.write_str("more bytes than the range has"),
            Self::IdReused => f.write_str("there is another event with this id"),
            Self::Contradiction(field) => {
                write!(f, "{field}: an earlier event of this download says otherwise")
            }
            Self::TooFragmented => f.write_str("the pieces of this download lie in too many places"),
            Self::TooManyArtifacts => f.write_str("too many artifacts for one device in one deployment"),
            Self::Overflow => f.write_str("a sum does not fit 63 bits"),
        }
    }
}

impl std::error::Error for Refusal {}
