//! SHA-256, the only checksum that Artifacts have.

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// A running SHA-256.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Gives the digest of all bytes so far and begins anew.
    pub fn take(&mut self) -> Digest {
        self.0.finalize_reset().into()
    }
}

impl core::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Hasher")
    }
}

/// The SHA-256 of `bytes`.
#[must_use]
pub fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// Reads 64 lower-case hexadecimal digits.
#[must_use]
pub fn from_hex(text: &[u8]) -> Option<Digest> {
    let mut digest = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(text.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(digest)
}

/// Writes 64 lower-case hexadecimal digits.
#[cfg(feature = "std")]
#[must_use]
pub fn to_hex(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_lower_case_and_whole() {
        let mut text = *b"00ff00000000000000000000000000000000000000000000000000000000000a";
        let digest = from_hex(&text);
        assert_eq!(digest.map(|d| (d[0], d[1], d[31])), Some((0, 0xff, 10)));
        text[2] = b'F';
        assert_eq!(from_hex(&text), None);
        assert_eq!(from_hex(&text[..62]), None);
    }

    #[cfg(feature = "std")]
    #[test]
    fn hexadecimal_goes_both_ways() {
        let digest = digest(b"abc");
        assert_eq!(from_hex(to_hex(&digest).as_bytes()), Some(digest));
    }

    #[test]
    fn taking_begins_anew() {
        let mut hasher = Hasher::default();
        hasher.update(b"abc");
        assert_eq!(hasher.take(), digest(b"abc"));
        assert_eq!(hasher.take(), digest(b""));
    }
}
