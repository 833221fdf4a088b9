//! What is known of a device: a line of a manifest, in JSON. No private key stands in it.

use super::serial::Serial;
use super::{certificate, lifetime};
use crate::failure::Failure;
use serde_json::{Map, Value, json};
use x509_cert::Certificate;

/// Longest line of a manifest in bytes. Ours have 1 to 2 KiB.
pub(crate) const LINE_MAX_BYTES: usize = 256 * 1024;

/// What is known of a device. Keys are only ever added.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) device: String,
    /// What the device tells the server about who it is.
    pub(crate) identity: Vec<(String, String)>,
    pub(crate) image: Option<ImageRecord>,
    pub(crate) serial: Serial,
    /// SHA-256 of the certificate in DER, as hexadecimal digits.
    pub(crate) certificate_sha256: String,
    /// RFC 3339.
    pub(crate) not_before: String,
    /// RFC 3339.
    pub(crate) not_after: String,
    /// Public key as PEM.
    pub(crate) public_key: String,
}

/// The image of a device.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ImageRecord {
    /// Name, relative to the manifest.
    pub(crate) path: String,
    pub(crate) size_bytes: u64,
    /// Hexadecimal digits.
    pub(crate) sha256: String,
}

impl Record {
    /// Of a device that has no image yet.
    pub(crate) fn new(
        device: &str,
        identity: &[(String, String)],
        certificate: &Certificate,
        public_key: String,
    ) -> Result<Self, Failure> {
        let contents = &certificate.tbs_certificate;
        Ok(Self {
            device: device.to_owned(),
            identity: identity.to_vec(),
            image: None,
            serial: Serial::of(&contents.serial_number),
            certificate_sha256: certificate::digest(certificate)?,
            not_before: lifetime::text(contents.validity.not_before),
            not_after: lifetime::text(contents.validity.not_after),
            public_key,
        })
    }

    /// The line, with its line end.
    pub(crate) fn to_line(&self) -> String {
        format!("{}\n", self.to_json())
    }

    /// What stands in the line.
    pub(crate) fn to_json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("device".into(), json!(self.device));
        fields.insert("identity".into(), self.identity_json());
        if let Some(image) = &self.image {
            fields.insert("image".into(), json!(image.path));
            fields.insert("image_size_bytes".into(), json!(image.size_bytes));
            fields.insert("image_sha256".into(), json!(image.sha256));
        }
        fields.insert("serial".into(), json!(self.serial.as_str()));
        fields.insert("certificate_sha256".into(), json!(self.certificate_sha256));
        fields.insert("not_before".into(), json!(self.not_before));
        fields.insert("not_after".into(), json!(self.not_after));
        fields.insert("public_key".into(), json!(self.public_key));
        Value::Object(fields)
    }

    /// Takes a line; says what is wrong with it.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(line).map_err(|error| format!("expected JSON: {error}"))?;
        Self::from_json(&value)
    }

    /// Takes what stands in a line; says what is wrong with it.
    pub(crate) fn from_json(value: &Value) -> Result<Self, String> {
        let text = |key: &str| {
            let text = value.get(key).and_then(Value::as_str);
            text.map(str::to_owned).ok_or_else(|| format!("expected a text '{key}', found none"))
        };
        let serial = text("serial")?;
        let image = match value.get("image") {
            None => None,
            Some(_) => Some(ImageRecord {
                path: text("image")?,
                size_bytes: value
                    .get("image_size_bytes")
                    .and_then(Value::as_u64)
                    .ok_or("expected a number 'image_size_bytes', found none")?,
                sha256: text("image_sha256")?,
            }),
        };
        let identity = value.get("identity").and_then(Value::as_object);
        Ok(Self {
            device: text("device")?,
            identity: identity
                .ok_or("expected an object 'identity', found none")?
                .iter()
                .map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect::<Option<_>>()
                .ok_or("expected texts in 'identity', found something else")?,
            image,
            serial: Serial::parse(&serial)
                .ok_or_else(|| format!("expected hexadecimal digits in 'serial', found '{serial}'"))?,
            certificate_sha256: text("certificate_sha256")?,
            not_before: text("not_before")?,
            not_after: text("not_after")?,
            public_key: text("public_key")?,
        })
    }

    /// The identity as an object of texts.
    pub(crate) fn identity_json(&self) -> Value {
        Value::Object(self.identity.iter().map(|(key, value)| (key.clone(), json!(value))).collect())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn record() -> Record {
        Record {
            device: "d\"1".into(),
            identity: vec![("mac".into(), "02:00".into()), ("id".into(), "ä".into())],
            image: Some(ImageRecord { path: "images/d1".into(), size_bytes: 7, sha256: "00".into() }),
            serial: Serial::parse("1f").unwrap(),
            certificate_sha256: "aa".into(),
            not_before: "2026-01-01T00:00:00Z".into(),
            not_after: "2036-01-01T00:00:00Z".into(),
            public_key: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".into(),
        }
    }

    #[test]
    fn a_line_says_all_of_it() {
        for image in [None, record().image] {
            let record = Record { image, ..record() };
            let line = record.to_line();
            assert_eq!(line.find('\n'), Some(line.len() - 1));
            assert_eq!(Record::parse(&line).unwrap(), record);
        }
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (from, to, says) in [
            ("{", "", "expected JSON"),
            ("\"serial\":\"1f\"", "\"serial\":\"1g\"", "expected hexadecimal digits in 'serial', found '1g'"),
            ("\"device\"", "\"other\"", "expected a text 'device'"),
            ("\"02:00\"", "2", "expected texts in 'identity'"),
            ("\"image_size_bytes\":7", "\"image_size_bytes\":-7", "expected a number 'image_size_bytes'"),
        ] {
            let said = Record::parse(&record().to_line().replacen(from, to, 1)).unwrap_err();
            assert!(said.starts_with(says), "{said}");
        }
    }
}
