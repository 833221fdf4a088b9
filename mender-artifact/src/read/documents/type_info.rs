//! type-info: what a payload provides, depends on and clears.

use super::{
    ROOTFS_IMAGE, Texts, bad_value, check_one_or_many, check_printable, members, missing, object, unknown_key,
};
use crate::error::{Defect, Entry, Error, Tell};
use crate::format_version::FormatVersion;
use crate::json::text::JsonText;
use crate::json::value::Value;

/// What the type-info of a payload says.
#[derive(Clone, Copy, Debug)]
pub struct TypeInfo<'a> {
    payload_type: Value<'a>,
    provides: Option<Value<'a>>,
    depends: Option<Value<'a>>,
    clears: Option<Value<'a>>,
}

impl<'a> TypeInfo<'a> {
    /// Takes a document that has been checked before.
    pub(crate) fn from_checked(document: &'a [u8]) -> Option<Self> {
        Self::new(Value::new(core::str::from_utf8(document).ok()?), Entry::TypeInfo(0)).ok()
    }

    pub(super) fn new(document: Value<'a>, entry: Entry) -> Result<Self, Error> {
        let (mut payload_type, mut provides, mut depends, mut clears) = (None, None, None, None);
        for (key, value) in object(entry, "type-info", document)? {
            match key.as_plain() {
                Some("type") => payload_type = Some(value),
                Some("artifact_provides") => provides = Some(value),
                Some("artifact_depends") => depends = Some(value),
                Some("clears_artifact_provides") => clears = Some(value),
                _ => return Err(unknown_key(entry, key)),
            }
        }
        let payload_type = payload_type.ok_or_else(|| missing(entry, "type"))?;
        Ok(Self { payload_type, provides, depends, clears })
    }

    pub(super) fn check(
        &self,
        entry: Entry,
        expected: Option<JsonText<'_>>,
        version: FormatVersion,
        tell: Tell<'_>,
    ) -> Result<(), Error> {
        let agrees = match (self.payload_type.as_text(), expected) {
            // Versions before 4.3.1 of the reference tool leave the type of a rootfs-image empty.
            (Some(found), Some(expected)) => found == expected || expected == *ROOTFS_IMAGE && found == *"",
            (None, None) => self.payload_type.is_null(),
            _ => false,
        };
        if !agrees {
            let error =
                Error::new(Defect::Mismatch, entry).named(b"type").found(self.payload_type.text().as_bytes());
            tell(error.expected("the type that header-info gives"))?;
        }
        if version == FormatVersion::V2 && (self.provides.or(self.depends).or(self.clears)).is_some() {
            let error = Error::new(Defect::Unknown, entry).named(b"type-info");
            tell(error.expected("only 'type' in format version 2"))?;
        }
        for (name, object_of_texts) in
            [("artifact_provides", self.provides), ("artifact_depends", self.depends)]
        {
            let Some(value) = object_of_texts else { continue };
            for (key, value) in object(entry, name, value)? {
                let checked =
                    check_printable(key, entry).and_then(|()| check_one_or_many(name, value, entry));
                if let Err(error) = checked {
                    tell(error)?;
                }
            }
        }
        if let Some(clears) = self.clears {
            if clears.items().is_none() {
                return Err(bad_value(entry, "clears_artifact_provides", clears, "a list of strings"));
            }
            check_one_or_many("clears_artifact_provides", clears, entry)?;
        }
        Ok(())
    }

    /// What the device provides after the update; each value is a string or a list of strings.
    pub fn provides(&self) -> impl Iterator<Item = (JsonText<'a>, Value<'a>)> + use<'a> {
        members(self.provides)
    }

    /// What the device must provide; each value is a string or a list of strings.
    pub fn depends(&self) -> impl Iterator<Item = (JsonText<'a>, Value<'a>)> + use<'a> {
        members(self.depends)
    }

    /// Patterns of provides that the update takes away; `None` if it does not say.
    #[must_use]
    pub fn clears(&self) -> Option<Texts<'a>> {
        self.clears.map(|list| Texts { items: list.items() })
    }
}
