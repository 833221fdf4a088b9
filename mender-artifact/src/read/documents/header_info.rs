//! header-info: what the Artifact is called, which devices it is for, and which payloads it has.

use super::{ROOTFS_IMAGE, Texts, bad_value, check_name, missing, object, same_texts, unknown_key, with_str};
use crate::entry_name::check_payload_type;
use crate::error::{Defect, Entry, Error, Tell};
use crate::format_version::FormatVersion;
use crate::json::text::JsonText;
use crate::json::value::Value;

/// What header-info says.
#[derive(Clone, Copy, Debug)]
pub struct HeaderInfo<'a> {
    payloads: Value<'a>,
    artifact_name: JsonText<'a>,
    artifact_group: Option<JsonText<'a>>,
    compatible_types: Value<'a>,
    depends_names: Option<Value<'a>>,
    depends_groups: Option<Value<'a>>,
}

impl<'a> HeaderInfo<'a> {
    /// Takes a document that has been checked before.
    pub(crate) fn from_checked(document: &'a [u8]) -> Option<Self> {
        let document = Value::new(core::str::from_utf8(document).ok()?);
        // No document is sound in both versions.
        Self::new(document, FormatVersion::V3).or_else(|_| Self::new(document, FormatVersion::V2)).ok()
    }

    pub(super) fn new(document: Value<'a>, version: FormatVersion) -> Result<Self, Error> {
        match version {
            FormatVersion::V2 => Self::version_2(document),
            FormatVersion::V3 => Self::version_3(document),
        }
    }

    fn version_2(document: Value<'a>) -> Result<Self, Error> {
        let entry = Entry::HeaderInfo;
        let (mut payloads, mut artifact_name, mut types) = (None, None, None);
        for (key, value) in object(entry, "header-info", document)? {
            match key.as_plain() {
                Some("updates") => payloads = Some(value),
                Some("artifact_name") => artifact_name = Some(string(entry, "artifact_name", value)?),
                Some("device_types_compatible") => types = Some(value),
                _ => return Err(unknown_key(entry, key)),
            }
        }
        Ok(Self {
            payloads: payloads.ok_or_else(|| missing(entry, "updates"))?,
            artifact_name: artifact_name.ok_or_else(|| missing(entry, "artifact_name"))?,
            artifact_group: None,
            compatible_types: types.ok_or_else(|| missing(entry, "device_types_compatible"))?,
            depends_names: None,
            depends_groups: None,
        })
    }

    fn version_3(document: Value<'a>) -> Result<Self, Error> {
        let entry = Entry::HeaderInfo;
        let parts = Parts::new(entry, document)?;
        let provides = parts.provides.ok_or_else(|| missing(entry, "artifact_provides"))?;
        let depends = parts.depends.ok_or_else(|| missing(entry, "artifact_depends"))?;
        Ok(Self {
            payloads: parts.payloads.ok_or_else(|| missing(entry, "payloads"))?,
            artifact_name: provides.artifact_name.ok_or_else(|| missing(entry, "artifact_name"))?,
            artifact_group: provides.artifact_group,
            compatible_types: depends.types.ok_or_else(|| missing(entry, "device_type"))?,
            depends_names: depends.names,
            depends_groups: depends.groups,
        })
    }

    pub(super) fn check(&self, version: FormatVersion, tell: Tell<'_>) -> Result<(), Error> {
        let entry = Entry::HeaderInfo;
        let name_of_types = match version {
            FormatVersion::V2 => "device_types_compatible",
            FormatVersion::V3 => "device_type",
        };
        for text in [Some(self.artifact_name), self.artifact_group].into_iter().flatten() {
            if let Err(error) = check_name(text, entry) {
                tell(error)?;
            }
        }
        let lists = [
            (name_of_types, Some(self.compatible_types)),
            ("artifact_name", self.depends_names),
            ("artifact_group", self.depends_groups),
        ];
        for (name, list) in lists {
            let Some(list) = list else { continue };
            let items = list.items().ok_or_else(|| bad_value(entry, name, list, "a list of strings"))?;
            for item in items {
                let text = string(entry, name, item)?;
                if let Err(error) = check_name(text, entry) {
                    tell(error)?;
                }
            }
        }
        if self.compatible_types().next().is_none() {
            tell(missing(entry, name_of_types))?;
        }
        check_payloads(entry, self.payloads, tell)?;
        let other = |payload_type: &Option<JsonText<'_>>| {
            !payload_type.is_some_and(|payload_type| payload_type == *ROOTFS_IMAGE)
        };
        if version == FormatVersion::V2 && self.payload_types().any(|payload_type| other(&payload_type)) {
            let error = Error::new(Defect::Value, entry).named(b"type");
            tell(error.expected("rootfs-image in format version 2"))?;
        }
        Ok(())
    }

    /// The name of the release.
    #[must_use]
    pub const fn artifact_name(&self) -> JsonText<'a> {
        self.artifact_name
    }

    /// The group that the device belongs to after the update.
    #[must_use]
    pub const fn artifact_group(&self) -> Option<JsonText<'a>> {
        self.artifact_group
    }

    /// The device types that the Artifact is for.
    #[must_use]
    pub fn compatible_types(&self) -> Texts<'a> {
        Texts { items: self.compatible_types.items() }
    }

    /// The releases one of which the device must run; empty means any.
    #[must_use]
    pub fn depends_names(&self) -> Texts<'a> {
        Texts { items: self.depends_names.and_then(|list| list.items()) }
    }

    /// The groups in one of which the device must be; empty means any.
    #[must_use]
    pub fn depends_groups(&self) -> Texts<'a> {
        Texts { items: self.depends_groups.and_then(|list| list.items()) }
    }

    /// The types of the payloads; `None` inside is the `null` of a bootstrap Artifact.
    pub fn payload_types(&self) -> impl Iterator<Item = Option<JsonText<'a>>> + use<'a> {
        payload_types(self.payloads)
    }
}

/// What the header-info of an augmented header says: the types of the payloads, and nothing else that the signed one
/// does not say as well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AugmentInfo<'a> {
    payloads: Value<'a>,
    provides: Option<Provides<'a>>,
    depends: Option<Depends<'a>>,
}

impl<'a> AugmentInfo<'a> {
    /// Takes a document that has been checked before.
    pub(crate) fn from_checked(document: &'a [u8]) -> Option<Self> {
        Self::new(Value::new(core::str::from_utf8(document).ok()?)).ok()
    }

    pub(super) fn new(document: Value<'a>) -> Result<Self, Error> {
        let entry = Entry::AugmentInfo;
        let Parts { payloads, provides, depends } = Parts::new(entry, document)?;
        let payloads = payloads.ok_or_else(|| missing(entry, "payloads"))?;
        Ok(Self { payloads, provides, depends })
    }

    pub(super) fn check(&self, signed: &HeaderInfo<'_>, tell: Tell<'_>) -> Result<(), Error> {
        let entry = Entry::AugmentInfo;
        check_payloads(entry, self.payloads, tell)?;
        let (found, expected) = (self.payload_types().count(), signed.payload_types().count());
        if found != expected {
            let error = Error::new(Defect::Mismatch, entry).named(b"payloads");
            return Err(error.expected(expected).found(found));
        }
        for (augmented, signed) in self.payload_types().zip(signed.payload_types()) {
            let wrong = match (augmented, signed) {
                (None, _) => "a type that is not null",
                // Other tools then forget what the signed header provides and depends on.
                (Some(text), _) if text == *ROOTFS_IMAGE => "another type than rootfs-image",
                (_, None) => "a header that is no bootstrap",
                _ => continue,
            };
            tell(Error::new(Defect::Value, entry).named(b"type").expected(wrong))?;
        }
        let different = |name: &'static str| {
            let error = Error::new(Defect::Mismatch, entry).named(name.as_bytes());
            error.expected("nothing, or what the signed header says")
        };
        if self.provides.is_some_and(|provides| !provides.is_of(signed)) {
            tell(different("artifact_provides"))?;
        }
        if self.depends.is_some_and(|depends| !depends.is_of(signed)) {
            tell(different("artifact_depends"))?;
        }
        Ok(())
    }

    /// The types of the payloads.
    pub(crate) fn payload_types(&self) -> impl Iterator<Item = Option<JsonText<'a>>> + use<'a> {
        payload_types(self.payloads)
    }
}

/// The members of a header-info of format version 3, none of which must be there yet.
struct Parts<'a> {
    payloads: Option<Value<'a>>,
    provides: Option<Provides<'a>>,
    depends: Option<Depends<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Provides<'a> {
    artifact_name: Option<JsonText<'a>>,
    artifact_group: Option<JsonText<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Depends<'a> {
    types: Option<Value<'a>>,
    names: Option<Value<'a>>,
    groups: Option<Value<'a>>,
}

impl<'a> Parts<'a> {
    fn new(entry: Entry, document: Value<'a>) -> Result<Self, Error> {
        let (mut payloads, mut provides, mut depends) = (None, None, None);
        for (key, value) in object(entry, "header-info", document)? {
            match key.as_plain() {
                Some("payloads") => payloads = Some(value),
                Some("artifact_provides") => provides = Some(Provides::new(entry, value)?),
                Some("artifact_depends") => depends = Some(Depends::new(entry, value)?),
                _ => return Err(unknown_key(entry, key)),
            }
        }
        Ok(Self { payloads, provides, depends })
    }
}

impl<'a> Provides<'a> {
    fn new(entry: Entry, provides: Value<'a>) -> Result<Self, Error> {
        let (mut artifact_name, mut artifact_group) = (None, None);
        for (key, value) in object(entry, "artifact_provides", provides)? {
            match key.as_plain() {
                Some("artifact_name") => artifact_name = Some(string(entry, "artifact_name", value)?),
                Some("artifact_group") => artifact_group = Some(string(entry, "artifact_group", value)?),
                _ => return Err(unknown_key(entry, key)),
            }
        }
        Ok(Self { artifact_name, artifact_group })
    }

    fn is_of(&self, info: &HeaderInfo<'_>) -> bool {
        let same_group = match (self.artifact_group, info.artifact_group) {
            (Some(found), Some(signed)) => found == signed,
            (None, None) => true,
            _ => false,
        };
        same_group && self.artifact_name.is_some_and(|name| name == info.artifact_name)
    }
}

impl<'a> Depends<'a> {
    fn new(entry: Entry, depends: Value<'a>) -> Result<Self, Error> {
        let (mut types, mut names, mut groups) = (None, None, None);
        for (key, value) in object(entry, "artifact_depends", depends)? {
            match key.as_plain() {
                Some("device_type") => types = Some(value),
                Some("artifact_name") => names = Some(value),
                Some("artifact_group") => groups = Some(value),
                _ => return Err(unknown_key(entry, key)),
            }
        }
        Ok(Self { types, names, groups })
    }

    fn is_of(&self, info: &HeaderInfo<'_>) -> bool {
        same_texts(self.types, Some(info.compatible_types))
            && same_texts(self.names, info.depends_names)
            && same_texts(self.groups, info.depends_groups)
    }
}

fn check_payloads(entry: Entry, payloads: Value<'_>, tell: Tell<'_>) -> Result<(), Error> {
    let items = payloads.items().ok_or_else(|| bad_value(entry, "payloads", payloads, "a list"))?;
    let mut count = 0;
    for payload in items {
        let mut members = object(entry, "payloads", payload)?;
        let (Some((key, value)), None) = (members.next(), members.next()) else {
            return Err(bad_value(entry, "payloads", payload, "objects with just 'type'"));
        };
        if key != *"type" {
            return Err(unknown_key(entry, key));
        }
        if !value.is_null() {
            let text = value.as_text().ok_or_else(|| bad_value(entry, "type", value, "a string or null"))?;
            let checked = with_str(text, check_payload_type).unwrap_or_else(|| {
                let error = Error::new(Defect::Name, entry).named(text.raw().as_bytes());
                Err(error.expected("a shorter payload type"))
            });
            if let Err(error) = checked {
                tell(error.in_entry(entry))?;
            }
        }
        count += 1;
    }
    if count == 0 { Err(missing(entry, "payloads")) } else { Ok(()) }
}

fn payload_types<'a>(payloads: Value<'a>) -> impl Iterator<Item = Option<JsonText<'a>>> + use<'a> {
    let payloads = payloads.items().into_iter().flatten();
    payloads.map(|payload| payload.members()?.next()?.1.as_text())
}

fn string<'a>(entry: Entry, name: &'static str, value: Value<'a>) -> Result<JsonText<'a>, Error> {
    value.as_text().ok_or_else(|| bad_value(entry, name, value, "a string"))
}
