//! The JSON documents of an Artifact, held to the format: `version`, header-info, type-info, meta-data
//! and `files`. Views that borrow the text; nothing is copied.

mod header_info;
mod type_info;

pub use header_info::HeaderInfo;
pub use type_info::TypeInfo;

use crate::entry_name::{check_payload_file, check_text, is_unprintable};
use crate::error::{Defect, Entry, Error, Tell};
use crate::format_version::FormatVersion;
use crate::json::check::check;
use crate::json::text::JsonText;
use crate::json::value::{Items, Members, Value};
pub(crate) use header_info::AugmentInfo;

/// The payload type of whole root file systems.
pub(crate) const ROOTFS_IMAGE: &str = "rootfs-image";

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
    pub(crate) fn version(&mut self, document: &[u8]) -> Result<FormatVersion, Error> {
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
        let Some(number) = version.as_u64() else {
            return Err(bad_value(entry, "version", version, "a number"));
        };
        let unknown = || Error::new(Defect::Version, entry).expected("2 or 3").found(number);
        FormatVersion::from_number(number).ok_or_else(unknown)
    }

    /// Checks a header-info.
    pub(crate) fn header_info<'a>(
        &mut self,
        document: &'a [u8],
        version: FormatVersion,
        tell: Tell<'_>,
    ) -> Result<HeaderInfo<'a>, Error> {
        let info = HeaderInfo::new(self.check(document, Entry::HeaderInfo)?, version)?;
        info.check(version, tell)?;
        Ok(info)
    }

    /// Checks the header-info of an augmented header against that of the signed one.
    pub(crate) fn augment_info(
        &mut self,
        document: &[u8],
        signed: &HeaderInfo<'_>,
        tell: Tell<'_>,
    ) -> Result<(), Error> {
        AugmentInfo::new(self.check(document, Entry::AugmentInfo)?)?.check(signed, tell)
    }

    /// Checks a type-info against the type that header-info gives.
    pub(crate) fn type_info(
        &mut self,
        document: &[u8],
        entry: Entry,
        payload_type: Option<JsonText<'_>>,
        version: FormatVersion,
        tell: Tell<'_>,
    ) -> Result<(), Error> {
        TypeInfo::new(self.check(document, entry)?, entry)?.check(entry, payload_type, version, tell)
    }

    /// Checks a meta-data: nothing at all, or an object.
    pub(crate) fn meta_data(&mut self, document: &[u8], entry: Entry) -> Result<(), Error> {
        if document.is_empty() {
            return Ok(());
        }
        let value = self.check(document, entry)?;
        object(entry, "meta-data", value).map(|_| ())
    }

    /// Checks a `files`, of format version 2.
    pub(crate) fn files(&mut self, document: &[u8], entry: Entry) -> Result<(), Error> {
        let value = self.check(document, entry)?;
        let mut members = object(entry, "files", value)?;
        let (Some((key, list)), None) = (members.next(), members.next()) else {
            return Err(bad_value(entry, "files", value, "an object with just 'files'"));
        };
        if key != *"files" {
            return Err(unknown_key(entry, key));
        }
        for item in list.items().ok_or_else(|| bad_value(entry, "files", list, "a list of strings"))? {
            let text = item.as_text().ok_or_else(|| bad_value(entry, "files", item, "a string"))?;
            check_payload_file(text.raw().as_bytes()).map_err(|error| error.in_entry(entry))?;
        }
        Ok(())
    }
}

/// The names in a `files` that has been checked.
pub(crate) fn file_names(document: &[u8]) -> Texts<'_> {
    let value = core::str::from_utf8(document).ok().map(Value::new);
    let list = value.and_then(|value| value.members()?.next()).map(|(_, list)| list);
    Texts { items: list.and_then(|list| list.items()) }
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
    let checked = with_str(text, check_text).unwrap_or_else(|| {
        let error = Error::new(Defect::Name, entry).named(text.raw().as_bytes());
        Err(error.expected("1 to 256 bytes without control characters"))
    });
    checked.map_err(|error| error.in_entry(entry))
}

/// Whether both are the same list of strings; no list is an empty one.
fn same_texts(a: Option<Value<'_>>, b: Option<Value<'_>>) -> bool {
    fn items<'a>(list: Option<Value<'a>>) -> impl Iterator<Item = Value<'a>> {
        list.and_then(|list| list.items()).into_iter().flatten()
    }
    let (mut a, mut b) = (items(a), items(b));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a.as_text().is_some() && a.as_text() == b.as_text() => {}
            _ => return false,
        }
    }
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
