//! What an Artifact is to contain, and whether it may.

use std::collections::BTreeSet;

use super::documents;
use super::input::PayloadInput;
use super::script::{ScriptInput, check_state_script};
use crate::compression::Compression;
use crate::compression::encoder::Effort;
use crate::entry_name::{check_payload_file, check_payload_type, check_text};
use crate::error::{Defect, Entry, Error};
use crate::format_version::FormatVersion;
use crate::header::augment::merge;
use crate::header::{ArtifactHeader, Augment, PayloadHeader};
use crate::limits::Limits;
use crate::sign::Signer;

/// The payload type of whole root file systems.
pub const ROOTFS_IMAGE: &str = "rootfs-image";

/// A line of the manifest without the name of a file: checksum, blanks, `data/0000/`, line feed.
const MANIFEST_LINE_LEN_BYTES: usize = 64 + 2 + 10 + 1;

/// An Artifact to be written. [`write_artifact`](super::write_artifact) checks it before it reads any file.
#[derive(Default)]
pub struct ArtifactPlan<'a> {
    /// The name of the release, 1 to 256 bytes; no white space with a `rootfs-image`.
    pub artifact_name: String,
    /// The group that the device belongs to after the update.
    pub artifact_group: Option<String>,
    /// The device types that the Artifact is for; at least one.
    pub compatible_types: Vec<String>,
    /// The device must run one of these releases; empty means any.
    pub depends_names: Vec<String>,
    /// The device must be in one of these groups; empty means any.
    pub depends_groups: Vec<String>,
    /// State scripts; written in the order of their names.
    pub scripts: Vec<ScriptInput>,
    /// The payloads; at least one. Clients of today want exactly one.
    pub payloads: Vec<PayloadPlan<'a>>,
    /// The version of the format. Version 2 holds a `rootfs-image` without groups, provides, depends
    /// and clears.
    pub format: FormatVersion,
    /// What an augmented header says, no signature covering it: nothing, or something about each
    /// payload. Not in version 2.
    pub augment: Vec<AugmentPlan<'a>>,
    /// How header and payloads are compressed.
    pub compression: Compression,
    /// How hard the compression tries.
    pub effort: Effort,
    /// What signs the manifest, if anything.
    pub signer: Option<&'a dyn Signer>,
}

/// One payload of an Artifact to be written. See `defaults` for the usual kinds.
#[derive(Debug, Default)]
pub struct PayloadPlan<'a> {
    /// Type, provides, depends, clears and meta-data. Its `files` are not looked at.
    pub header: PayloadHeader,
    /// The files, in the order in which manifest and archive shall have them.
    pub files: Vec<PayloadInput<'a>>,
    /// The key in `provides` that is to get the SHA-256 of the only file in hexadecimal.
    pub checksum_provide: Option<String>,
}

/// What an augmented header says about one payload.
#[derive(Debug, Default)]
pub struct AugmentPlan<'a> {
    /// The type that takes the place of the signed one, and what is merged into the rest, as
    /// [`merge`] says. Its `files` are not looked at.
    pub header: PayloadHeader,
    /// More files, which stand behind those of the payload.
    pub files: Vec<PayloadInput<'a>>,
}

impl ArtifactPlan<'_> {
    /// A plan with everything that `header` says except the payloads; not signed, gzip.
    #[must_use]
    pub fn like(header: &ArtifactHeader) -> Self {
        Self {
            artifact_name: header.artifact_name.clone(),
            artifact_group: header.artifact_group.clone(),
            compatible_types: header.compatible_types.clone(),
            depends_names: header.depends_names.clone(),
            depends_groups: header.depends_groups.clone(),
            scripts: header.scripts.iter().cloned().map(ScriptInput::from).collect(),
            ..Self::default()
        }
    }

    /// Checks everything that can be checked without reading a payload.
    ///
    /// # Errors
    /// When a name is not allowed or there twice, something needed is missing, or there is more
    /// than [`Limits::computer`] lets a reader accept.
    pub fn check(&self) -> Result<(), Error> {
        let limits = Limits::computer();
        self.check_texts()?;
        let mut names = BTreeSet::new();
        for script in &self.scripts {
            let name = &script.script.name;
            check_state_script(name)?;
            if !names.insert(name) {
                return Err(Error::new(Defect::Duplicate, Entry::Script).named(name.as_bytes()));
            }
        }
        if self.payloads.is_empty() {
            return Err(Error::new(Defect::Missing, Entry::HeaderInfo).expected("at least one payload"));
        }
        at_most(limits.payloads, self.payloads.len(), Entry::HeaderInfo)?;
        self.check_format()?;
        let (mut files, mut manifest_len) = (0, 4 * MANIFEST_LINE_LEN_BYTES);
        let mut augments = self.augment.iter();
        for (index, payload) in (0_u16..).zip(&self.payloads) {
            let augment = augments.next();
            payload.check(index, augment)?;
            for file in payload.files.iter().chain(augment.iter().flat_map(|augment| &augment.files)) {
                files += 1;
                manifest_len += MANIFEST_LINE_LEN_BYTES + file.name.len();
            }
        }
        at_most(limits.files, files, Entry::Manifest)?;
        if manifest_len > limits.manifest_bytes {
            let error = Error::new(Defect::TooLarge, Entry::Manifest);
            return Err(error.expected(limits.manifest_bytes).found(manifest_len));
        }
        documents::check(self)
    }

    fn check_format(&self) -> Result<(), Error> {
        let misuse = |expected: &'static str| {
            let error = Error::new(Defect::Misuse, Entry::HeaderInfo);
            Err(error.expected(expected))
        };
        if self.format == FormatVersion::V2 {
            let has_more = |payload: &PayloadPlan<'_>| {
                let PayloadHeader { provides, depends, clears, meta_data, .. } = &payload.header;
                !provides.is_empty()
                    || !depends.is_empty()
                    || clears.is_some()
                    || meta_data.is_some()
                    || payload.checksum_provide.is_some()
            };
            let no_groups = self.artifact_group.is_none() && self.depends_groups.is_empty();
            if !no_groups || !self.depends_names.is_empty() || self.payloads.iter().any(has_more) {
                return misuse("no groups, provides, depends, clears and meta-data in format version 2");
            }
            if !self.augment.is_empty() {
                return misuse("no augmented header in format version 2");
            }
        }
        if !self.augment.is_empty() && self.augment.len() != self.payloads.len() {
            return misuse("an augmented header for each payload or none");
        }
        Ok(())
    }

    fn check_texts(&self) -> Result<(), Error> {
        check_text(&self.artifact_name)?;
        let is_rootfs = |p: &PayloadPlan<'_>| p.header.payload_type.as_deref() == Some(ROOTFS_IMAGE);
        if self.artifact_name.contains(char::is_whitespace) && self.payloads.iter().any(is_rootfs) {
            return Err(Error::new(Defect::Name, Entry::HeaderInfo)
                .named(self.artifact_name.as_bytes())
                .expected("an artifact name without white space"));
        }
        if self.compatible_types.is_empty() {
            let error = Error::new(Defect::Missing, Entry::HeaderInfo);
            return Err(error.expected("at least one compatible device type"));
        }
        let lists = [&self.compatible_types, &self.depends_names, &self.depends_groups];
        lists.into_iter().flatten().chain(&self.artifact_group).try_for_each(|text| check_text(text))
    }
}

impl PayloadPlan<'_> {
    fn check(&self, index: u16, augment: Option<&AugmentPlan<'_>>) -> Result<(), Error> {
        let entry = Entry::PayloadFile(index);
        let payload_type = self.header.payload_type.as_deref();
        let added_type = augment.and_then(|augment| augment.header.payload_type.as_deref());
        for payload_type in [payload_type, added_type].into_iter().flatten() {
            check_payload_type(payload_type)?;
        }
        let mut names = BTreeSet::new();
        for file in self.files.iter().chain(augment.iter().flat_map(|augment| &augment.files)) {
            let blame = |error: Error| match file.path() {
                Some(path) => error.in_entry(entry).with_path(path),
                None => error.in_entry(entry).named(file.name.as_bytes()),
            };
            check_payload_file(file.name.as_bytes()).map_err(blame)?;
            at_most(255, file.name.len(), entry).map_err(blame)?;
            if !names.insert(&file.name) {
                return Err(blame(Error::new(Defect::Duplicate, entry).named(file.name.as_bytes())));
            }
        }
        let count = self.files.len();
        let expected = match payload_type {
            None if count != 0 || self.header.meta_data.is_some() => {
                "a bootstrap without files and meta-data"
            }
            Some(ROOTFS_IMAGE) if count > 1 || count == 0 && augment.is_none() => {
                "exactly one file in a rootfs-image"
            }
            _ if self.checksum_provide.is_some() && count != 1 => {
                "exactly one file to provide the checksum of"
            }
            _ => {
                check_meta_data(&self.header, Entry::MetaData(index))?;
                let Some(augment) = augment else { return Ok(()) };
                check_meta_data(&augment.header, Entry::AugmentMetaData(index))?;
                let halves = Augment { signed: self.header.clone(), added: augment.header.clone() };
                return merge(index, &halves).map(drop);
            }
        };
        Err(Error::new(Defect::Misuse, entry).expected(expected).found(count))
    }
}

fn check_meta_data(header: &PayloadHeader, entry: Entry) -> Result<(), Error> {
    match &header.meta_data {
        Some(value) if !value.is_object() => Err(Error::new(Defect::Value, entry).expected("a JSON object")),
        _ => Ok(()),
    }
}

/// Refuses more than `limit`.
fn at_most(limit: usize, found: usize, entry: Entry) -> Result<(), Error> {
    if found > limit {
        return Err(Error::new(Defect::TooMany, entry).expected(limit).found(found));
    }
    Ok(())
}
