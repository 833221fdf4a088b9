//! The header of an Artifact whose checksum has been found right, as views into the reader.

use super::documents::{HeaderInfo, TypeInfo};
use super::kept::{Kind, Records};
use super::verify::SignatureStatus;
use crate::compression::Compression;
use crate::json::text::JsonText;
use crate::manifest::{Line, Lines, Subject};

/// Everything an Artifact says before its payload.
///
/// A reader hands it out only when the header archive has the checksum of the manifest and, if a
/// key is required, the manifest has a right signature.
#[derive(Clone, Debug)]
pub struct HeaderView<'a> {
    pub(super) info: HeaderInfo<'a>,
    pub(super) manifest: &'a [u8],
    pub(super) records: Records<'a>,
    pub(super) signature: &'a SignatureStatus,
    pub(super) compression: Compression,
}

impl<'a> HeaderView<'a> {
    /// What header-info says.
    #[must_use]
    pub const fn info(&self) -> HeaderInfo<'a> {
        self.info
    }

    /// The text of header-info.
    #[must_use]
    pub fn header_info_json(&self) -> &'a [u8] {
        self.records.clone().find(Kind::HeaderInfo).unwrap_or_default()
    }

    /// What is known about the signature.
    #[must_use]
    pub const fn signature(&self) -> &'a SignatureStatus {
        self.signature
    }

    /// How the header archive is compressed.
    #[must_use]
    pub const fn compression(&self) -> Compression {
        self.compression
    }

    /// The lines of the manifest, in their order.
    #[must_use]
    pub const fn manifest(&self) -> Lines<'a> {
        Lines::new(self.manifest)
    }

    /// The state scripts, in the order of the archive; none if the reader does not keep them.
    pub fn scripts(&self) -> impl Iterator<Item = Script<'a>> + use<'a> {
        self.records.clone().filter(|record| record.kind == Kind::Script).map(|record| Script {
            name: core::str::from_utf8(record.name).unwrap_or_default(),
            mode: record.mode,
            contents: record.contents,
        })
    }

    /// The payloads, in their order.
    pub fn payloads(&self) -> impl Iterator<Item = PayloadView<'a>> + use<'a> {
        let (records, manifest) = (self.records.clone(), self.manifest);
        let types = (0..=u16::MAX).zip(self.info.payload_types());
        types.map_while(move |(payload, payload_type)| {
            let type_info_json = records.clone().find(Kind::TypeInfo(payload))?;
            Some(PayloadView {
                payload,
                payload_type,
                type_info: TypeInfo::from_checked(type_info_json)?,
                type_info_json,
                meta_data_json: records.clone().find(Kind::MetaData(payload)).filter(|json| !json.is_empty()),
                manifest,
            })
        })
    }
}

/// A state script.
#[derive(Clone, Copy, Debug)]
pub struct Script<'a> {
    /// Its file name.
    pub name: &'a str,
    /// Permission bits, at most `0o7777`.
    pub mode: u32,
    /// The script itself.
    pub contents: &'a [u8],
}

/// What the header says about one payload.
#[derive(Clone, Copy, Debug)]
pub struct PayloadView<'a> {
    /// Its number, from 0.
    pub payload: u16,
    /// Which Update Module handles it; `None` in a bootstrap Artifact.
    pub payload_type: Option<JsonText<'a>>,
    /// Provides, depends and clears.
    pub type_info: TypeInfo<'a>,
    /// The text of type-info.
    pub type_info_json: &'a [u8],
    /// The text of meta-data, a JSON object; `None` if empty or absent.
    pub meta_data_json: Option<&'a [u8]>,
    manifest: &'a [u8],
}

impl<'a> PayloadView<'a> {
    /// The names and checksums of its files, in the order of the manifest.
    pub fn files(&self) -> impl Iterator<Item = Line<'a>> + use<'a> {
        let payload = self.payload;
        Lines::new(self.manifest)
            .filter(move |line| matches!(line.subject, Subject::File { payload: of, .. } if of == payload))
    }
}
