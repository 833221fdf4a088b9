//! Manifests: what is known of many devices, one line of JSON each.

use super::record::{LINE_MAX_BYTES, Record};
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Most lines.
pub(crate) const LINES_MAX: usize = 1_000_000;

/// All records of a manifest.
///
/// # Errors
/// When it cannot be read, has too many or too long lines, or one that is no record.
pub(crate) fn read(path: &Path) -> Result<Vec<Record>, Failure> {
    let failed = |error: &std::io::Error| Failure::io(path, ExitStatus::OpenInput, error);
    let mut reader = BufReader::new(File::open(path).map_err(|error| failed(&error))?);
    let mut records = Vec::new();
    for number in 1.. {
        let wrong =
            |status, message: String| Failure::about(path, status, format!("line {number}: {message}"));
        let mut line = Vec::new();
        let mut limited = reader.by_ref().take(LINE_MAX_BYTES as u64 + 1);
        if limited.read_until(b'\n', &mut line).map_err(|error| failed(&error))? == 0 {
            break;
        }
        if line.len() > LINE_MAX_BYTES {
            let message = format!("larger than the limit: expected at most {LINE_MAX_BYTES} bytes");
            return Err(wrong(ExitStatus::Limit, message));
        }
        if records.len() == LINES_MAX {
            return Err(wrong(ExitStatus::Limit, format!("expected at most {LINES_MAX} lines, found more")));
        }
        let line = std::str::from_utf8(&line)
            .map_err(|_| wrong(ExitStatus::Invalid, "expected text, found other bytes".into()))?;
        records.push(Record::parse(line).map_err(|message| wrong(ExitStatus::Invalid, message))?);
    }
    Ok(records)
}
