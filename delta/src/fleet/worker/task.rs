//! What a worker is given: a job, where its Artifacts are, and where the result goes.

use crate::fleet::digest::Sha256Sum;
use crate::fleet::job::failure::{Failure, Side};
use crate::fleet::job::key::JobKey;
use crate::fleet::job::spec::JobSpec;
use crate::fleet::reason::Reason;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// Version of the JSON form.
pub const VERSION: u32 = 1;
/// Most bytes that a task has as JSON: a NATS server takes messages of 1 MiB.
pub const MAX_LEN: usize = 512 << 10;

/// One job for a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// [`VERSION`].
    pub v: u32,
    /// What is to be made, and for which tenant.
    pub job: JobSpec,
    /// The Artifact that devices have.
    pub from: Source,
    /// The Artifact that they are to get.
    pub to: Source,
    /// Where the result goes besides the worker's store: a file that appears when it is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<PathBuf>,
}

/// Where an Artifact is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A file that the worker can read.
    Path(PathBuf),
    /// An object of the job's tenant in the worker's store, by its SHA-256.
    Object(Sha256Sum),
}

impl Task {
    /// Reads the JSON form. An object that names an input stands for the digest in the job, too.
    ///
    /// # Errors
    /// [`Reason::BadRequest`] when it is longer than [`MAX_LEN`], no such JSON, of another version, or names an input by
    /// two digests.
    pub fn from_json(json: &[u8]) -> Result<Self, Failure> {
        let refuse = |text: String| Err(Failure::because(Reason::BadRequest, text));
        if json.len() > MAX_LEN {
            return refuse(format!("task: {} bytes, expected at most {MAX_LEN}", json.len()));
        }
        // The job is read by itself: it has rules and limits of its own.
        let mut task: Self = match serde_json::from_slice(json) {
            Ok(task) => task,
            Err(error) => return refuse(format!("task: {error}")),
        };
        if task.v != VERSION {
            return refuse(format!("task: v: expected {VERSION}, found {}", task.v));
        }
        task.job = JobSpec::from_json(&serde_json::to_vec(&task.job).unwrap_or_default())?;
        let sides = [
            (Side::From, &task.from, &mut task.job.from_sha256),
            (Side::To, &task.to, &mut task.job.to_sha256),
        ];
        for (side, source, named) in sides {
            let Source::Object(object) = source else { continue };
            if named.is_some_and(|named| named != *object) {
                let text = format!("task: object {object} and another SHA-256 in the job");
                return Err(Failure::because(Reason::BadRequest, text).of(side));
            }
            *named = Some(*object);
        }
        Ok(task)
    }

    /// The JSON form, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The key of the result; known beforehand when both Artifacts are named by their digests.
    #[must_use]
    pub fn key(&self) -> Option<JobKey> {
        let (from, to) = (self.job.from_sha256?, self.job.to_sha256?);
        Some(JobKey::of(&self.job, &from, &to))
    }

    /// What equal tasks have in common: the key of the result, else a digest of the task.
    #[must_use]
    pub fn id(&self) -> String {
        match self.key() {
            Some(key) => key.to_string(),
            None => Sha256Sum(Sha256::digest(self.to_json()).into()).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "0101010101010101010101010101010101010101010101010101010101010101";

    fn read(json: &str) -> Result<Task, String> {
        Task::from_json(json.as_bytes()).map_err(|failure| {
            assert_eq!(failure.reason, Reason::BadRequest);
            failure.to_string()
        })
    }

    #[test]
    fn what_is_written_is_read() {
        let json = format!(
            r#"{{"v":1,"job":{{"v":1,"tenant":"a"}},"from":{{"object":"{FROM}"}},"to":{{"path":"/new"}},"output":"/out"}}"#
        );
        let task = read(&json).unwrap();
        assert_eq!(task.job.from_sha256, Some(FROM.parse().unwrap()));
        assert_eq!(task.key(), None);
        assert_eq!(read(&task.to_json()).as_ref(), Ok(&task));
        let mut both = task.clone();
        both.to = Source::Object(FROM.parse().unwrap());
        let both = read(&both.to_json()).unwrap();
        assert_eq!(both.id(), both.key().unwrap().to_string());
        assert_ne!(both.id(), task.id());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let inputs = r#""from":{"path":"/a"},"to":{"path":"/b"}"#;
        for (json, expected) in [
            ("", "EOF"),
            (r#"{"v":1}"#, "missing field"),
            (&format!(r#"{{"v":2,"job":{{"v":1,"tenant":"a"}},{inputs}}}"#), "v: expected 1, found 2"),
            (&format!(r#"{{"v":1,"job":{{"v":2,"tenant":"a"}},{inputs}}}"#), "v: expected 1, found 2"),
            (&format!(r#"{{"v":1,"job":{{"v":1,"tenant":"../b"}},{inputs}}}"#), "name of a tenant"),
            (&format!(r#"{{"v":1,"job":{{"v":1,"tenant":"a"}},{inputs},"x":1}}"#), "unknown field `x`"),
            (r#"{"v":1,"job":{"v":1,"tenant":"a"},"from":{"url":"x"},"to":{"path":"b"}}"#, "unknown variant"),
            (
                &format!(
                    r#"{{"v":1,"job":{{"v":1,"tenant":"a","to_sha256":"{}"}},"from":{{"path":"a"}},"to":{{"object":"{FROM}"}}}}"#,
                    FROM.replace('1', "2")
                ),
                "another SHA-256",
            ),
        ] {
            let found = read(json).unwrap_err();
            assert!(found.contains(expected), "{json}: {found}");
        }
        assert!(read(&" ".repeat(MAX_LEN + 1)).unwrap_err().contains("at most"));
    }
}
