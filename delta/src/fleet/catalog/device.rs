//! What a device reports of itself.

use super::error::CatalogError;
use super::limits::{MAX_DOCUMENT_LEN, MAX_KEYS, MAX_MAP_LEN};
use super::summary::{ARTIFACT_NAME, DEVICE_TYPE};
use super::text_map::MaybeText;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// Inventory attribute with the version of the client on the device.
pub const CLIENT_VERSION: &str = "mender_client_version";
/// Keys that say who a device is.
const ID_KEYS: [&str; 2] = ["id", "device_id"];
/// Keys below which the provides stand, where they do not stand beside the others.
const NESTED_KEYS: [&str; 2] = ["device_provides", "provides"];
/// Key of how many devices are in this state.
const COUNT_KEY: &str = "count";

/// Which program on the device decides whether to install, and what is reported afterwards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Client {
    /// Not known: what the format allows is taken to be accepted, and what becomes of provides is as with [`Client::Cpp`].
    #[default]
    Unknown,
    /// Up to 3.x, written in Go.
    Go,
    /// From 4.0 on, written in C++.
    Cpp,
}

impl Client {
    /// The client of this version, such as `4.0.5`.
    #[must_use]
    pub fn of_version(version: &str) -> Self {
        let digits =
            version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
        match digits {
            None => Self::Unknown,
            Some(major) if major < 4 => Self::Go,
            Some(_) => Self::Cpp,
        }
    }
}

/// One device, or many in the same state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What the server calls it.
    pub id: Option<String>,
    /// Everything it reports, [`DEVICE_TYPE`] and [`ARTIFACT_NAME`] included.
    pub provides: BTreeMap<String, String>,
    /// How many devices are in this state; 1 if nothing is said.
    pub count: u64,
}

impl Device {
    /// A device that reports this.
    ///
    /// # Errors
    /// `Limit` for too many or too long provides, `Field` when there is no device type.
    pub fn new(provides: BTreeMap<String, String>) -> Result<Self, CatalogError> {
        Self { id: None, provides, count: 1 }.checked()
    }

    /// Reads the JSON form: the provides as `device_provides` or `provides`, as the client sends them when it asks for
    /// a deployment, or beside `id` (or `device_id`) and `count`. What is no text is passed over.
    ///
    /// # Errors
    /// `Json`, `Limit` and `Field`.
    pub fn from_json(json: &[u8]) -> Result<Self, CatalogError> {
        Self::read(json, None)?.checked()
    }

    /// As [`Device::from_json`], keeping only `keys` (sorted), and without a check.
    pub(crate) fn read(json: &[u8], keys: Option<&[String]>) -> Result<Self, CatalogError> {
        if json.len() > MAX_DOCUMENT_LEN {
            return Err(CatalogError::limit("document about a device, bytes", json.len(), MAX_DOCUMENT_LEN));
        }
        let wrong =
            |error: serde_json::Error| CatalogError::Json { what: "device", reason: error.to_string() };
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let device = Whole { keys }.deserialize(&mut deserializer).map_err(wrong)?;
        deserializer.end().map_err(wrong)?;
        Ok(device)
    }

    fn checked(self) -> Result<Self, CatalogError> {
        if self.provides.len() > MAX_KEYS {
            return Err(CatalogError::limit("keys of provides", self.provides.len(), MAX_KEYS));
        }
        let len: usize = self.provides.iter().map(|(key, value)| key.len() + value.len()).sum();
        if len > MAX_MAP_LEN {
            return Err(CatalogError::limit("provides, bytes", len, MAX_MAP_LEN));
        }
        if self.device_type().is_empty() {
            let of = self.id.as_deref().unwrap_or("device");
            return Err(CatalogError::field(of, DEVICE_TYPE, "the type of the device", ""));
        }
        Ok(self)
    }

    /// Its type.
    #[must_use]
    pub fn device_type(&self) -> &str {
        self.get(DEVICE_TYPE).unwrap_or_default()
    }

    /// The release that it runs.
    #[must_use]
    pub fn artifact_name(&self) -> Option<&str> {
        self.get(ARTIFACT_NAME)
    }

    /// What it reports under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.provides.get(key).map(String::as_str)
    }

    /// Its client, where it reports the version of that.
    #[must_use]
    pub fn client(&self) -> Client {
        self.get(CLIENT_VERSION).map_or(Client::Unknown, Client::of_version)
    }
}

/// Reads a whole document.
struct Whole<'k> {
    keys: Option<&'k [String]>,
}

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Device;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Device, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Device;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object about a device")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Device, A::Error> {
        let mut device = Device { id: None, provides: BTreeMap::new(), count: 1 };
        let (mut counted, mut nested, mut keys) = (false, false, 0);
        while let Some(key) = access.next_key::<std::borrow::Cow<'de, str>>()? {
            more(&mut keys)?;
            if ID_KEYS.contains(&&*key) {
                let id = access.next_value::<MaybeText>()?;
                let MaybeText::Text(id) = id else { return Err(A::Error::custom("id: expected a text")) };
                if device.id.replace(id).is_some() {
                    return Err(A::Error::custom("id: there twice"));
                }
            } else if key == COUNT_KEY {
                device.count = access.next_value()?;
                if std::mem::replace(&mut counted, true) || device.count == 0 {
                    return Err(A::Error::custom("count: expected one number above 0"));
                }
            } else if NESTED_KEYS.contains(&&*key) {
                if std::mem::replace(&mut nested, true) {
                    return Err(A::Error::custom("provides: there twice"));
                }
                access.next_value_seed(Provides { keys: self.keys, into: &mut device.provides })?;
            } else {
                keep(&mut device.provides, self.keys, key, &mut access)?;
            }
        }
        Ok(device)
    }
}

/// Reads an object of provides.
struct Provides<'p> {
    keys: Option<&'p [String]>,
    into: &'p mut BTreeMap<String, String>,
}

impl<'de> DeserializeSeed<'de> for Provides<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Provides<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of provides")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let mut keys = 0;
        while let Some(key) = access.next_key::<std::borrow::Cow<'de, str>>()? {
            more(&mut keys)?;
            keep(self.into, self.keys, key, &mut access)?;
        }
        Ok(())
    }
}

/// Counts a key.
fn more<E: Error>(keys: &mut usize) -> Result<(), E> {
    *keys += 1;
    if *keys > MAX_KEYS {
        return Err(E::custom(format_args!("expected at most {MAX_KEYS} keys, found more")));
    }
    Ok(())
}

/// Keeps the value that comes, if it is a text and its key is wanted.
fn keep<'de, A: MapAccess<'de>>(
    into: &mut BTreeMap<String, String>,
    wanted: Option<&[String]>,
    key: std::borrow::Cow<'de, str>,
    access: &mut A,
) -> Result<(), A::Error> {
    if wanted.is_some_and(|wanted| wanted.binary_search_by(|wanted| wanted.as_str().cmp(&key)).is_err()) {
        access.next_value::<IgnoredAny>()?;
        return Ok(());
    }
    if let MaybeText::Text(value) = access.next_value()? {
        if into.insert(key.into_owned(), value).is_some() {
            return Err(A::Error::custom("a key is there twice"));
        }
    }
    Ok(())
}
