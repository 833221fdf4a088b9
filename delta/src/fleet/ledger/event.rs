//! An event that has been checked, in the form in which it is kept.

use super::record::{Kind, MAX_NAME_LEN, MAX_SIZE, Record, Via, What};
use super::refusal::Refusal;
use super::time;
use crate::fleet::tenant::TenantId;
use sha2::{Digest, Sha256};

/// First half of the SHA-256 of what an event says: tells an event that is delivered again from another of the same id.
pub(crate) type Content = [u8; 16];

/// An event of one tenant. All sizes are within their bounds, and bytes are within the range and the Artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) content: Content,
    pub(crate) deployment: String,
    pub(crate) device: String,
    pub(crate) artifact: [u8; 32],
    pub(crate) facts: Facts,
    pub(crate) what: What,
    pub(crate) via: Option<Via>,
    /// Where in the Artifact the bytes begin, if that is known.
    pub(crate) start: Option<i64>,
    /// Bytes transferred.
    pub(crate) bytes: i64,
    /// Milliseconds since 1970.
    pub(crate) ts: i64,
}

/// What all events of one download agree about, as far as they say anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) artifact_size: i64,
    pub(crate) full_size: Option<i64>,
    pub(crate) kind: Option<Kind>,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
}

impl Facts {
    /// What is known with `other`, too; changes nothing when they do not agree.
    pub(crate) fn learn(&mut self, other: &Self) -> Result<(), Refusal> {
        if self.artifact_size != other.artifact_size {
            return Err(Refusal::Contradiction("artifact_size"));
        }
        agree(&self.full_size, &other.full_size, "full_size")?;
        agree(&self.kind, &other.kind, "kind")?;
        agree(&self.from, &other.from, "from")?;
        agree(&self.to, &other.to, "to")?;
        let (kind, full_size) = (self.kind.or(other.kind), self.full_size.or(other.full_size));
        full_is_full(kind, full_size, self.artifact_size)?;
        (self.kind, self.full_size) = (kind, full_size);
        self.from = self.from.take().or_else(|| other.from.clone());
        self.to = self.to.take().or_else(|| other.to.clone());
        Ok(())
    }

    /// Bytes of the full Artifact, if that is known.
    pub(crate) fn full(&self) -> Option<i64> {
        self.full_size.or(if self.kind == Some(Kind::Full) { Some(self.artifact_size) } else { None })
    }
}

fn agree<T: PartialEq>(one: &Option<T>, other: &Option<T>, field: &'static str) -> Result<(), Refusal> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(Refusal::Contradiction(field)),
        _ => Ok(()),
    }
}

/// The size of a full Artifact is its full size.
fn full_is_full(kind: Option<Kind>, full_size: Option<i64>, artifact_size: i64) -> Result<(), Refusal> {
    match full_size {
        Some(full_size) if kind == Some(Kind::Full) && full_size != artifact_size => {
            Err(Refusal::Contradiction("full_size"))
        }
        _ => Ok(()),
    }
}

impl Event {
    /// Checks all fields of a record.
    pub(crate) fn check(tenant: &TenantId, record: Record) -> Result<Self, Refusal> {
        let ts = time::parse(&record.ts);
        Self::check_at(tenant, record, ts?)
    }

    /// The same with a time that was read elsewhere.
    pub(crate) fn check_at(tenant: &TenantId, record: Record, ts: i64) -> Result<Self, Refusal> {
        if record.v != 1 {
            return Err(Refusal::UnsupportedVersion(record.v));
        }
        if record.tenant != tenant.as_str() {
            return Err(Refusal::TenantMismatch);
        }
        name("event_id", &record.event_id)?;
        name("deployment", &record.deployment)?;
        name("device", &record.device)?;
        record.from.as_ref().map_or(Ok(()), |from| name("from", from))?;
        record.to.as_ref().map_or(Ok(()), |to| name("to", to))?;
        let artifact = digest(&record.artifact_sha256).ok_or(Refusal::BadDigest)?;
        let artifact_size = size("artifact_size", record.artifact_size)?;
        let full_size = record.full_size.map(|full| size("full_size", full)).transpose()?;
        full_is_full(record.kind, full_size, artifact_size)?;
        let (start, bytes) = transferred(&record, artifact_size)?;
        let facts = Facts { artifact_size, full_size, kind: record.kind, from: record.from, to: record.to };
        let mut event = Self {
            id: record.event_id,
            content: [0; 16],
            deployment: record.deployment,
            device: record.device,
            artifact,
            facts,
            what: record.event,
            via: record.via,
            start,
            bytes,
            ts,
        };
        event.content = event.digest();
        Ok(event)
    }

    /// Digest of all fields but the id, each with its length before it.
    fn digest(&self) -> Content {
        let mut hash = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        field(self.deployment.as_bytes());
        field(self.device.as_bytes());
        field(&self.artifact);
        field(&[
            code_of_what(self.what),
            code_of_kind(self.facts.kind),
            self.via.map_or(0, |via| 1 + code_of_via(via)),
        ]);
        for text in [&self.facts.from, &self.facts.to] {
            field(&[u8::from(text.is_some())]);
            field(text.as_deref().unwrap_or_default().as_bytes());
        }
        for number in [
            self.facts.artifact_size,
            self.facts.full_size.unwrap_or(-1),
            self.start.unwrap_or(-1),
            self.bytes,
            self.ts,
        ] {
            field(&number.to_le_bytes());
        }
        let mut content = [0; 16];
        content.copy_from_slice(&hash.finalize()[..16]);
        content
    }
}

/// Number that stands for what happened.
pub(crate) fn code_of_what(what: What) -> u8 {
    match what {
        What::Assigned => 0,
        What::Served => 1,
        What::Received => 2,
        What::Aborted => 3,
    }
}

/// The other way.
pub(crate) fn what_of_code(code: i64) -> Option<What> {
    [What::Assigned, What::Served, What::Received, What::Aborted].get(usize::try_from(code).ok()?).copied()
}

/// Number that stands for the kind of an Artifact; 0 where it is not known.
pub(crate) fn code_of_kind(kind: Option<Kind>) -> u8 {
    match kind {
        None => 0,
        Some(Kind::Full) => 1,
        Some(Kind::Delta) => 2,
    }
}

/// The other way.
pub(crate) fn kind_of_code(code: i64) -> Option<Option<Kind>> {
    [None, Some(Kind::Full), Some(Kind::Delta)].get(usize::try_from(code).ok()?).copied()
}

/// Number that stands for where bytes came from.
pub(crate) fn code_of_via(via: Via) -> u8 {
    match via {
        Via::Origin => 0,
        Via::Gateway => 1,
    }
}

/// The other way.
pub(crate) fn via_of_code(code: i64) -> Option<Via> {
    [Via::Origin, Via::Gateway].get(usize::try_from(code).ok()?).copied()
}

fn name(field: &'static str, text: &str) -> Result<(), Refusal> {
    let sound = (1..=MAX_NAME_LEN).contains(&text.len()) && !text.chars().any(char::is_control);
    if sound { Ok(()) } else { Err(Refusal::BadName(field)) }
}

fn size(field: &'static str, bytes: u64) -> Result<i64, Refusal> {
    match i64::try_from(bytes) {
        Ok(size) if (1..=MAX_SIZE).contains(&bytes) => Ok(size),
        _ => Err(Refusal::SizeOutOfRange(field)),
    }
}

/// 32 bytes out of 64 hexadecimal digits.
pub(crate) fn digest(text: &str) -> Option<[u8; 32]> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

/// Where the bytes begin, if that is known, and how many they are.
fn transferred(record: &Record, artifact_size: i64) -> Result<(Option<i64>, i64), Refusal> {
    let bytes = match record.bytes {
        Some(bytes) => Some(i64::try_from(bytes).map_err(|_| Refusal::BytesBeyondRange)?),
        None => None,
    };
    let range = match record.range {
        Some([start, end]) if start > end => return Err(Refusal::BadRange),
        Some([start, end]) => {
            let end = i64::try_from(end).ok().filter(|end| *end <= artifact_size);
            let end = end.ok_or(Refusal::RangeBeyondArtifact)?;
            Some((i64::try_from(start).map_err(|_| Refusal::RangeBeyondArtifact)?, end))
        }
        None => None,
    };
    let most = range.map_or(artifact_size, |(start, end)| end - start);
    let bytes = bytes.or(range.map(|_| most));
    if bytes.is_some_and(|bytes| bytes > most) {
        return Err(Refusal::BytesBeyondRange);
    }
    if record.event == What::Served || record.event == What::Aborted {
        if record.via.is_none() {
            return Err(Refusal::Missing("via"));
        }
        if record.event == What::Served && bytes.is_none() {
            return Err(Refusal::Missing("bytes"));
        }
    }
    Ok((range.map(|(start, _)| start), bytes.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn record() -> Record {
        Record {
            v: 1,
            event_id: "e".into(),
            tenant: "t".into(),
            deployment: "d".into(),
            device: "x".into(),
            artifact_sha256: "aB".repeat(32),
            kind: None,
            from: None,
            to: None,
            event: What::Served,
            via: Some(Via::Gateway),
            range: Some([10, 20]),
            bytes: None,
            artifact_size: 20,
            full_size: None,
            ts: "2026-01-01T00:00:00Z".into(),
        }
    }

    fn checked(change: impl FnOnce(&mut Record)) -> Result<Event, Refusal> {
        let mut record = record();
        change(&mut record);
        Event::check(&TenantId::new("t").unwrap(), record)
    }

    #[test]
    fn bytes_begin_where_the_range_does() {
        assert_eq!(checked(|_| ()).map(|event| (event.start, event.bytes)), Ok((Some(10), 10)));
        assert_eq!(checked(|r| r.bytes = Some(3)).map(|event| (event.start, event.bytes)), Ok((Some(10), 3)));
        let unplaced = checked(|r| (r.range, r.bytes) = (None, Some(3)));
        assert_eq!(unplaced.map(|event| (event.start, event.bytes)), Ok((None, 3)));
    }

    #[test]
    fn each_bad_field_has_its_reason() {
        let code = |change: fn(&mut Record)| checked(change).unwrap_err().code();
        assert_eq!(code(|r| r.v = 2), "unsupported_version");
        assert_eq!(code(|r| r.tenant = "u".into()), "tenant_mismatch");
        assert_eq!(code(|r| r.event_id = String::new()), "bad_name");
        assert_eq!(code(|r| r.device = "a\nb".into()), "bad_name");
        assert_eq!(code(|r| r.to = Some("x".repeat(129))), "bad_name");
        assert_eq!(code(|r| r.artifact_sha256 = "ab".into()), "bad_digest");
        assert_eq!(code(|r| r.artifact_sha256 = "é".repeat(32)), "bad_digest");
        assert_eq!(code(|r| r.artifact_size = 0), "size_out_of_range");
        assert_eq!(code(|r| r.artifact_size = u64::MAX), "size_out_of_range");
        assert_eq!(code(|r| r.full_size = Some(MAX_SIZE + 1)), "size_out_of_range");
        assert_eq!(code(|r| r.range = Some([20, 10])), "bad_range");
        assert_eq!(code(|r| r.range = Some([10, 21])), "range_beyond_artifact");
        assert_eq!(code(|r| r.range = Some([10, u64::MAX])), "range_beyond_artifact");
        assert_eq!(code(|r| r.bytes = Some(11)), "bytes_beyond_range");
        assert_eq!(code(|r| r.bytes = Some(u64::MAX)), "bytes_beyond_range");
        assert_eq!(code(|r| (r.range, r.bytes) = (None, Some(21))), "bytes_beyond_range");
        assert_eq!(code(|r| r.range = None), "missing_field");
        assert_eq!(code(|r| r.via = None), "missing_field");
        assert_eq!(code(|r| r.ts = "yesterday".into()), "bad_time");
        assert_eq!(code(|r| (r.kind, r.full_size) = (Some(Kind::Full), Some(21))), "contradiction");
    }

    #[test]
    fn each_field_is_in_the_digest() {
        let of = |change: fn(&mut Record)| checked(change).unwrap().content;
        let changes: [fn(&mut Record); 13] = [
            |_| (),
            |r| r.deployment = "dx".into(),
            |r| (r.deployment, r.device) = ("dx".into(), "y".into()),
            |r| r.artifact_sha256 = "ac".repeat(32),
            |r| r.kind = Some(Kind::Delta),
            |r| r.from = Some("a".into()),
            |r| r.to = Some("a".into()),
            |r| r.event = What::Aborted,
            |r| r.via = Some(Via::Origin),
            |r| r.range = Some([9, 19]),
            |r| r.bytes = Some(9),
            |r| r.artifact_size = 21,
            |r| r.full_size = Some(21),
        ];
        let digests: std::collections::HashSet<Content> = changes.into_iter().map(of).collect();
        assert_eq!(digests.len(), 13);
        assert_eq!(of(|r| r.event_id = "f".into()), of(|_| ()));
        assert_eq!(of(|r| r.artifact_sha256 = "Ab".repeat(32)), of(|_| ()));
        assert_ne!(of(|r| r.ts = "2026-01-01T00:00:01Z".into()), of(|_| ()));
    }

    #[test]
    fn what_is_known_of_a_download_grows_and_never_changes() {
        let mut facts = checked(|_| ()).unwrap().facts;
        let with = |change: fn(&mut Record)| checked(change).unwrap().facts;
        assert_eq!(facts.full(), None);
        facts.learn(&with(|r| r.kind = Some(Kind::Full))).unwrap();
        assert_eq!(facts.full(), Some(20));
        assert_eq!(facts.learn(&with(|r| r.kind = Some(Kind::Delta))), Err(Refusal::Contradiction("kind")));
        assert_eq!(facts.learn(&with(|r| r.full_size = Some(30))), Err(Refusal::Contradiction("full_size")));
        assert_eq!(
            facts.learn(&with(|r| r.artifact_size = 30)),
            Err(Refusal::Contradiction("artifact_size"))
        );
        facts.learn(&with(|r| r.from = Some("a".into()))).unwrap();
        assert_eq!(facts.learn(&with(|r| r.from = Some("b".into()))), Err(Refusal::Contradiction("from")));
        assert_eq!((facts.kind, facts.full_size, facts.from.as_deref()), (Some(Kind::Full), None, Some("a")));
    }
}
