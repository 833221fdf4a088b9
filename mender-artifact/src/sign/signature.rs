//! The forms of a signature: RSA as it is, ECDSA as r and s or as DER.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::Signature;

use super::algorithm::RSA_MIN_BYTES;
use crate::error::{Defect, Entry, Error};

/// Length of an ECDSA P-256 signature as Artifacts store it: r and s, 32 bytes each, big-endian.
pub const P256_LEN_BYTES: usize = 64;
/// Longest RSA signature: 4096 bits.
const RSA_MAX_BYTES: usize = 512;
/// Longest signature that is looked at, as base64 with line ends.
const TEXT_MAX_BYTES: usize = 1024;

/// The signature that a file holds, in the form in which Artifacts store it. The file may hold the
/// bytes themselves, as `openssl dgst -sign` writes them, or base64. Without the key only the form can
/// be checked: an RSA signature has 128 to 512 bytes, an ECDSA P-256 one is r and s or DER.
///
/// # Errors
/// [`Defect::Signature`] when it is nothing of that.
pub fn from_file(contents: &[u8]) -> Result<Vec<u8>, Error> {
    if contents.len() <= TEXT_MAX_BYTES && contents.iter().all(|byte| is_base64(*byte)) {
        let text: Vec<u8> = contents.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
        if let Ok(signature) = STANDARD.decode(text) {
            return stored_form(&signature);
        }
    }
    stored_form(contents)
}

/// A signature in the form in which Artifacts store it, as far as its own bytes tell; see [`from_file`].
/// With the public key at hand [`PublicKey::accept`](super::public_key::PublicKey::accept) is better.
///
/// # Errors
/// [`Defect::Signature`] when this is no RSA or ECDSA P-256 signature.
pub fn stored_form(signature: &[u8]) -> Result<Vec<u8>, Error> {
    if let Some(sound) = fixed(signature).or_else(|| der(signature)) {
        return Ok(sound.to_bytes().to_vec());
    }
    if (RSA_MIN_BYTES..=RSA_MAX_BYTES).contains(&signature.len()) {
        return Ok(signature.to_vec());
    }
    Err(Error::new(Defect::Signature, Entry::ManifestSig)
        .expected("an RSA or ECDSA P-256 signature, as bytes or base64"))
}

/// r and s, 32 bytes each. Neither can be 0, or as large as the order of the curve.
pub(super) fn fixed(signature: &[u8]) -> Option<Signature> {
    if signature.len() == P256_LEN_BYTES { Signature::from_slice(signature).ok() } else { None }
}

/// `ECDSA-Sig-Value` of RFC 3279, 8 to 72 bytes.
pub(super) fn der(signature: &[u8]) -> Option<Signature> {
    Signature::from_der(signature).ok()
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const DER: &[u8] = include_bytes!("../../tests/keys/p256-short.der");

    #[test]
    fn every_form_of_one_signature_is_stored_alike() {
        let stored = stored_form(DER).unwrap();
        assert_eq!(stored.len(), P256_LEN_BYTES);
        let text = |bytes: &[u8]| STANDARD.encode(bytes);
        let (der, plain) = (text(DER), text(&stored));
        let folded = format!("{}\r\n{}\n", &plain[..40], &plain[40..]);
        for form in [DER, &stored, der.as_bytes(), plain.as_bytes(), folded.as_bytes()] {
            assert_eq!(from_file(form).unwrap(), stored);
        }
    }

    #[test]
    fn rsa_signatures_stay_as_they_are() {
        let rsa = include_bytes!("../../tests/keys/rsa.sig");
        assert_eq!(from_file(rsa).unwrap(), rsa);
        assert_eq!(from_file(STANDARD.encode(rsa).as_bytes()).unwrap(), rsa);
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let long = [7; RSA_MAX_BYTES + 1];
        for bytes in [&b""[..], b"a", &[0; 64], &[0xff; 64], &DER[1..], &[7; 96], &[7; 127], &long] {
            let error = from_file(bytes).unwrap_err();
            assert_eq!(error.defect(), Defect::Signature, "{} bytes", bytes.len());
        }
    }
}
