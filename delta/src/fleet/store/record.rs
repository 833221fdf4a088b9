//! What a store remembers of a job: which object it made, or why it made none.

use super::error::StoreError;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::job::key::JobKey;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom};

/// Version of the records' JSON.
const VERSION: u32 = 1;
/// Most bytes that a record has.
pub const MAX_RECORD_LEN: usize = 64 << 10;
/// Most bytes of the text of a failure that are kept.
const MAX_TEXT_LEN: usize = 4 << 10;

/// Bytes in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// Their digest, which is their name, too.
    pub sha256: Sha256Sum,
    /// How many they are.
    pub len: u64,
}

impl Object {
    /// What a file has, read from its begin to its end.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(file: &mut File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let (mut hash, mut len, mut block) = (Sha256::new(), 0, vec![0; 256 << 10]);
        loop {
            let read = match file.read(&mut block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if read == 0 {
                return Ok(Self { sha256: Sha256Sum(hash.finalize().into()), len });
            }
            hash.update(&block[..read]);
            len += read as u64;
        }
    }
}

/// What a job came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What it made.
    pub object: Object,
    /// When, in seconds since 1970 UTC, by the publisher's clock.
    pub published: i64,
    /// What else its maker wants to be known of it. Together with the rest at most [`MAX_RECORD_LEN`] bytes of JSON.
    pub note: serde_json::Value,
}

/// Why a job came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastFailure {
    /// Stable word for the reason.
    pub code: String,
    /// For people, one line. What is over 4 KiB is cut off.
    pub text: String,
    /// When it failed, in seconds since 1970 UTC.
    pub failed: i64,
    /// From when on it may be tried again, in seconds since 1970 UTC.
    pub expires: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordFile {
    v: u32,
    key: JobKey,
    object: Object,
    published: i64,
    /// Tells two publications of the same bytes in the same second apart.
    publication: String,
    note: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FailureFile {
    v: u32,
    key: JobKey,
    code: String,
    text: String,
    failed: i64,
    expires: i64,
}

impl Record {
    /// The bytes of a record, and the word that tells this publication from others.
    pub(super) fn encode(&self, key: &JobKey) -> Result<(Vec<u8>, String), StoreError> {
        let publication = nonce();
        let file = RecordFile {
            v: VERSION,
            key: *key,
            object: self.object,
            published: self.published,
            publication: publication.clone(),
            note: self.note.clone(),
        };
        let bytes = serde_json::to_vec(&file).map_err(|error| StoreError::record(key, error))?;
        if bytes.len() > MAX_RECORD_LEN {
            return Err(StoreError::record(
                key,
                format!("expected at most {MAX_RECORD_LEN} bytes, found {}", bytes.len()),
            ));
        }
        Ok((bytes, publication))
    }

    /// Reads what [`encode`](Self::encode) made.
    pub(super) fn decode(path: &Path, key: &JobKey, bytes: &[u8]) -> Result<(Self, String), StoreError> {
        let file: RecordFile =
            serde_json::from_slice(bytes).map_err(|error| StoreError::record(path, error))?;
        belongs(path, key, file.v, &file.key)?;
        let record = Record { object: file.object, published: file.published, note: file.note };
        Ok((record, file.publication))
    }
}

impl PastFailure {
    /// Whether it still counts at `now`, in seconds since 1970 UTC. A clock that was set back far does not make it count for
    /// longer than it was meant to.
    pub(super) fn holds(&self, now: i64) -> bool {
        let lifetime = self.expires.saturating_sub(self.failed);
        now < self.expires && now >= self.failed.saturating_sub(lifetime)
    }

    pub(super) fn encode(&self, key: &JobKey) -> Result<Vec<u8>, StoreError> {
        let mut text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        while text.len() > MAX_TEXT_LEN {
            text.pop();
        }
        let file = FailureFile {
            v: VERSION,
            key: *key,
            code: self.code.clone(),
            text,
            failed: self.failed,
            expires: self.expires,
        };
        serde_json::to_vec(&file).map_err(|error| StoreError::record(key, error))
    }

    pub(super) fn decode(path: &Path, key: &JobKey, bytes: &[u8]) -> Result<Self, StoreError> {
        let file: FailureFile =
            serde_json::from_slice(bytes).map_err(|error| StoreError::record(path, error))?;
        belongs(path, key, file.v, &file.key)?;
        Ok(PastFailure { code: file.code, text: file.text, failed: file.failed, expires: file.expires })
    }
}

/// A record under another's name would have another tenant's or job's bytes delivered.
fn belongs(path: &Path, key: &JobKey, version: u32, found: &JobKey) -> Result<(), StoreError> {
    if version != VERSION {
        return Err(StoreError::record(path, format!("expected version {VERSION}, found {version}")));
    }
    if found != key {
        return Err(StoreError::record(path, format!("expected key {key}, found {found}")));
    }
    Ok(())
}

/// 128 bits that are different each time.
pub(super) fn nonce() -> String {
    let word = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", word(), word())
}
