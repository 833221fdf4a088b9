//! Content that goes into an image: a file, or standard input.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::{STANDARD, standard};
use mender_image::edit::attributes::Attributes;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Mode of what comes from standard input.
const STREAM_MODE: u16 = 0o600;
/// Content of streams that stays in memory.
const MEMORY_MAX_BYTES: usize = 8 << 20;

/// Something that can be read again, for several file systems.
pub(in crate::commands) enum Content {
    File(File),
    Spooled(tempfile::SpooledTempFile),
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Spooled(spool) => spool.read(buffer),
        }
    }
}

impl Seek for Content {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Spooled(spool) => spool.seek(to),
        }
    }
}

/// Opens `path`, or takes standard input for `-`; with the mode and time of the file, and owned by root.
pub(in crate::commands) fn open(path: &Path) -> Result<(Content, Attributes), Failure> {
    if path == Path::new(STANDARD) {
        let content = spooled(path, &mut standard()?)?;
        return Ok((content, Attributes::of_root(STREAM_MODE, now()?)));
    }
    let failed = |error: &io::Error| Failure::io(path, ExitStatus::OpenInput, error);
    let mut file = File::open(path).map_err(|error| failed(&error))?;
    let meta = file.metadata().map_err(|error| failed(&error))?;
    if meta.is_dir() {
        return Err(Failure::about(path, ExitStatus::OpenInput, "is a directory"));
    }
    if !meta.is_file() {
        let content = spooled(path, &mut file)?;
        return Ok((content, Attributes::of_root(STREAM_MODE, now()?)));
    }
    let modified = meta.modified().map_or(0, |time| match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
    });
    Ok((Content::File(file), Attributes::of_root(mode(&meta), modified)))
}

#[cfg(unix)]
fn mode(meta: &std::fs::Metadata) -> u16 {
    use std::os::unix::fs::MetadataExt;
    u16::try_from(meta.mode() & 0o7777).unwrap_or(0o644)
}

/// Where files have no mode, what most of them have.
#[cfg(not(unix))]
fn mode(_: &std::fs::Metadata) -> u16 {
    0o644
}

fn spooled(path: &Path, stream: &mut dyn Read) -> Result<Content, Failure> {
    let mut spool = tempfile::spooled_tempfile(MEMORY_MAX_BYTES);
    io::copy(stream, &mut spool).map_err(|error| Failure::io(path, ExitStatus::System, &error))?;
    Ok(Content::Spooled(spool))
}

/// The time of what is made: SOURCE_DATE_EPOCH, else now.
pub(in crate::commands) fn now() -> Result<i64, Failure> {
    if let Some(seconds) = crate::commands::write::source_date_epoch()? {
        return Ok(seconds);
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
}
