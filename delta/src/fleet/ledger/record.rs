//! An event as it comes from outside: one JSON object, the same fields in code.

use super::refusal::Refusal;
use serde::{Deserialize, Serialize};

/// Most bytes of an Artifact, of a full Artifact, of a range: 1 TiB.
pub const MAX_SIZE: u64 = 1 << 40;
/// Most bytes of an id or name.
pub const MAX_NAME_LEN: usize = 128;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// The device was told to download the Artifact.
    Assigned,
    /// A request of the device for it was answered.
    Served,
    /// The device has all of it, checked.
    Received,
    /// A request for it broke off; `bytes` had come by then.
    Aborted,
}

/// Which Artifact it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The whole of what is to be installed.
    Full,
    /// The difference to what the device has.
    Delta,
}

/// Where the bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// The server's own storage.
    Origin,
    /// A gateway or cache near the device.
    Gateway,
}

/// One event. docs/ledger.md has a table of the fields and which event needs which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of the record: 1.
    pub v: u32,
    /// What makes the event the same when it is delivered again; 1 to [`MAX_NAME_LEN`] bytes, as all names here.
    pub event_id: String,
    /// Whose it is.
    pub tenant: String,
    /// The deployment.
    pub deployment: String,
    /// The device.
    pub device: String,
    /// SHA-256 of the Artifact that is downloaded, 64 hexadecimal digits.
    pub artifact_sha256: String,
    /// Full Artifact or delta, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// What the delta is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What the Artifact installs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What happened.
    pub event: What,
    /// Where the bytes came from; `served` and `aborted` need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// Which bytes of the Artifact were answered: the first, and the one behind the last. Without it nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[u64; 2]>,
    /// How many bytes were transferred, from the begin of the range on. Without it, all of the range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Bytes of the Artifact, 1 to [`MAX_SIZE`].
    pub artifact_size: u64,
    /// Bytes of the full Artifact that the device would have downloaded instead, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_size: Option<u64>,
    /// When, in RFC 3339.
    pub ts: String,
}

impl Record {
    /// Reads one line.
    ///
    /// # Errors
    /// When it is not the JSON of a record: unknown, missing or doubled fields, numbers that are negative or do not fit.
    pub fn parse(line: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(line).map_err(|error| Refusal::BadRecord(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"v":1,"event_id":"e","tenant":"t","deployment":"d","device":"x","artifact_sha256":"00",
        "event":"served","via":"origin","range":[0,5],"artifact_size":9,"ts":"2026-01-01T00:00:00Z"}"#;

    #[test]
    fn strange_fields_are_refused() {
        assert!(Record::parse(LINE.as_bytes()).is_ok());
        for (from, to) in [
            ("\"v\":1", "\"v\":-1"),
            ("\"v\":1", "\"v\":1,\"w\":1"),
            ("\"v\":1", "\"v\":1,\"v\":1"),
            ("[0,5]", "[-1,5]"),
            ("[0,5]", "[0,5,6]"),
            ("[0,5]", "[0,18446744073709551616]"),
            ("[0,5]", "[0,1e3]"),
            ("origin", "elsewhere"),
            ("served", "Served"),
            ("\"artifact_size\":9", "\"artifact_size\":\"9\""),
        ] {
            let line = LINE.replacen(from, to, 1);
            assert!(matches!(Record::parse(line.as_bytes()), Err(Refusal::BadRecord(_))), "{line}");
        }
    }
}
