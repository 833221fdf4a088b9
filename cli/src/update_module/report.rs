//! What a download has done, for the client's log and for a file that other programs read.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::error::Error;
use super::image_writer::Counts;
use super::journal::replace;

/// A download that has succeeded.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) image_bytes: u64,
    pub(crate) delta_bytes: u64,
    pub(crate) partition: PathBuf,
    pub(crate) counts: Counts,
    /// What the journal knew of an earlier attempt.
    pub(crate) before_bytes: Option<u64>,
    /// Blocks of the base that were read from `RepairFrom`.
    pub(crate) repaired_blocks: u64,
    /// Bytes that a server has sent for that.
    pub(crate) fetched_bytes: u64,
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partition = self.partition.display();
        write!(
            f,
            "a delta of {} bytes gave an image of {} bytes, which {partition} holds: {} bytes written, {} were there",
            self.delta_bytes, self.image_bytes, self.counts.written, self.counts.kept
        )
    }
}

/// Writes the report of a download to the configured file.
///
/// # Errors
///
/// The file cannot be written.
pub(crate) fn write(path: &Path, outcome: Result<&Installed, &Error>) -> std::io::Result<()> {
    let report = match outcome {
        Ok(installed) => json!({
            "result": "success",
            "partition": installed.partition.to_string_lossy(),
            "delta_bytes": installed.delta_bytes,
            "image_bytes": installed.image_bytes,
            "written_bytes": installed.counts.written,
            "kept_bytes": installed.counts.kept,
            "bytes_of_interrupted_attempt": installed.before_bytes,
            "repaired_blocks": installed.repaired_blocks,
            "repair_fetched_bytes": installed.fetched_bytes,
        }),
        Err(error) => json!({ "result": "failure", "error": error.to_string() }),
    };
    replace(path, format!("{report}\n").as_bytes())
}
