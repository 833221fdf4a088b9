//! What a service did wrong, for the chain of causes below an error.

use std::fmt;

use crate::error::{Defect, Entry, Error};

/// Why there is no usable answer. Nothing secret is in it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServiceError {
    /// No connection, no agreement on TLS, or no answer in time.
    Transport {
        /// What was asked, without a query.
        url: String,
        /// Why not.
        source: Box<ureq::Error>,
    },
    /// The service refused.
    Refused {
        /// What was asked, without a query.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The first words that the service said about it, if any.
        said: String,
    },
    /// The answer is not what the service's documentation promises.
    Answer {
        /// What was asked, without a query.
        url: String,
        /// What should have been in the answer.
        expected: &'static str,
    },
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport { url, .. } => write!(f, "{url}: no answer"),
            Self::Refused { url, status, said } if said.is_empty() => {
                write!(f, "{url}: refused with status {status}")
            }
            Self::Refused { url, status, said } => {
                write!(f, "{url}: refused with status {status}: {said}")
            }
            Self::Answer { url, expected } => write!(f, "{url}: expected {expected} in the answer"),
        }
    }
}

impl std::error::Error for ServiceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<ServiceError> for Error {
    fn from(error: ServiceError) -> Self {
        Self::new(Defect::Service, Entry::Key).caused_by(error)
    }
}
