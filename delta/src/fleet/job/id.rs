//! Names of jobs: nothing that could be guessed from another.

use crate::fleet::digest::Sha256Sum;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;

/// Digits of a job's name.
const LEN: usize = 32;

/// Name of a job: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(String);

impl JobId {
    /// A new one, out of the randomness that the system gives each process for its hash tables.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "a name is no default value")]
    pub fn new() -> Self {
        let mut hash = Sha256::new();
        for round in 0..4_u8 {
            hash.update(RandomState::new().hash_one(round).to_le_bytes());
        }
        let mut name = Sha256Sum(hash.finalize().into()).to_string();
        name.truncate(LEN);
        Self(name)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for JobId {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let is_hexadecimal = name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if name.len() == LEN && is_hexadecimal {
            Ok(Self(name))
        } else {
            Err("name of a job: expected 32 lower-case hexadecimal digits")
        }
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> Self {
        id.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_are_read_again() {
        let (one, other) = (JobId::new(), JobId::new());
        assert_ne!(one, other);
        assert_eq!(JobId::try_from(one.to_string()), Ok(one));
        assert!(JobId::try_from("../../etc/passwd".to_owned()).is_err());
    }
}
