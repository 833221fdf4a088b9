//! Which keys Artifacts are signed with, and how others are refused.

use p256::pkcs8::ObjectIdentifier;

use crate::error::{Defect, Entry, Error};

/// `id-ecPublicKey` of RFC 5480.
pub(super) const EC_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// `rsaEncryption` of RFC 8017.
pub(super) const RSA_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// `prime256v1` (P-256) of RFC 5480.
pub(super) const P256_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// `id-RSASSA-PSS` of RFC 8017.
const PSS_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
/// `id-Ed25519` of RFC 8410.
const ED25519_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// Smallest RSA modulus in bytes: 1024 bits.
pub(super) const RSA_MIN_BYTES: usize = 128;

pub(super) fn check_rsa_size(len: usize) -> Result<(), Error> {
    if len < RSA_MIN_BYTES {
        return Err(Error::new(Defect::KeyKind, Entry::Key)
            .expected("an RSA key of at least 1024 bits")
            .found(len.saturating_mul(8)));
    }
    Ok(())
}

pub(super) fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Defect::Key, Entry::Key).expected("a sound RSA or P-256 key").caused_by(error)
}

pub(super) fn unsupported(found: ObjectIdentifier) -> Error {
    let error = Error::new(Defect::KeyKind, Entry::Key).expected("RSA (rsaEncryption) or ECDSA P-256");
    match found {
        PSS_OID => error.found("RSASSA-PSS"),
        ED25519_OID => error.found("Ed25519"),
        other => error.found(other.to_string().as_bytes()),
    }
}

pub(super) fn unsupported_curve() -> Error {
    Error::new(Defect::KeyKind, Entry::Key).expected("the curve P-256").found("another curve")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_rsa_key_is_of_1024_bits() {
        assert!(check_rsa_size(RSA_MIN_BYTES).is_ok());
        let error = check_rsa_size(RSA_MIN_BYTES - 1).unwrap_err();
        assert_eq!(error.defect(), Defect::KeyKind);
        assert!(error.to_string().contains("1016"), "{error}");
    }
}
