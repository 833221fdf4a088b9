//! The delta Artifact of a job as a stream.

use super::failure::Failure;
use super::handle::JobHandle;
use super::spool::work_io;
use std::io::{self, Read, Seek, SeekFrom};

/// Reads the delta Artifact of a job from its begin, beside other readers of the same job.
#[derive(Debug)]
pub struct OutputReader<'j> {
    job: &'j JobHandle,
    at: u64,
}

impl JobHandle {
    /// The delta Artifact as a stream, for storing it elsewhere or for
    /// [`ArtifactSummary::from_artifact`](crate::fleet::catalog::summary::ArtifactSummary::from_artifact). Reading it ends as
    /// [`JobHandle::read`] does.
    #[must_use]
    pub fn output(&self) -> OutputReader<'_> {
        OutputReader { job: self, at: 0 }
    }
}

impl Read for OutputReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let at = self.at;
        let len = self.job.with_output(|file| {
            let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read(buffer));
            read.map_err(|error| work_io(&error))
        });
        let len = len.map_err(|failure: Failure| io::Error::other(failure))?;
        self.at += len as u64;
        Ok(len)
    }
}
