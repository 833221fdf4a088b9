//! Certificates in PEM files (RFC 7468): all there are, one behind the other, whatever stands between them.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::read_small;
use std::path::Path;
use x509_cert::Certificate;
use x509_cert::der::DecodePem;

/// Largest file. A certificate takes 1 to 2 KiB.
const FILE_MAX_BYTES: u64 = 256 * 1024;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates in a file, in their order; there is at least one.
///
/// # Errors
/// A wrong command line: a file that cannot be read, has no certificate, or a damaged one.
pub(crate) fn read(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let text = read_small(path, FILE_MAX_BYTES, ExitStatus::Usage)?;
    parse(&text).map_err(|message| Failure::about(path, ExitStatus::Usage, message))
}

fn parse(text: &[u8]) -> Result<Vec<Certificate>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "expected a PEM file, found bytes that are no text")?;
    let mut certificates = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find(BEGIN) {
        let from_begin = &rest[begin..];
        let Some(end) = from_begin.find(END) else {
            return Err(format!(
                "certificate {}: expected a line that ends it, found none",
                certificates.len() + 1
            ));
        };
        let (block, behind) = from_begin.split_at(end + END.len());
        let certificate = Certificate::from_pem(block)
            .map_err(|error| format!("certificate {}: damaged: {error}", certificates.len() + 1))?;
        certificates.push(certificate);
        rest = behind;
    }
    if certificates.is_empty() {
        return Err("expected a certificate in PEM, found none".to_owned());
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        for (text, says) in [
            (&b""[..], "expected a certificate in PEM, found none"),
            (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "expected a certificate"),
            (b"\x30\x82", "found bytes that are no text"),
            (b"-----BEGIN CERTIFICATE-----\nAAAA\n", "certificate 1: expected a line that ends it"),
            (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1: damaged"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.starts_with(says) || said.contains(says), "{said}");
        }
    }
}
