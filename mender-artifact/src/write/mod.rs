//! The writing half: from a plan to the bytes of an Artifact, format version 3 or 2.
//!
//! Payload files are read once: hashed and compressed side by side into at most one temporary file,
//! because the manifest with their checksums stands before them. Then everything is put together:
//! `version`, `manifest`, `manifest.sig` where there is a signer, `header.tar`, `data/0000.tar`; with
//! `manifest-augment` and `header-augment.tar` where the plan augments its payloads.
//!
//! The bytes depend on the plan and the contents, modes and times of its files alone; not on the
//! number of threads, the time, the time zone, the user or the order of a folder. Owners are 0 and
//! have no names. Payload files and scripts keep their modes and times; a time later than
//! [`WriteOptions::source_date_epoch`] becomes that. Everything else has mode 0600 and the time of
//! `source_date_epoch`, or 1970 without it.

mod artifact;
pub mod defaults;
mod documents;
mod header;
pub mod input;
pub(crate) mod json;
mod payload;
pub mod plan;
pub mod progress;
pub mod script;
mod spool;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

pub use artifact::write_artifact;

use crate::header::ArtifactHeader;
use progress::OnProgress;

/// How an Artifact is written; nothing here but [`source_date_epoch`](Self::source_date_epoch)
/// changes its bytes.
pub struct WriteOptions<'a> {
    /// Where the temporary file is made. Default: the system's folder for such.
    pub spool_directory: PathBuf,
    /// Threads that compress. Default: as many as the machine runs at once.
    pub threads: NonZeroUsize,
    /// Seconds since 1970-01-01 UTC, the number in the environment variable of that name, which
    /// this crate does not look at itself. Default: none.
    pub source_date_epoch: Option<i64>,
    /// Called about every half MiB of payload.
    pub on_progress: Option<OnProgress<'a>>,
    /// Once true, writing ends with [`Defect::Cancelled`](crate::error::Defect::Cancelled).
    pub cancel: Option<&'a AtomicBool>,
}

impl Default for WriteOptions<'_> {
    fn default() -> Self {
        Self {
            spool_directory: std::env::temp_dir(),
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            source_date_epoch: None,
            on_progress: None,
            cancel: None,
        }
    }
}

impl WriteOptions<'_> {
    /// The time of what is generated.
    fn generated_time(&self) -> i64 {
        self.source_date_epoch.unwrap_or(0)
    }

    /// The time of a file of the caller, or what stands for it where nobody knows.
    fn clamp(&self, modified: Option<i64>) -> i64 {
        let modified = modified.unwrap_or_else(|| self.generated_time());
        self.source_date_epoch.map_or(modified, |epoch| modified.min(epoch)).max(0)
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WriteReport {
    /// Size of the Artifact in bytes.
    pub artifact_len_bytes: u64,
    /// What the Artifact says about itself, as a reader will find it.
    pub header: ArtifactHeader,
    /// The manifest: what a signer signs.
    pub manifest: Vec<u8>,
    /// Whether it is signed.
    pub signed: bool,
}
