//! The list of devices to make: a table with a line of headings, a column with their names, and one for each attribute
//! of their identity.

use super::csv;
use super::device::Device;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::read_small_or_standard;
use std::collections::HashMap;
use std::path::Path;

/// Largest list.
const FILE_MAX_BYTES: u64 = 128 << 20;
/// Most devices of one list.
const DEVICES_MAX: usize = 1_000_000;
/// The heading of the names where nobody says another. Its column is no part of the identity.
const DEFAULT_COLUMN: &str = "device";

/// The devices in a file, in its order. With `column` the names stand in the column with that heading, which is a part
/// of the identity, too.
///
/// # Errors
/// Whatever is wrong with the list, before anything is made of it: what [`csv::parse`] refuses, no column with names,
/// a device that [`Device::new`] refuses, and two devices with one name or one identity. Names that differ only in
/// case count as one: not all file systems tell them apart.
pub(crate) fn read(path: &Path, column: Option<&str>) -> Result<Vec<Device>, Failure> {
    let bytes = read_small_or_standard(path, FILE_MAX_BYTES, ExitStatus::OpenInput)?;
    parse(&bytes, column).map_err(|message| Failure::about(path, ExitStatus::Invalid, message))
}

fn parse(bytes: &[u8], column: Option<&str>) -> Result<Vec<Device>, String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("expected UTF-8, found other bytes from byte {}", error.valid_up_to()))?;
    let mut rows = csv::parse(text, DEVICES_MAX + 1)?.into_iter();
    let headings = rows.next().ok_or("expected a line of headings, found nothing")?.fields;
    let wanted = column.unwrap_or(DEFAULT_COLUMN);
    if let Some(twice) = headings.iter().enumerate().find(|(index, name)| headings[..*index].contains(name)) {
        return Err(format!("line 1: expected each heading once, found '{}' twice", twice.1));
    }
    let Some(name_at) = headings.iter().position(|heading| heading == wanted) else {
        return Err(format!("line 1: expected a column '{wanted}', found {}", headings.join(", ")));
    };
    let mut devices = Vec::new();
    let mut names = HashMap::new();
    let mut identities: HashMap<Vec<(String, String)>, usize> = HashMap::new();
    for row in rows {
        let line = row.line;
        let name = row.fields.get(name_at).cloned().unwrap_or_default();
        let attributes = headings.iter().cloned().zip(row.fields).enumerate();
        let identity: Vec<(String, String)> = attributes
            .filter(|(index, _)| *index != name_at || column.is_some())
            .map(|(_, attribute)| attribute)
            .collect();
        let device = Device::new(name, identity).map_err(|message| format!("line {line}: {message}"))?;
        if let Some(before) = names.insert(device.name.to_lowercase(), line) {
            return Err(format!(
                "line {line}: expected each device once, found '{}' in line {before}, too",
                device.name
            ));
        }
        if !device.identity.is_empty() {
            if let Some(before) = identities.insert(device.identity.clone(), line) {
                return Err(format!(
                    "line {line}: expected an identity of its own, found that of line {before}"
                ));
            }
        }
        devices.push(device);
    }
    Ok(devices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_identities_come_from_their_columns() {
        let devices = parse(b"mac,device,site\n02:01,b1,x\n02:02,b2,\"y, z\"\n", None).unwrap();
        assert_eq!(devices.len(), 2);
        assert_eq!(devices[1].name, "b2");
        assert_eq!(devices[1].identity, [("mac".into(), "02:02".into()), ("site".into(), "y, z".into())]);
        let devices = parse(b"mac\n02:01\n", Some("mac")).unwrap();
        assert_eq!(devices[0].name, "02:01");
        assert_eq!(devices[0].identity, [("mac".into(), "02:01".into())]);
        assert!(parse(b"device\na\nb\n", None).unwrap()[1].identity.is_empty());
    }

    #[test]
    fn doubtful_lists_are_refused() {
        for (text, says) in [
            (&b""[..], "expected a line of headings"),
            (b"mac\n1\n", "line 1: expected a column 'device', found mac"),
            (b"device,device\n1,2\n", "line 1: expected each heading once, found 'device' twice"),
            (b"device\na\nb\na\n", "line 4: expected each device once, found 'a' in line 2, too"),
            (b"device\na\nA\n", "line 3: expected each device once"),
            (b"device,mac\na,1\nb,1\n", "line 3: expected an identity of its own, found that of line 2"),
            (b"device,mac\na,\n", "line 2: identity: 'mac': expected 1 to 1024 bytes, found 0"),
            (b"device,mac\n,1\n", "line 2: name of a device"),
            (b"device\n\xff\n", "expected UTF-8, found other bytes from byte 7"),
        ] {
            let said = parse(text, None).unwrap_err();
            assert!(said.starts_with(says), "{said}");
        }
    }
}
