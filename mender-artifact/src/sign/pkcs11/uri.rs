//! The `pkcs11:` URI of RFC 7512.

use std::path::Path;

use cryptoki::slot::TokenInfo;
use p256::elliptic_curve::zeroize::Zeroizing;

use crate::error::{Defect, Entry, Error};

/// Largest file with a PIN.
const PIN_FILE_MAX_BYTES: u64 = 4096;

/// What a URI says. An attribute that is not there matches everything.
#[derive(Default)]
pub(super) struct Uri {
    token: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    serial: Option<String>,
    slot_id: Option<u64>,
    /// Label of the key.
    pub(super) object: Option<Vec<u8>>,
    /// Identifier of the key.
    pub(super) id: Option<Vec<u8>>,
    pub(super) module_path: Option<String>,
    pin_value: Option<Zeroizing<String>>,
    pin_source: Option<String>,
}

impl Uri {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let rest = text.strip_prefix("pkcs11:").ok_or_else(|| unusable("a URI that begins with pkcs11:"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        let parts = path.split(';').chain(query.split('&')).filter(|part| !part.is_empty());
        let mut seen = Vec::new();
        for part in parts {
            // Values may be secret; only names are ever shown.
            let (name, value) = part.split_once('=').ok_or_else(|| unusable("NAME=VALUE in the URI"))?;
            if seen.contains(&name) {
                return Err(unusable("each attribute of the URI once").found(name.as_bytes()));
            }
            seen.push(name);
            uri.set(name, value)?;
        }
        if uri.pin_value.is_some() && uri.pin_source.is_some() {
            return Err(unusable("either pin-value or pin-source in the URI").found("both"));
        }
        Ok(uri)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let bytes = Zeroizing::new(decode(value)?);
        let text = || String::from_utf8(bytes.to_vec()).map_err(|_| unusable("UTF-8 in the URI"));
        match name {
            "token" => self.token = Some(text()?),
            "manufacturer" => self.manufacturer = Some(text()?),
            "model" => self.model = Some(text()?),
            "serial" => self.serial = Some(text()?),
            "slot-id" => {
                let number = text()?.parse().map_err(|_| unusable("a number as slot-id in the URI"))?;
                self.slot_id = Some(number);
            }
            "object" => self.object = Some(bytes.to_vec()),
            "id" => self.id = Some(bytes.to_vec()),
            "type" if matches!(value, "private" | "public" | "cert") => {}
            "module-path" => self.module_path = Some(text()?),
            "pin-value" => self.pin_value = Some(Zeroizing::new(text()?)),
            "pin-source" => self.pin_source = Some(text()?),
            // Something that is not understood could mean another key.
            other => {
                return Err(unusable("an attribute of pkcs11 URIs that is supported").found(other.as_bytes()));
            }
        }
        Ok(())
    }

    /// The PIN, which is not kept.
    pub(super) fn take_pin(&mut self) -> Result<Option<Zeroizing<String>>, Error> {
        if let Some(pin) = self.pin_value.take() {
            return Ok(Some(pin));
        }
        let Some(source) = self.pin_source.take() else {
            return Ok(None);
        };
        let path = source.strip_prefix("file://").or_else(|| source.strip_prefix("file:")).unwrap_or(&source);
        if path.starts_with('|') {
            return Err(unusable("a file as pin-source").found("a command"));
        }
        let text = read(Path::new(path)).map_err(|error| Error::io(Entry::Key, error).with_path(path))?;
        Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())))
    }

    pub(super) fn matches(&self, token: &TokenInfo, slot_id: u64) -> bool {
        let same =
            |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        same(&self.token, token.label())
            && same(&self.manufacturer, token.manufacturer_id())
            && same(&self.model, token.model())
            && same(&self.serial, token.serial_number())
            && self.slot_id.is_none_or(|wanted| wanted == slot_id)
    }
}

fn read(path: &Path) -> std::io::Result<Zeroizing<String>> {
    use std::io::Read;
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)?.take(PIN_FILE_MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Bytes of a percent-encoded text.
fn decode(text: &str) -> Result<Vec<u8>, Error> {
    let wrong = || unusable("two hexadecimal digits behind each % in the URI");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or_else(wrong);
        let value = digit()? << 4 | digit()?;
        bytes.push(u8::try_from(value).map_err(|_| wrong())?);
    }
    Ok(bytes)
}

fn unusable(expected: &'static str) -> Error {
    Error::new(Defect::Setting, Entry::Key).expected(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_taken_apart() {
        let text = "pkcs11:token=My%20token;manufacturer=M;model=X;serial=1;slot-id=7;object=key%3b1;id=%01%ff;\
                    type=private?module-path=/lib/m.so&pin-value=12%2534";
        let mut uri = Uri::parse(text).unwrap();
        assert_eq!(uri.token.as_deref(), Some("My token"));
        assert_eq!(uri.slot_id, Some(7));
        assert_eq!(uri.object.as_deref(), Some(&b"key;1"[..]));
        assert_eq!(uri.id.as_deref(), Some(&[1, 255][..]));
        assert_eq!(uri.module_path.as_deref(), Some("/lib/m.so"));
        assert_eq!(uri.take_pin().unwrap().unwrap().as_str(), "12%34");
        assert!(uri.take_pin().unwrap().is_none());
    }

    #[test]
    fn a_pin_comes_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        std::fs::write(&path, "1234\n").unwrap();
        for prefix in ["", "file:", "file://"] {
            let text = format!("pkcs11:?pin-source={prefix}{}", path.display());
            assert_eq!(Uri::parse(&text).unwrap().take_pin().unwrap().unwrap().as_str(), "1234");
        }
        let missing = Uri::parse("pkcs11:?pin-source=/nowhere/pin").unwrap().take_pin().unwrap_err();
        assert_eq!(missing.defect(), Defect::Io);
    }

    #[test]
    fn what_is_not_understood_is_refused_and_no_pin_is_shown() {
        for text in [
            "token=a",
            "pkcs11:token",
            "pkcs11:token=a;token=b",
            "pkcs11:object=%4",
            "pkcs11:object=%zz",
            "pkcs11:token=%ff",
            "pkcs11:slot-id=x",
            "pkcs11:type=secret-key",
            "pkcs11:x-vendor=1",
            "pkcs11:?pin-value=hush&pin-source=hush",
            "pkcs11:?pin-value=hush%",
            "pkcs11:?pin-value=hush&pin-value=hush",
        ] {
            let error = Uri::parse(text).map(|_| ()).unwrap_err();
            assert_eq!(error.defect(), Defect::Setting, "{text}");
            assert!(!error.to_string().contains("hush"), "{error}");
        }
        assert!(Uri::parse("pkcs11:?pin-source=|cmd").unwrap().take_pin().is_err());
    }
}
