//! Inputs: a file, or `-` for standard input.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The name that stands for standard input and output.
pub(crate) const STANDARD: &str = "-";

/// Standard input, which one command reads for one purpose only.
pub(crate) fn standard() -> Result<io::StdinLock<'static>, Failure> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Err(Failure::usage("expected one - at most, found two: standard input is read once"));
    }
    Ok(io::stdin().lock())
}

/// An opened input.
pub(crate) struct Input {
    reader: Box<dyn Read>,
    /// Size in bytes, where it is known beforehand.
    pub(crate) size: Option<u64>,
}

impl Input {
    /// Opens a file, or standard input for `-`.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new(STANDARD) {
            return Ok(Self { reader: Box::new(standard()?), size: None });
        }
        let failed = |error: &io::Error| Failure::io(path, ExitStatus::OpenInput, error);
        let file = File::open(path).map_err(|error| failed(&error))?;
        let meta = file.metadata().map_err(|error| failed(&error))?;
        if meta.is_dir() {
            return Err(Failure::about(path, ExitStatus::OpenInput, "is a directory"));
        }
        let size = meta.is_file().then_some(meta.len());
        Ok(Self { reader: Box::new(file), size })
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

/// Reads a small file whole, such as a key. More than `limit_bytes` is refused.
pub(crate) fn read_small(path: &Path, limit_bytes: u64, status: ExitStatus) -> Result<Vec<u8>, Failure> {
    let file = File::open(path).map_err(|error| Failure::io(path, status, &error))?;
    read_whole(path, file, limit_bytes, status)
}

/// The same, with `-` for standard input.
pub(crate) fn read_small_or_standard(
    path: &Path,
    limit_bytes: u64,
    status: ExitStatus,
) -> Result<Vec<u8>, Failure> {
    if path == Path::new(STANDARD) {
        return read_whole(path, standard()?, limit_bytes, status);
    }
    read_small(path, limit_bytes, status)
}

fn read_whole(
    path: &Path,
    file: impl Read,
    limit_bytes: u64,
    status: ExitStatus,
) -> Result<Vec<u8>, Failure> {
    let failed = |error: &io::Error| Failure::io(path, status, error);
    let mut bytes = Vec::new();
    file.take(limit_bytes + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > limit_bytes {
        return Err(Failure::about(
            path,
            status,
            format!("larger than the limit: expected at most {limit_bytes} bytes"),
        ));
    }
    Ok(bytes)
}

/// An existing file where one is needed that can be read at any place.
pub(crate) fn existing_file(path: &Path) -> Result<PathBuf, Failure> {
    let meta = std::fs::metadata(path).map_err(|error| Failure::io(path, ExitStatus::OpenInput, &error))?;
    if meta.is_dir() {
        return Err(Failure::about(path, ExitStatus::OpenInput, "is a directory"));
    }
    Ok(path.to_path_buf())
}
