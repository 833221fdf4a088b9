//! Finds the key in a PEM file (RFC 7468): text around blocks and blocks of other kinds are skipped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::elliptic_curve::zeroize::Zeroizing;

use crate::error::{Defect, Entry, Error};

/// Largest key file. A 16384-bit RSA key takes 13 KiB.
const FILE_MAX_BYTES: usize = 64 * 1024;

/// One block: its label, such as `PRIVATE KEY`, and the DER inside, wiped from memory when dropped.
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// The first block with one of `labels`.
///
/// # Errors
/// [`Defect::Key`] when there is none or it is damaged, [`Defect::KeyKind`] when it is encrypted and
/// the label says or the caller wants otherwise.
pub(super) fn find<'a>(text: &'a [u8], labels: &[&str]) -> Result<Block<'a>, Error> {
    if text.len() > FILE_MAX_BYTES {
        return Err(Error::new(Defect::TooLarge, Entry::Key).expected(FILE_MAX_BYTES).found(text.len()));
    }
    let text = std::str::from_utf8(text).map_err(|_| {
        // The outermost tag of every key in DER.
        let found = if text.first() == Some(&0x30) { "DER" } else { "bytes that are no text" };
        unusable("a PEM file", found)
    })?;
    let mut lines = text.lines().map(str::trim_end);
    let mut other_label = None;
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|l| l.strip_suffix("-----")) else {
            continue;
        };
        let mut base64 = Zeroizing::new(String::with_capacity(text.len()));
        let mut ended = false;
        let mut legacy_encryption = false;
        for line in lines.by_ref() {
            if let Some(end) = line.strip_prefix("-----END ") {
                ended = end.strip_suffix("-----") == Some(label);
                break;
            }
            if line.contains(':') {
                legacy_encryption |= line.starts_with("Proc-Type:") && line.contains("ENCRYPTED");
            } else {
                base64.push_str(line.trim_start());
            }
        }
        if !ended {
            return Err(unusable("a line that ends the PEM block", "none").named(label.as_bytes()));
        }
        let encrypted =
            |expected| Error::new(Defect::KeyKind, Entry::Key).named(label.as_bytes()).expected(expected);
        if legacy_encryption {
            // A digest of the passphrase with MD5, once, and no check value.
            return Err(encrypted("encryption as PKCS#8 has it").found("the old one of PEM headers"));
        }
        if !labels.contains(&label) {
            if label.starts_with("ENCRYPTED ") {
                return Err(encrypted("a passphrase, or a key that is not encrypted"));
            }
            other_label = other_label.or(Some(label));
            continue;
        }
        let der = STANDARD
            .decode(base64.as_bytes())
            .map_err(|error| unusable("base64", "something else").named(label.as_bytes()).caused_by(error))?;
        return Ok(Block { label, der: Zeroizing::new(der) });
    }
    let error = Error::new(Defect::Key, Entry::Key);
    Err(match other_label {
        Some(label) => error.expected("a PEM block with a key of the right kind").found(label.as_bytes()),
        None => error.expected("a PEM block").found("none"),
    })
}

fn unusable(expected: &'static str, found: &'static str) -> Error {
    Error::new(Defect::Key, Entry::Key).expected(expected).found(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "some text\n-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\r\n\
                       -----BEGIN EC PRIVATE KEY-----\r\nAQID\r\nBA==\r\n-----END EC PRIVATE KEY-----\r\n";

    #[test]
    fn other_blocks_and_line_ends_do_not_matter() {
        let block = find(TWO.as_bytes(), &["EC PRIVATE KEY"]).unwrap();
        assert_eq!(block.label, "EC PRIVATE KEY");
        assert_eq!(*block.der, [1, 2, 3, 4]);
    }

    #[test]
    fn headers_that_do_not_encrypt_are_passed_over() {
        for header in ["Proc-Type: 4,MIC-CLEAR", "Comment: not ENCRYPTED"] {
            let text = format!("-----BEGIN PRIVATE KEY-----\n{header}\n\nAQID\n-----END PRIVATE KEY-----\n");
            assert_eq!(*find(text.as_bytes(), &["PRIVATE KEY"]).unwrap().der, [1, 2, 3]);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("", "key: unusable key: expected a PEM block, found none"),
            (
                "-----BEGIN PRIVATE KEY-----\nAQID\n",
                "key: 'PRIVATE KEY': unusable key: expected a line that ends the PEM block, found none",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nA*==\n-----END PRIVATE KEY-----\n",
                "key: 'PRIVATE KEY': unusable key: expected base64, found something else",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n",
                "key: unusable key: expected a PEM block with a key of the right kind, found 'CERTIFICATE'",
            ),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAQID\n-----END ENCRYPTED PRIVATE KEY-----\n",
                "key: 'ENCRYPTED PRIVATE KEY': unsupported kind of key: expected a passphrase, or a key that is not encrypted",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAQID\n-----END PRIVATE KEY-----\n",
                "key: 'PRIVATE KEY': unsupported kind of key: expected encryption as PKCS#8 has it, \
                 found the old one of PEM headers",
            ),
        ];
        for (text, message) in cases {
            let error = find(text.as_bytes(), &["PRIVATE KEY"]).map(|_| ()).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        let der = find(&[0x30, 0x82, 4, 0xbd], &["PRIVATE KEY"]).map(|_| ()).unwrap_err();
        assert_eq!(der.to_string(), "key: unusable key: expected a PEM file, found DER");
        let error = |text: &[u8]| find(text, &["PRIVATE KEY"]).map(|_| ()).unwrap_err();
        assert_eq!(error(&[b'\n'; FILE_MAX_BYTES + 1]).defect(), Defect::TooLarge);
        assert_eq!(error(&[b'\n'; FILE_MAX_BYTES]).defect(), Defect::Key);
        assert!(find(&[0xff, 0xfe], &["PRIVATE KEY"]).is_err());
    }
}
