//! The header archive: which files it has, in which order, and what they may say.
//!
//! Order: `header-info`, `scripts/<name>` any number, then for each payload from 0
//! `headers/NNNN/type-info` and, at most once, `headers/NNNN/meta-data`. Directories may be listed.

use super::documents::{Checker, HeaderInfo};
use super::kept::{Kept, Kind};
use crate::entry_name::check_script;
use crate::error::{Defect, Entry, Error};
use crate::limits::Limits;
use crate::manifest::{Manifest, Subject, payload_index};
use crate::tar::block::{Header, Kind as TarKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Start,
    Scripts,
    Payload { payload: u16, type_info: bool, meta_data: bool },
}

/// Follows a header archive from file to file.
pub(super) struct HeaderWalk {
    stage: Stage,
    scripts: usize,
    /// How many payloads header-info lists; 0 before it has come.
    pub(super) payloads: usize,
    payloads_max: usize,
    current: Option<Kind>,
    keep_scripts: bool,
}

impl HeaderWalk {
    pub(super) const fn new(payloads_max: usize, keep_scripts: bool) -> Self {
        Self { stage: Stage::Start, scripts: 0, payloads: 0, payloads_max, current: None, keep_scripts }
    }

    /// A member begins.
    pub(super) fn begin(
        &mut self,
        name: &[u8],
        header: Header,
        limits: &Limits,
        kept: &mut Kept<'_>,
    ) -> Result<(), Error> {
        let is_directory = header.kind == TarKind::Directory;
        self.current = self.classify(name, is_directory)?;
        let Some(kind) = self.current else { return Ok(()) };
        let limit = if kind == Kind::Script { usize::MAX } else { limits.json_bytes };
        if header.size > limit as u64 {
            return Err(Error::new(Defect::TooLarge, kind.entry()).expected(limit).found(header.size));
        }
        let mut script: &[u8] = b"";
        let mut size = header.size;
        if kind == Kind::Script {
            script = name.strip_prefix(b"scripts/").unwrap_or(name);
            check_script(script)?;
            self.scripts += 1;
            if self.scripts > limits.scripts {
                return Err(Error::new(Defect::TooMany, Entry::Script).expected(limits.scripts));
            }
            if kept.records().any(|record| record.kind == Kind::Script && record.name == script) {
                return Err(Error::new(Defect::Duplicate, Entry::Script).named(script));
            }
            if !self.keep_scripts {
                size = 0;
            }
        }
        kept.begin(kind, header.mode, script, size)
    }

    /// Bytes of the member.
    pub(super) fn data(&self, bytes: &[u8], kept: &mut Kept<'_>) {
        if self.keep_scripts || self.current != Some(Kind::Script) {
            kept.push(bytes);
        }
    }

    /// The member is complete.
    pub(super) fn end(&mut self, checker: &mut Checker<'_>, kept: &Kept<'_>) -> Result<(), Error> {
        let Some(kind) = self.current.take() else { return Ok(()) };
        let document = kept.last();
        match kind {
            Kind::Script => Ok(()),
            Kind::HeaderInfo => {
                self.payloads = checker.header_info(document)?.payload_types().count();
                if self.payloads > self.payloads_max {
                    let error = Error::new(Defect::TooMany, Entry::HeaderInfo).named(b"payloads");
                    return Err(error.expected(self.payloads_max).found(self.payloads));
                }
                Ok(())
            }
            Kind::TypeInfo(payload) => {
                let payload_type = info(kept)?.payload_types().nth(usize::from(payload)).flatten();
                checker.type_info(document, kind.entry(), payload_type)
            }
            Kind::MetaData(payload) => {
                if info(kept)?.payload_types().nth(usize::from(payload)).flatten().is_none() {
                    let error = Error::new(Defect::Mismatch, kind.entry());
                    return Err(error.expected("no meta-data in a bootstrap Artifact"));
                }
                checker.meta_data(document, kind.entry())
            }
        }
    }

    /// The archive is complete; `manifest` has to agree with it.
    pub(super) fn finish(&self, manifest: &Manifest<'_>, kept: &Kept<'_>) -> Result<(), Error> {
        let (payload, type_info) = match self.stage {
            Stage::Start => return Err(missing(Entry::HeaderInfo, b"header-info")),
            Stage::Scripts => (0, false),
            Stage::Payload { payload, type_info, .. } => (payload, type_info),
        };
        if !type_info {
            return Err(missing(Entry::TypeInfo(payload), b"type-info"));
        }
        if usize::from(payload) + 1 != self.payloads {
            return Err(missing(Entry::TypeInfo(payload + 1), b"type-info"));
        }
        for line in manifest.lines() {
            if let Subject::File { payload, .. } = line.subject {
                if usize::from(payload) >= self.payloads {
                    let error = Error::new(Defect::Unknown, Entry::Manifest).named(line.name.as_bytes());
                    return Err(error.expected("a payload that header-info lists"));
                }
            }
        }
        for (number, payload_type) in (0..=u16::MAX).zip(info(kept)?.payload_types()) {
            let most = match payload_type {
                None => 0,
                Some(text) if text == *"rootfs-image" => 1,
                Some(_) => continue,
            };
            let of_payload = |s: Subject<'_>| matches!(s, Subject::File { payload, .. } if payload == number);
            let files = manifest.lines().filter(|line| of_payload(line.subject)).count();
            if files > most {
                let error = Error::new(Defect::TooMany, Entry::Data(number)).named(b"files");
                return Err(error.expected(most).found(files));
            }
        }
        Ok(())
    }

    /// Says what a member is; `None` for a directory.
    fn classify(&mut self, name: &[u8], is_directory: bool) -> Result<Option<Kind>, Error> {
        let order = |expected: &'static str| {
            Err(Error::new(Defect::Order, Entry::Header).expected(expected).found(name))
        };
        let Ok(text) = core::str::from_utf8(name) else { return order("a known name") };
        if self.stage == Stage::Start {
            if text != "header-info" || is_directory {
                return order("header-info");
            }
            self.stage = Stage::Scripts;
            return Ok(Some(Kind::HeaderInfo));
        }
        if is_directory {
            let path = text.strip_suffix('/').unwrap_or(text);
            let bucket = path.strip_prefix("headers/").and_then(payload_index);
            return match path {
                "scripts" if self.stage == Stage::Scripts => Ok(None),
                "headers" => Ok(None),
                _ if bucket.is_some_and(|bucket| usize::from(bucket) < self.payloads) => Ok(None),
                _ => order("scripts, headers or headers/NNNN"),
            };
        }
        if text.starts_with("scripts/") {
            return if self.stage == Stage::Scripts {
                Ok(Some(Kind::Script))
            } else {
                order("scripts before headers")
            };
        }
        let parts = text.strip_prefix("headers/").and_then(|rest| rest.split_once('/'));
        let Some((payload, file)) = parts.and_then(|(digits, file)| Some((payload_index(digits)?, file)))
        else {
            return order("scripts/ and a name, or headers/NNNN/type-info or meta-data");
        };
        let (mut type_info, mut meta_data) = match self.stage {
            Stage::Payload { payload: current, type_info, meta_data } if current == payload => {
                (type_info, meta_data)
            }
            Stage::Payload { payload: current, type_info: true, .. }
                if current.checked_add(1) == Some(payload) =>
            {
                (false, false)
            }
            Stage::Scripts if payload == 0 => (false, false),
            _ => return order("the payloads in their order, each with type-info"),
        };
        if usize::from(payload) >= self.payloads {
            return order("only payloads that header-info lists");
        }
        let (seen, kind) = match file {
            "type-info" => (&mut type_info, Kind::TypeInfo(payload)),
            "meta-data" => (&mut meta_data, Kind::MetaData(payload)),
            _ => return order("type-info or meta-data"),
        };
        if core::mem::replace(seen, true) {
            return Err(Error::new(Defect::Duplicate, kind.entry()));
        }
        self.stage = Stage::Payload { payload, type_info, meta_data };
        Ok(Some(kind))
    }
}

/// What the header-info that has been kept says.
pub(super) fn info<'a>(kept: &'a Kept<'_>) -> Result<HeaderInfo<'a>, Error> {
    let document = kept.records().find(Kind::HeaderInfo);
    document.and_then(HeaderInfo::from_checked).ok_or_else(|| missing(Entry::HeaderInfo, b"header-info"))
}

fn missing(entry: Entry, name: &[u8]) -> Error {
    Error::new(Defect::Missing, entry).named(name)
}
