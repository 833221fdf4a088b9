//! What a fleet reports, read device by device: JSON lines, or comma-separated values whose first line has the keys.

use super::csv;
use crate::fleet::catalog::device::Device;
use crate::fleet::catalog::error::CatalogError;
use crate::fleet::catalog::limits::{MAX_DOCUMENT_LEN, MAX_KEYS};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, Read as _};

/// What is wrong, and in which line.
#[derive(Debug)]
pub struct InputError {
    /// Number of the line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub error: CatalogError,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.error)
    }
}

impl std::error::Error for InputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.error)
    }
}

/// Gives every device of `input` to `each`, with what it reports under `keys` (sorted) or, without them, under any key.
/// Empty lines and empty values count for nothing; `count` says that a line stands for so many devices. At no time more
/// than one line is in memory. How many lines there were with a device.
///
/// # Errors
/// What is wrong with a line, and what `each` says. Nothing is read any more then.
pub fn read_fleet(
    input: impl BufRead,
    keys: Option<&[String]>,
    each: &mut dyn FnMut(Device) -> Result<(), CatalogError>,
) -> Result<u64, InputError> {
    let mut lines = Lines { input, line: Vec::new(), number: 0 };
    let mut header: Option<Vec<String>> = None;
    let (mut is_csv, mut devices) = (None, 0);
    while let Some(line) = lines.next()? {
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        let read = match *is_csv.get_or_insert(!text.starts_with(b"{")) {
            false => Device::read(text, keys),
            true => match &header {
                None => {
                    header = Some(csv_header(text).map_err(|error| lines.wrong(error))?);
                    continue;
                }
                Some(header) => csv_device(header, text, keys),
            },
        };
        let device = read.and_then(|device| {
            let has_type = !device.device_type().is_empty();
            let of = || device.id.clone().unwrap_or_else(|| "device".to_owned());
            let missing = || CatalogError::field(&of(), "device_type", "the type of the device", "");
            if has_type { Ok(()) } else { Err(missing()) }?;
            Ok(device)
        });
        device.and_then(&mut *each).map_err(|error| lines.wrong(error))?;
        devices += 1;
    }
    Ok(devices)
}

/// Lines of bounded length.
struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<&[u8]>, InputError> {
        self.line.clear();
        self.number += 1;
        let most = MAX_DOCUMENT_LEN as u64 + 1;
        let read = loop {
            match self.input.by_ref().take(most).read_until(b'\n', &mut self.line) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        match read {
            Err(error) => Err(self.wrong(CatalogError::Io(error))),
            Ok(0) => Ok(None),
            Ok(_) if self.line.len() > MAX_DOCUMENT_LEN => {
                Err(self.wrong(CatalogError::limit("line, bytes", self.line.len(), MAX_DOCUMENT_LEN)))
            }
            Ok(_) => Ok(Some(&self.line)),
        }
    }

    fn wrong(&self, error: CatalogError) -> InputError {
        InputError { line: self.number, error }
    }
}

fn csv_fields(line: &[u8]) -> Result<Vec<String>, CatalogError> {
    let wrong = |expected| CatalogError::field("device", "line", expected, &String::from_utf8_lossy(line));
    let text = std::str::from_utf8(line).map_err(|_| wrong("text in UTF-8"))?;
    csv::fields(text).ok_or_else(|| wrong("quotation marks in pairs"))
}

fn csv_header(line: &[u8]) -> Result<Vec<String>, CatalogError> {
    let keys = csv_fields(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line))?;
    if keys.len() > MAX_KEYS {
        return Err(CatalogError::limit("columns", keys.len(), MAX_KEYS));
    }
    let mut sorted: Vec<&String> = keys.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|two| two[0] == two[1]) {
        Some(two) => Err(CatalogError::field("first line", "key", "each key once", two[0])),
        None if !keys.iter().any(|key| key == "device_type") => {
            let found = String::from_utf8_lossy(line);
            Err(CatalogError::field("first line", "keys", "device_type among them, or JSON lines", &found))
        }
        None => Ok(keys),
    }
}

fn csv_device(header: &[String], line: &[u8], keys: Option<&[String]>) -> Result<Device, CatalogError> {
    let values = csv_fields(line)?;
    if values.len() != header.len() {
        let (expected, found) = ("as many values as the first line has keys", values.len().to_string());
        return Err(CatalogError::field("device", "values", expected, &found));
    }
    let mut device = Device { id: None, provides: BTreeMap::new(), count: 1 };
    for (key, value) in header.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
        match key.as_str() {
            "id" | "device_id" => device.id = Some(value),
            "count" => {
                let count = value.parse().ok().filter(|count| *count > 0);
                device.count = count
                    .ok_or_else(|| CatalogError::field("device", "count", "a number above 0", &value))?;
            }
            _ if keys.is_some_and(|keys| keys.binary_search(key).is_err()) => {}
            _ => {
                device.provides.insert(key.clone(), value);
            }
        }
    }
    Ok(device)
}
