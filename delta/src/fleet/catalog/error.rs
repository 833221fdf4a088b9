//! Why something is not taken into a catalog, or a question not answered.

use crate::fleet::tenant::TenantId;
use std::fmt;

/// What is wrong. [`CatalogError::code`] never changes its meaning.
#[derive(Debug)]
#[non_exhaustive]
pub enum CatalogError {
    /// A document is no JSON, or not of the form that is expected.
    Json {
        /// What the document is about.
        what: &'static str,
        /// What the parser says.
        reason: String,
    },
    /// Input wants more than is granted.
    Limit {
        /// What is limited.
        what: &'static str,
        /// What the input wants, as far as it was counted.
        wanted: u64,
        /// What is granted.
        limit: u64,
    },
    /// A field that cannot be right.
    Field {
        /// The Artifact or device.
        of: String,
        /// Name of the field, as in JSON.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is; long values are cut.
        found: String,
    },
    /// Another Artifact has this identifier.
    IdTaken {
        /// The identifier.
        id: String,
    },
    /// The data of one tenant was offered for another one.
    TenantMismatch {
        /// Whose the catalog is.
        expected: TenantId,
        /// Whose the question is.
        found: TenantId,
    },
    /// An Artifact cannot be read.
    Artifact(mender_artifact::error::Error),
    /// Reading failed.
    Io(std::io::Error),
}

impl CatalogError {
    /// One lower-case word that programs can rely on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json { .. } => "bad_json",
            Self::Limit { .. } => "limit",
            Self::Field { .. } => "bad_field",
            Self::IdTaken { .. } => "id_taken",
            Self::TenantMismatch { .. } => "tenant_mismatch",
            Self::Artifact(_) => "bad_artifact",
            Self::Io(_) => "input_io",
        }
    }

    pub(crate) fn limit(what: &'static str, wanted: usize, limit: usize) -> Self {
        Self::Limit { what, wanted: wanted as u64, limit: limit as u64 }
    }

    pub(crate) fn field(of: &str, field: &'static str, expected: &'static str, found: &str) -> Self {
        Self::Field { of: cut(of), field, expected, found: cut(found) }
    }
}

/// The begin of a text, for messages.
pub(crate) fn cut(text: &str) -> String {
    const LEN: usize = 80;
    if text.len() <= LEN {
        return text.to_owned();
    }
    let end = (0..=LEN).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", &text[..end])
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { what, reason } => write!(f, "{what}: {reason}"),
            Self::Limit { what, wanted, limit } => {
                write!(f, "{what}: expected at most {limit}, found {wanted}")
            }
            Self::Field { of, field, expected, found } => {
                write!(f, "{of}: {field}: expected {expected}, found '{found}'")
            }
            Self::IdTaken { id } => write!(f, "{id}: id of another artifact"),
            Self::TenantMismatch { expected, found } => {
                write!(f, "catalog of tenant {expected}, question of tenant {found}")
            }
            Self::Artifact(_) => write!(f, "the artifact cannot be read"),
            Self::Io(_) => write!(f, "reading failed"),
        }
    }
}

impl std::error::Error for CatalogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Artifact(error) => Some(error),
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}
