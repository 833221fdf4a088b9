//! The header archives: which files they have, in which order, and what they may say.
//!
//! Order: `header-info`, `scripts/<name>` any number, then for each payload from 0
//! `headers/NNNN/type-info` and, at most once, `headers/NNNN/meta-data`; in format version 2 also
//! `headers/NNNN/files`. Directories may be listed. An augmented header has no scripts.

use super::documents::{AugmentInfo, Checker, HeaderInfo, ROOTFS_IMAGE, file_names};
use super::kept::{Kept, Kind};
use crate::entry_name::check_script;
use crate::error::{Defect, Entry, Error, Tell};
use crate::format_version::FormatVersion;
use crate::json::text::JsonText;
use crate::limits::Limits;
use crate::manifest::{Lines, Manifest, Part, Subject, payload_index};
use crate::tar::block::{Header, Kind as TarKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Start,
    Scripts,
    Payload(u16, Bucket),
}

/// Which files of a payload have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bucket {
    type_info: bool,
    meta_data: bool,
    files: bool,
}

impl Bucket {
    /// What has to be there and is not.
    fn wants(self, version: FormatVersion) -> Option<&'static [u8]> {
        if !self.type_info {
            return Some(b"type-info");
        }
        (version == FormatVersion::V2 && !self.files).then_some(b"files")
    }
}

/// Follows a header archive from file to file, and then the augmented one.
pub(super) struct HeaderWalk {
    part: Part,
    version: FormatVersion,
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
        Self {
            part: Part::Signed,
            version: FormatVersion::V3,
            stage: Stage::Start,
            scripts: 0,
            payloads: 0,
            payloads_max,
            current: None,
            keep_scripts,
        }
    }

    /// The header archive will be one of this format version.
    pub(super) const fn set_version(&mut self, version: FormatVersion) {
        self.version = version;
    }

    /// The format version.
    pub(super) const fn version(&self) -> FormatVersion {
        self.version
    }

    /// The augmented header archive comes next.
    pub(super) fn begin_augment(&mut self) {
        self.part = Part::Augment;
        self.stage = Stage::Start;
        self.current = None;
    }

    const fn archive(&self) -> Entry {
        match self.part {
            Part::Signed => Entry::Header,
            Part::Augment => Entry::HeaderAugment,
        }
    }

    /// A member begins. Without its header-info an archive means nothing; of other members that
    /// must not be there `tell` says whether to go on without them.
    pub(super) fn begin(
        &mut self,
        name: &[u8],
        header: Header,
        limits: &Limits,
        kept: &mut Kept<'_>,
        tell: Tell<'_>,
    ) -> Result<(), Error> {
        let is_directory = header.kind == TarKind::Directory;
        let at_start = self.stage == Stage::Start;
        self.current = match self.classify(name, is_directory) {
            Ok(kind) => kind,
            Err(error) if at_start => return Err(error),
            Err(error) => return tell(error),
        };
        let Some(kind) = self.current else { return Ok(()) };
        let limit = if kind == Kind::Script { usize::MAX } else { limits.json_bytes };
        if header.size > limit as u64 {
            return Err(Error::new(Defect::TooLarge, kind.entry()).expected(limit).found(header.size));
        }
        let mut script: &[u8] = b"";
        let mut size = header.size;
        if kind == Kind::Script {
            script = name.strip_prefix(b"scripts/").unwrap_or(name);
            self.scripts += 1;
            if self.scripts > limits.scripts {
                return Err(Error::new(Defect::TooMany, Entry::Script).expected(limits.scripts));
            }
            if let Err(error) = check_new_script(script, kept) {
                self.current = None;
                return tell(error);
            }
            if !self.keep_scripts {
                size = 0;
            }
        }
        kept.begin(kind, header.mode, script, size)
    }

    /// Bytes of the member.
    pub(super) fn data(&self, bytes: &[u8], kept: &mut Kept<'_>) {
        match self.current {
            None => {}
            Some(Kind::Script) if !self.keep_scripts => {}
            Some(_) => kept.push(bytes),
        }
    }

    /// The member is complete. Without its header-info an archive means nothing; of other members
    /// that are unsound `tell` says whether to go on.
    pub(super) fn end(
        &mut self,
        checker: &mut Checker<'_>,
        kept: &Kept<'_>,
        tell: Tell<'_>,
    ) -> Result<(), Error> {
        let Some(kind) = self.current.take() else { return Ok(()) };
        let (document, entry) = (kept.last(), kind.entry());
        let checked = match kind {
            Kind::Script => Ok(()),
            Kind::HeaderInfo(Part::Signed) => {
                self.payloads = checker.header_info(document, self.version, tell)?.payload_types().count();
                if self.payloads > self.payloads_max {
                    let error = Error::new(Defect::TooMany, Entry::HeaderInfo).named(b"payloads");
                    return Err(error.expected(self.payloads_max).found(self.payloads));
                }
                Ok(())
            }
            Kind::HeaderInfo(Part::Augment) => {
                return checker.augment_info(document, &info(kept)?, tell);
            }
            Kind::TypeInfo(part, payload) => {
                let payload_type = payload_type(kept, part, payload)?;
                checker.type_info(document, entry, payload_type, self.version, tell)
            }
            Kind::MetaData(part, payload) => {
                if payload_type(kept, part, payload)?.is_none() {
                    let error = Error::new(Defect::Mismatch, entry);
                    return tell(error.expected("no meta-data in a bootstrap Artifact"));
                }
                checker.meta_data(document, entry)
            }
            Kind::Files(_) => checker.files(document, entry),
        };
        checked.or_else(tell)
    }

    /// The archive is complete; `manifest` has to agree with it.
    pub(super) fn finish(
        &self,
        manifest: &Manifest<'_>,
        kept: &Kept<'_>,
        augmented: bool,
        tell: Tell<'_>,
    ) -> Result<(), Error> {
        let (payload, bucket) = match self.stage {
            Stage::Start => {
                let entry = Kind::HeaderInfo(self.part).entry();
                return Err(Error::new(Defect::Missing, entry).named(b"header-info"));
            }
            Stage::Scripts => (0, Bucket::default()),
            Stage::Payload(payload, bucket) => (payload, bucket),
        };
        if let Some(name) = bucket.wants(self.version) {
            tell(self.missing(payload, name))?;
        }
        if usize::from(payload) + 1 != self.payloads {
            tell(self.missing(payload + 1, b"type-info"))?;
        }
        if self.part == Part::Augment {
            return Ok(());
        }
        for line in manifest.lines() {
            if let Subject::File { payload, .. } = line.subject {
                if usize::from(payload) >= self.payloads {
                    let error = Error::new(Defect::Unknown, Entry::Manifest).named(line.name.as_bytes());
                    tell(error.expected("a payload that header-info lists"))?;
                }
            }
        }
        for (number, payload_type) in (0..=u16::MAX).zip(info(kept)?.payload_types()) {
            // What augments it brings the files that count.
            let (least, most) = match payload_type {
                None => (0, 0),
                Some(text) if text == *ROOTFS_IMAGE => (usize::from(!augmented), 1),
                Some(_) => continue,
            };
            let files = files_of(number, Lines::new(manifest.text())).count();
            if files > most {
                let error = Error::new(Defect::TooMany, Entry::Data(number)).named(b"files");
                tell(error.expected(most).found(files))?;
            } else if files < least {
                let error = Error::new(Defect::Missing, Entry::Data(number)).named(b"files");
                tell(error.expected("the image of a rootfs-image"))?;
            }
            if self.version == FormatVersion::V2 {
                check_files(number, manifest, kept, tell)?;
            }
        }
        Ok(())
    }

    fn missing(&self, payload: u16, name: &[u8]) -> Error {
        let kind = if name == b"files" { Kind::Files(payload) } else { Kind::TypeInfo(self.part, payload) };
        Error::new(Defect::Missing, kind.entry()).named(name)
    }

    /// Says what a member is; `None` for a directory.
    fn classify(&mut self, name: &[u8], is_directory: bool) -> Result<Option<Kind>, Error> {
        let archive = self.archive();
        let order =
            |expected: &'static str| Err(Error::new(Defect::Order, archive).expected(expected).found(name));
        let Ok(text) = core::str::from_utf8(name) else { return order("a known name") };
        if self.stage == Stage::Start {
            if text != "header-info" || is_directory {
                return order("header-info");
            }
            self.stage = Stage::Scripts;
            return Ok(Some(Kind::HeaderInfo(self.part)));
        }
        let scripts_may_come = self.stage == Stage::Scripts && self.part == Part::Signed;
        if is_directory {
            let path = text.strip_suffix('/').unwrap_or(text);
            let bucket = path.strip_prefix("headers/").and_then(payload_index);
            return match path {
                "scripts" if scripts_may_come => Ok(None),
                "headers" => Ok(None),
                _ if bucket.is_some_and(|bucket| usize::from(bucket) < self.payloads) => Ok(None),
                _ => order("scripts, headers or headers/NNNN"),
            };
        }
        if text.starts_with("scripts/") {
            return match self.part {
                Part::Signed if scripts_may_come => Ok(Some(Kind::Script)),
                Part::Signed => order("scripts before headers"),
                Part::Augment => order("no scripts in an augmented header"),
            };
        }
        let parts = text.strip_prefix("headers/").and_then(|rest| rest.split_once('/'));
        let Some((payload, file)) = parts.and_then(|(digits, file)| Some((payload_index(digits)?, file)))
        else {
            return order("scripts/ and a name, or headers/NNNN/type-info or meta-data");
        };
        let mut bucket = match self.stage {
            Stage::Payload(current, bucket) if current == payload => bucket,
            Stage::Payload(current, bucket)
                if current.checked_add(1) == Some(payload) && bucket.wants(self.version).is_none() =>
            {
                Bucket::default()
            }
            Stage::Scripts if payload == 0 => Bucket::default(),
            _ => return order("the payloads in their order, each with type-info"),
        };
        if usize::from(payload) >= self.payloads {
            return order("only payloads that header-info lists");
        }
        let (seen, kind) = match file {
            "type-info" => (&mut bucket.type_info, Kind::TypeInfo(self.part, payload)),
            "meta-data" => (&mut bucket.meta_data, Kind::MetaData(self.part, payload)),
            "files" if self.version == FormatVersion::V2 => (&mut bucket.files, Kind::Files(payload)),
            _ => return order("type-info or meta-data"),
        };
        if core::mem::replace(seen, true) {
            return Err(Error::new(Defect::Duplicate, kind.entry()));
        }
        self.stage = Stage::Payload(payload, bucket);
        Ok(Some(kind))
    }
}

/// What the header-info that has been kept says.
pub(super) fn info<'a>(kept: &'a Kept<'_>) -> Result<HeaderInfo<'a>, Error> {
    let document = kept.records().find(Kind::HeaderInfo(Part::Signed));
    let missing = || Error::new(Defect::Missing, Entry::HeaderInfo).named(b"header-info");
    document.and_then(HeaderInfo::from_checked).ok_or_else(missing)
}

/// The type of a payload as the header-info of this archive gives it.
fn payload_type<'a>(kept: &'a Kept<'_>, part: Part, payload: u16) -> Result<Option<JsonText<'a>>, Error> {
    let payload = usize::from(payload);
    if part == Part::Signed {
        return Ok(info(kept)?.payload_types().nth(payload).flatten());
    }
    let document = kept.records().find(Kind::HeaderInfo(Part::Augment));
    let missing = || Error::new(Defect::Missing, Entry::AugmentInfo).named(b"header-info");
    let info = document.and_then(AugmentInfo::from_checked).ok_or_else(missing)?;
    Ok(info.payload_types().nth(payload).flatten())
}

fn check_new_script(name: &[u8], kept: &Kept<'_>) -> Result<(), Error> {
    check_script(name)?;
    if kept.records().any(|record| record.kind == Kind::Script && record.name == name) {
        return Err(Error::new(Defect::Duplicate, Entry::Script).named(name));
    }
    Ok(())
}

/// The names of the files of one payload among `lines`.
fn files_of<'a>(payload: u16, lines: Lines<'a>) -> impl Iterator<Item = &'a str> {
    lines.filter_map(move |line| match line.subject {
        Subject::File { payload: of, name } if of == payload => Some(name),
        _ => None,
    })
}

/// `files` of format version 2 has to name what the manifest lists; a rootfs-image has one file.
fn check_files(payload: u16, manifest: &Manifest<'_>, kept: &Kept<'_>, tell: Tell<'_>) -> Result<(), Error> {
    let Some(document) = kept.records().find(Kind::Files(payload)) else { return Ok(()) };
    let listed = files_of(payload, Lines::new(manifest.text()));
    let mut named = file_names(document);
    let mut same = true;
    for name in listed {
        same &= named.next().is_some_and(|text| text == *name);
    }
    if same && named.next().is_none() {
        return Ok(());
    }
    let error = Error::new(Defect::Mismatch, Entry::Files(payload)).named(b"files");
    tell(error.expected("the files that the manifest lists"))
}
