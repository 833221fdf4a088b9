//! Names and addresses of a server, as certificates have them: subjectAltName of RFC 5280.

use crate::failure::Failure;
use std::net::IpAddr;
use x509_cert::der::asn1::{Ia5String, OctetString};
use x509_cert::ext::pkix::name::GeneralName;

/// Longest host name, and longest label of one, in characters (RFC 1035).
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;
/// Most names and addresses together.
const ALL_MAX: usize = 256;

/// All of them.
///
/// # Errors
/// A wrong command line: something that is no host name.
pub(crate) fn all(names: &[String], addresses: &[IpAddr]) -> Result<Vec<GeneralName>, Failure> {
    let count = names.len().saturating_add(addresses.len());
    if count > ALL_MAX {
        return Err(Failure::usage(format!("expected at most {ALL_MAX} names and addresses, found {count}")));
    }
    let names = names.iter().map(|name| host(name));
    names.chain(addresses.iter().map(ip)).collect()
}

/// Letters, digits and dashes between dots; `*` may be the first label. Others than ASCII are written as `xn--...`.
fn host(name: &str) -> Result<GeneralName, Failure> {
    let wrong = |expected| Failure::usage(format!("--dns: expected {expected}, found '{name}'"));
    if name.parse::<IpAddr>().is_ok() {
        return Err(wrong("a host name, and addresses behind --ip"));
    }
    let labels = name.strip_prefix("*.").unwrap_or(name);
    let sound = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > NAME_MAX || !labels.split('.').all(sound) {
        return Err(wrong("a host name such as gateway.example.com"));
    }
    Ia5String::new(name).map(GeneralName::DnsName).map_err(|_| wrong("a host name of ASCII letters"))
}

/// Four or sixteen bytes.
fn ip(address: &IpAddr) -> Result<GeneralName, Failure> {
    let bytes = match address {
        IpAddr::V4(address) => OctetString::new(address.octets()),
        IpAddr::V6(address) => OctetString::new(address.octets()),
    };
    bytes.map(GeneralName::IpAddress).map_err(super::certificate::failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_and_what_are_none() {
        let all = |name: &str| all(&[name.to_owned()], &[]);
        for name in ["gateway", "a.example.com", "*.example.com", "xn--mller-kva.example", "a_b.local"] {
            assert!(all(name).is_ok(), "{name}");
        }
        let long = format!("{}.example", "a".repeat(64));
        for name in ["", "*", "a..b", "a.", "-a", "a-", "a b", "ä.example", "10.0.0.1", "::1", "a.*.b", &long]
        {
            assert!(all(name).is_err(), "{name}");
        }
    }
}
