//! The JSON documents of an Artifact, held to the format: `version`, header-info, type-info and
//! meta-data. Views that borrow the text; nothing is copied.

use crate::entry_name::{check_payload_type, check_text, is_unprintable};
use crate::error::{Defect, Entry, Error};
use crate::json::check::check;
use crate::json::text::JsonText;
use crate::json::value::{Items, Members, Value};

/// The format version that is read.
pub const VERSION: u64 = 3;

/// Checks JSON texts against limits; says in which entry they stand.
pub(crate) struct Checker<'s> {
    pub(crate) depth: usize,
    pub(crate) scratch: &'s mut [u8],
}

impl Checker<'_> {
    fn check<'a>(&mut self, document: &'a [u8], entry: Entry) -> Result<Value<'a>, Error> {
        check(document, self.depth, self.scratch).map_err(|error| error.in_entry(entry))
    }

    /// Checks the member `version`.
    pub(crate) fn version(&mut self, document: &[u8]) -> Result<(), Error> {
        let entry = Entry::Version;
        let value = self.check(document, entry)?;
        let (mut format, mut version) = (None, None);
        for (key, value) in object(entry, "version", value)? {
            match key.as_plain() {
                Some("format") => format = Some(value),
                Some("version") => version = Some(value),
                _ => return Err(unknown_key(entry, key)),
            }
        }
        let format = format.ok_or_else(|| missing(entry, "format"))?;
        if !format.as_text().is_some_and(|text| text == *"mender") {
            return Err(bad_value(entry, "format", format, "\"mender\""));
        }
        let version = version.ok_or_else(|| missing(entry, "version"))?;
        match version.as_u64() {
            Some(VERSION) => Ok(()),
            Some(other) => Err(Error::new(Defect::Version, entry).expected(VERSION).found(other)),
            None => Err(bad_value(entry, "version", version, "a number")),
        }
    }

    /// Checks a header-info.
    pub(crate) fn header_info<'a>(&mut self, document: &'a [u8]) -> Result<HeaderInfo<'a>, Error> {
        let info = HeaderInfo::new(self.check(document, Entry::HeaderInfo)?)?;
        info.check()?;
        Ok(info)
    }

    /// Checks a type-info against the type that header-info gives.
    pub(crate) fn type_info(
        &mut self,
        document: &[u8],
        entry: Entry,
        payload_type: Option<JsonText<'_>>,
    ) -> Result<(), Error> {
        TypeInfo::new(self.check(document, entry)?, entry)?.check(entry, payload_type)
    }

    /// Checks a meta-data: nothing at all, or an object.
    pub(crate) fn meta_data(&mut self, document: &[u8], entry: Entry) -> Result<(), Error> {
        if document.is_empty() {
            return Ok(());
        }
        let value = self.check(document, entry)?;
        object(entry, "meta-data", value).map(|_| ())
    }
}

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
        Self::new(Value::new(core::str::from_utf8(document).ok()?)).ok()
    }

    fn new(document: Value<'a>) -> Result<Self, Error> {
        let entry = Entry::HeaderInfo;
        let (mut payloads, mut provides, mut depends) = (None, None, None);
        for (key, value) in object(entry, "header-info", document)? {
            match key.as_plain() {
                Some("payloads") => payloads = Some(value),
                Some("artifact_provides") => provides = Some(value),
                Some("artifact_depends") => depends = Some(value),
                _ => return Err(unknown_key(entry, key)),
            }
        }
        let provides = provides.ok_or_else(|| missing(entry, "artifact_provides"))?;
        let (mut artifact_name, mut artifact_group) = (None, None);
        for (key, value) in object(entry, "artifact_provides", provides)? {
            let text = value.as_text();
            match key.as_plain() {
                Some("artifact_name") => {
                    artifact_name =
                        Some(text.ok_or_else(|| bad_value(entry, "artifact_name", value, "a string"))?);
                }
                Some("artifact_group") => {
                    artifact_group =
                        Some(text.ok_or_else(|| bad_value(entry, "artifact_group", value, "a string"))?);
                }
                _ => return Err(unknown_key(entry, key)),
            }
        }
        let depends = depends.ok_or_else(|| missing(entry, "artifact_depends"))?;
        let (mut types, mut names, mut groups) = (None, None, None);
        for (key, value) in object(entry, "artifact_depends", depends)? {
            match key.as_plain() {
                Some("device_type") => types = Some(value),
                Some("artifact_name") => names = Some(value),
                Some("artifact_group") => groups = Some(value),
                _ => return Err(unknown_key(entry, key)),
            }
        }
        Ok(Self {
            payloads: payloads.ok_or_else(|| missing(entry, "payloads"))?,
            artifact_name: artifact_name.ok_or_else(|| missing(entry, "artifact_name"))?,
            artifact_group,
            compatible_types: types.ok_or_else(|| missing(entry, "device_type"))?,
            depends_names: names,
            depends_groups: groups,
        })
    }

    fn check(&self) -> Result<(), Error> {
        let entry = Entry::HeaderInfo;
        check_name(self.artifact_name, entry)?;
        if let Some(group) = self.artifact_group {
            check_name(group, entry)?;
        }
        let lists = [
            ("device_type", Some(self.compatible_types)),
            ("artifact_name", self.depends_names),
            ("artifact_group", self.depends_groups),
        ];
        for (name, list) in lists {
            let Some(list) = list else { continue };
            let items = list.items().ok_or_else(|| bad_value(entry, name, list, "a list of strings"))?;
            for item in items {
                let text = item.as_text().ok_or_else(|| bad_value(entry, name, item, "a string"))?;
                check_name(text, entry)?;
            }
        }
        if self.compatible_types().next().is_none() {
            return Err(missing(entry, "device_type"));
        }
        let payloads = self.payloads;
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
                let text =
                    value.as_text().ok_or_else(|| bad_value(entry, "type", value, "a string or null"))?;
                with_str(text, check_payload_type).unwrap_or_else(|| {
                    Err(Error::new(Defect::Name, entry)
                        .named(text.raw().as_bytes())
                        .expected("a shorter payload type"))
                })?;
            }
            count += 1;
        }
        if count == 0 { Err(missing(entry, "payloads")) } else { Ok(()) }
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
        let payloads = self.payloads.items().into_iter().flatten();
        payloads.map(|payload| payload.members()?.next()?.1.as_text())
    }
}

/// The strings of a list.
#[derive(Clone, Debug)]
pub struct Texts<'a> {
    items: Option<Items<'a>>,
}

impl<'a> Iterator for Texts<'a> {
    type Item = JsonText<'a>;

    fn next(&mut self) -> Option<JsonText<'a>> {
        self.items.as_mut()?.next()?.as_text()
    }
}

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

    fn new(document: Value<'a>, entry: Entry) -> Result<Self, Error> {
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

    fn check(&self, entry: Entry, expected: Option<JsonText<'_>>) -> Result<(), Error> {
        let agrees = match (self.payload_type.as_text(), expected) {
            // Versions before 4.3.1 of the reference tool leave the type of a rootfs-image empty.
            (Some(found), Some(expected)) => found == expected || expected == *"rootfs-image" && found == *"",
            (None, None) => self.payload_type.is_null(),
            _ => false,
        };
        if !agrees {
            let error =
                Error::new(Defect::Mismatch, entry).named(b"type").found(self.payload_type.text().as_bytes());
            return Err(error.expected("the type that header-info gives"));
        }
        for (name, object_of_texts) in
            [("artifact_provides", self.provides), ("artifact_depends", self.depends)]
        {
            let Some(value) = object_of_texts else { continue };
            for (key, value) in object(entry, name, value)? {
                check_printable(key, entry)?;
                check_one_or_many(name, value, entry)?;
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

fn members<'a>(value: Option<Value<'a>>) -> impl Iterator<Item = (JsonText<'a>, Value<'a>)> + use<'a> {
    value.and_then(|value| value.members()).into_iter().flatten()
}

fn object<'a>(entry: Entry, name: &'static str, value: Value<'a>) -> Result<Members<'a>, Error> {
    value.members().ok_or_else(|| bad_value(entry, name, value, "an object"))
}

fn check_one_or_many(name: &'static str, value: Value<'_>, entry: Entry) -> Result<(), Error> {
    if let Some(text) = value.as_text() {
        return check_printable(text, entry);
    }
    let wrong = |value| bad_value(entry, name, value, "a string or a list of strings");
    for item in value.items().ok_or_else(|| wrong(value))? {
        check_printable(item.as_text().ok_or_else(|| wrong(item))?, entry)?;
    }
    Ok(())
}

fn check_printable(text: JsonText<'_>, entry: Entry) -> Result<(), Error> {
    if text.chars().any(is_unprintable) {
        let error = Error::new(Defect::Name, entry).named(text.raw().as_bytes());
        return Err(error.expected("no control characters"));
    }
    Ok(())
}

fn check_name(text: JsonText<'_>, entry: Entry) -> Result<(), Error> {
    with_str(text, check_text).unwrap_or_else(|| {
        let error = Error::new(Defect::Name, entry).named(text.raw().as_bytes());
        Err(error.expected("1 to 256 bytes without control characters"))
    })
}

/// Gives the decoded string to `look`, unless it is longer than any name may be.
fn with_str<R>(text: JsonText<'_>, look: impl FnOnce(&str) -> R) -> Option<R> {
    let mut memory = [0; crate::entry_name::TEXT_MAX_BYTES];
    let mut len = 0;
    for c in text.chars() {
        let free = memory.get_mut(len..len + c.len_utf8())?;
        len += c.encode_utf8(free).len();
    }
    core::str::from_utf8(&memory[..len]).ok().map(look)
}

fn missing(entry: Entry, key: &'static str) -> Error {
    Error::new(Defect::Missing, entry).named(key.as_bytes())
}

fn unknown_key(entry: Entry, key: JsonText<'_>) -> Error {
    Error::new(Defect::Unknown, entry).named(key.raw().as_bytes()).expected("only keys that the format has")
}

fn bad_value(entry: Entry, name: &'static str, value: Value<'_>, expected: &'static str) -> Error {
    let error = Error::new(Defect::Value, entry).named(name.as_bytes());
    error.expected(expected).found(value.text().as_bytes())
}
