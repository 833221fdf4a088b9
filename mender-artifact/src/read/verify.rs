//! The signature of a manifest: how it is encoded, and the hook through which it is checked.

use crate::error::{Defect, Entry, Error};

/// Something that can tell whether a signature belongs to a manifest: a public key, several of
/// them, or a device's secure element.
pub trait Verify: Sync {
    /// Checks `signature`, decoded from base64, against the exact bytes of `manifest`.
    ///
    /// # Errors
    /// [`Defect::Signature`] if it does not belong to it.
    fn verify_manifest(&self, manifest: &[u8], signature: &[u8]) -> Result<(), Error>;
}

/// What a reader does about signatures.
#[derive(Clone, Copy, Default)]
pub enum SignatureRule<'v> {
    /// There is no key: the signature is not looked at.
    #[default]
    NotChecked,
    /// The Artifact must be signed, and by this key; else reading fails before the header.
    Require(&'v dyn Verify),
    /// The signature is checked and the outcome reported; reading goes on in any case.
    Report(&'v dyn Verify),
}

impl core::fmt::Debug for SignatureRule<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotChecked => "NotChecked",
            Self::Require(_) => "Require",
            Self::Report(_) => "Report",
        })
    }
}

/// What is known about the signature of an Artifact.
#[derive(Clone, Debug)]
pub enum SignatureStatus {
    /// There is none.
    Unsigned,
    /// There is one, and no key to check it with.
    NotChecked,
    /// It is right.
    Verified,
    /// It is wrong, for this reason.
    Failed(Error),
}

/// Decodes standard base64 in place: with padding, nothing else but line ends between the letters.
/// Says how many bytes there are.
pub(crate) fn decode_base64(text: &mut [u8]) -> Result<usize, Error> {
    let malformed = || {
        let error = Error::new(Defect::SignatureEncoding, Entry::ManifestSig);
        error.expected("one line of standard base64 with padding")
    };
    let (mut bits, mut letters, mut padding, mut len) = (0_u32, 0_usize, 0_usize, 0);
    for at in 0..text.len() {
        let value = match text[at] {
            letter @ b'A'..=b'Z' => letter - b'A',
            letter @ b'a'..=b'z' => letter - b'a' + 26,
            digit @ b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'\r' | b'\n' => continue,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return Err(malformed().at(at as u64)),
        };
        if padding > 0 {
            return Err(malformed().at(at as u64));
        }
        bits = bits << 6 | u32::from(value);
        letters += 1;
        // Every letter but the first of four completes a byte.
        let unused = match letters % 4 {
            1 => continue,
            2 => 4,
            3 => 2,
            _ => 0,
        };
        text[len] = (bits >> unused).to_le_bytes()[0];
        len += 1;
    }
    let unused = [0, 6, 4, 2][letters % 4];
    let unused_bits_set = bits & ((1 << unused) - 1) != 0;
    if letters == 0 || letters % 4 == 1 || unused_bits_set || padding != (4 - letters % 4) % 4 {
        return Err(malformed());
    }
    Ok(len)
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn decode(text: &str) -> Option<Vec<u8>> {
        let mut text = text.as_bytes().to_vec();
        let len = decode_base64(&mut text).ok()?;
        text.truncate(len);
        Some(text)
    }

    #[test]
    fn agrees_with_the_base64_crate() {
        for len in 1..100_u8 {
            let bytes: Vec<u8> = (0..len).map(|n| n.wrapping_mul(37).wrapping_add(len)).collect();
            let text = STANDARD.encode(&bytes);
            assert_eq!(decode(&text), Some(bytes.clone()), "{text}");
            let (start, end) = text.split_at(text.len() / 2);
            assert_eq!(decode(&format!("{start}\r\n{end}\n")), Some(bytes));
        }
    }

    #[test]
    fn refuses_everything_else() {
        for bad in [
            "", "\n", "A", "AA", "AAA", "AA=", "AA===", "AAAA=", "A A=", "AA==AA==", "-_A=", "AB==", "AAB=",
            "====",
        ] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }
}
