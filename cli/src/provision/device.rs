//! A device that is to get a certificate: what it is called and who it says it is.

use super::authority::Authority;
use super::certificate::{Purpose, Request, pem};
use super::device_key::DeviceKey;
use super::record::Record;
use super::subject;
use crate::args::provision::DeviceCertificateArgs;
use crate::failure::Failure;
use p256::elliptic_curve::zeroize::Zeroizing;
use x509_cert::name::Name;
use x509_cert::time::Validity;

/// Longest name of a device in characters: what a common name may have.
const NAME_MAX: usize = 64;
/// Most attributes of an identity, and the longest key and value in bytes.
const ATTRIBUTES_MAX: usize = 64;
const KEY_MAX_BYTES: usize = 256;
const VALUE_MAX_BYTES: usize = 1024;
/// Stands for the name of the device in `--subject`.
const PLACEHOLDER: &str = "{device}";
const DEFAULT_DAYS: u32 = 3650;

/// A device.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) identity: Vec<(String, String)>,
}

impl Device {
    /// Checks name and identity; says what is wrong with them.
    pub(crate) fn new(name: String, identity: Vec<(String, String)>) -> Result<Self, String> {
        let chars = name.chars().count();
        if chars == 0 || chars > NAME_MAX {
            return Err(format!("name of a device: expected 1 to {NAME_MAX} characters, found '{name}'"));
        }
        if name.chars().any(char::is_control) || name != name.trim() {
            return Err(format!(
                "name of a device: expected no control characters and no blanks around it, found '{name}'"
            ));
        }
        if identity.len() > ATTRIBUTES_MAX {
            return Err(format!(
                "identity: expected at most {ATTRIBUTES_MAX} attributes, found {}",
                identity.len()
            ));
        }
        for (index, (key, value)) in identity.iter().enumerate() {
            if key.is_empty() || key.len() > KEY_MAX_BYTES {
                return Err(format!("identity: expected keys of 1 to {KEY_MAX_BYTES} bytes, found '{key}'"));
            }
            if value.is_empty() || value.len() > VALUE_MAX_BYTES {
                return Err(format!(
                    "identity: '{key}': expected 1 to {VALUE_MAX_BYTES} bytes, found {}",
                    value.len()
                ));
            }
            if key.chars().chain(value.chars()).any(char::is_control) {
                return Err(format!("identity: '{key}': expected no control characters, found some"));
            }
            if identity.iter().take(index).any(|(other, _)| other == key) {
                return Err(format!("identity: expected each key once, found '{key}' twice"));
            }
        }
        Ok(Self { name, identity })
    }
}

/// What a device gets.
pub(crate) struct Issued {
    /// PEM, wiped when dropped.
    pub(crate) private_key: Zeroizing<String>,
    /// PEM, with the certificates that lead to the root behind it.
    pub(crate) certificates: String,
    pub(crate) record: Record,
}

/// How devices get their certificates.
pub(crate) struct Issuing<'a> {
    authority: &'a Authority,
    subject: &'a str,
    validity: Validity,
}

impl<'a> Issuing<'a> {
    /// All that is issued with it is valid for the same time.
    ///
    /// # Errors
    /// When the system's clock is wrong.
    pub(crate) fn new(authority: &'a Authority, args: &'a DeviceCertificateArgs) -> Result<Self, Failure> {
        let validity = authority.validity(args.days, DEFAULT_DAYS)?;
        Ok(Self { authority, subject: &args.subject, validity })
    }

    /// From when on certificates are valid, in seconds since 1970.
    pub(crate) fn begins_seconds(&self) -> i64 {
        i64::try_from(self.validity.not_before.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
    }

    /// Whether a certificate can say what the device is called.
    ///
    /// # Errors
    /// A wrong `--subject`.
    pub(crate) fn check(&self, device: &Device) -> Result<(), Failure> {
        self.subject(device).map(drop)
    }

    /// Makes a key and a certificate for a device.
    ///
    /// # Errors
    /// A wrong `--subject`, and whatever keeps the authority from issuing.
    pub(crate) fn issue(&self, device: &Device) -> Result<Issued, Failure> {
        let key = DeviceKey::generate()?;
        let certificate = self.authority.issue(Request {
            subject: self.subject(device)?,
            validity: self.validity,
            purpose: Purpose::Device,
            public_key_der: key.public_der()?,
        })?;
        let record = Record::new(&device.name, &device.identity, &certificate, key.public_pem()?)?;
        let certificates = pem([&certificate].into_iter().chain(self.authority.behind_issued()))?;
        Ok(Issued { private_key: key.private_pem()?, certificates, record })
    }

    fn subject(&self, device: &Device) -> Result<Name, Failure> {
        subject::parse(&self.subject.replace(PLACEHOLDER, &subject::escaped(&device.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, identity: &[(&str, &str)]) -> Result<Device, String> {
        Device::new(
            name.into(),
            identity.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        )
    }

    #[test]
    fn names_and_identities_have_limits() {
        device("a", &[]).unwrap();
        device(&"ä".repeat(64), &[("mac", "02:00"), ("serial", "7")]).unwrap();
        for name in ["", " a", "a\n", &"a".repeat(65)] {
            assert!(device(name, &[]).is_err(), "{name}");
        }
        let (key, value) = ("k".repeat(257), "v".repeat(1025));
        for identity in [
            &[("", "v")][..],
            &[("k", "")],
            &[(key.as_str(), "v")],
            &[("k", value.as_str())],
            &[("k", "a\tb")],
            &[("k", "1"), ("k", "2")],
        ] {
            assert!(device("a", identity).is_err(), "{identity:?}");
        }
    }
}
