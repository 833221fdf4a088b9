//! The header of an Artifact whose checksum has been found right, as views into the reader.

use super::documents::{AugmentInfo, HeaderInfo, TypeInfo};
use super::kept::{Kind, Records};
use super::verify::SignatureStatus;
use crate::compression::Compression;
use crate::format_version::FormatVersion;
use crate::json::text::JsonText;
use crate::json::value::Value;
use crate::manifest::{Line, Lines, Part, Subject};

/// Everything an Artifact says before its payload.
///
/// A reader hands it out only when the header archive has the checksum of the manifest and, if a
/// key is required, the manifest has a right signature.
#[derive(Clone, Debug)]
pub struct HeaderView<'a> {
    pub(super) version: FormatVersion,
    pub(super) info: HeaderInfo<'a>,
    pub(super) manifest: &'a [u8],
    pub(super) manifest_augment: Option<&'a [u8]>,
    pub(super) records: Records<'a>,
    pub(super) signature: &'a SignatureStatus,
    pub(super) compression: Compression,
}

impl<'a> HeaderView<'a> {
    /// The version of the format.
    #[must_use]
    pub const fn version(&self) -> FormatVersion {
        self.version
    }

    /// Whether there is an augmented header. No signature covers it, nor the files that it brings.
    #[must_use]
    pub const fn is_augmented(&self) -> bool {
        self.manifest_augment.is_some()
    }

    /// What header-info says.
    #[must_use]
    pub const fn info(&self) -> HeaderInfo<'a> {
        self.info
    }

    /// The text of header-info.
    #[must_use]
    pub fn header_info_json(&self) -> &'a [u8] {
        self.records.clone().find(Kind::HeaderInfo(Part::Signed)).unwrap_or_default()
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

    /// The lines of the augmented manifest, in their order; none if there is none.
    #[must_use]
    pub fn manifest_augment(&self) -> Lines<'a> {
        Lines::new(self.manifest_augment.unwrap_or_default())
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
        let (records, manifest, manifest_augment) =
            (self.records.clone(), self.manifest, self.manifest_augment);
        let types = (0..=u16::MAX).zip(self.info.payload_types());
        types.map_while(move |(payload, payload_type)| {
            let document = |kind| records.clone().find(kind);
            let type_info_json = document(Kind::TypeInfo(Part::Signed, payload))?;
            let augment = match manifest_augment {
                Some(manifest) => Some(AugmentView::new(payload, manifest, document)?),
                None => None,
            };
            Some(PayloadView {
                payload,
                payload_type,
                type_info: TypeInfo::from_checked(type_info_json)?,
                type_info_json,
                meta_data_json: document(Kind::MetaData(Part::Signed, payload))
                    .filter(|json| !json.is_empty()),
                manifest,
                augment,
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

/// What the header says about one payload. Where there is an augmented header, it adds to that or
/// says otherwise: see [`PayloadView::augment`].
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
    /// What the augmented header says; `None` if there is none.
    pub augment: Option<AugmentView<'a>>,
    manifest: &'a [u8],
}

impl<'a> PayloadView<'a> {
    /// Keys and values of meta-data; none if it is empty or absent.
    pub fn meta_data(&self) -> impl Iterator<Item = (JsonText<'a>, Value<'a>)> + use<'a> {
        let text = self.meta_data_json.and_then(|json| core::str::from_utf8(json).ok());
        text.and_then(|text| Value::new(text).members()).into_iter().flatten()
    }

    /// The names and checksums of its files, in the order of the manifest; those that the augmented
    /// header brings are in [`AugmentView::files`].
    pub fn files(&self) -> impl Iterator<Item = Line<'a>> + use<'a> {
        files(self.payload, self.manifest)
    }
}

/// What the augmented header says about one payload. No signature covers any of it.
#[derive(Clone, Copy, Debug)]
pub struct AugmentView<'a> {
    /// Which Update Module handles the payload, instead of the one that the signed header says.
    pub payload_type: JsonText<'a>,
    /// Provides and depends, which go before those of the signed header with the same key; clears,
    /// which stand instead of those of the signed header if there are any.
    pub type_info: TypeInfo<'a>,
    /// The text of type-info.
    pub type_info_json: &'a [u8],
    /// The text of meta-data, a JSON object that is merged into that of the signed header; `None` if
    /// empty or absent.
    pub meta_data_json: Option<&'a [u8]>,
    payload: u16,
    manifest: &'a [u8],
}

impl<'a> AugmentView<'a> {
    fn new(payload: u16, manifest: &'a [u8], document: impl Fn(Kind) -> Option<&'a [u8]>) -> Option<Self> {
        let info = AugmentInfo::from_checked(document(Kind::HeaderInfo(Part::Augment))?)?;
        let type_info_json = document(Kind::TypeInfo(Part::Augment, payload))?;
        Some(Self {
            payload_type: info.payload_types().nth(usize::from(payload))??,
            type_info: TypeInfo::from_checked(type_info_json)?,
            type_info_json,
            meta_data_json: document(Kind::MetaData(Part::Augment, payload)).filter(|json| !json.is_empty()),
            payload,
            manifest,
        })
    }

    /// The names and checksums of the files that it brings, in the order of the augmented manifest.
    pub fn files(&self) -> impl Iterator<Item = Line<'a>> + use<'a> {
        files(self.payload, self.manifest)
    }
}

fn files(payload: u16, manifest: &[u8]) -> impl Iterator<Item = Line<'_>> {
    Lines::new(manifest)
        .filter(move |line| matches!(line.subject, Subject::File { payload: of, .. } if of == payload))
}
