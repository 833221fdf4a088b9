//! Encrypted PKCS#8 keys: PBES2 of RFC 8018 with PBKDF2 or scrypt, and AES in CBC mode.

use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::pkcs5::{EncryptionScheme, Error as Pkcs5};
use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument};

use super::algorithm::damaged;
use crate::error::{Defect, Entry, Error};

/// Most rounds of PBKDF2: several seconds of work. OpenSSL takes 2048 unless told otherwise.
const ITERATIONS_MAX: u32 = 10_000_000;
/// Most memory of scrypt. OpenSSL takes 16 MiB.
const SCRYPT_MAX_BYTES: u64 = 256 << 20;
/// Most times that scrypt fills its memory.
const SCRYPT_ROUNDS_MAX: u16 = 16;

/// The PKCS#8 key in `der`, in memory that is wiped when dropped.
///
/// # Errors
/// [`Defect::Key`] for another passphrase or damage, [`Defect::KeyKind`] for another way of
/// encryption, [`Defect::TooLarge`] when decrypting would take too much work or memory.
pub(super) fn decrypt(der: &[u8], passphrase: &[u8]) -> Result<SecretDocument, Error> {
    let info = EncryptedPrivateKeyInfo::try_from(der).map_err(unsupported)?;
    check_work(&info.encryption_algorithm)?;
    info.decrypt(passphrase).map_err(|error| match error {
        // `pkcs5` says `EncryptFailed` of wrong padding.
        pkcs8::Error::EncryptedPrivateKey(Pkcs5::DecryptFailed | Pkcs5::EncryptFailed) => wrong_passphrase(),
        pkcs8::Error::EncryptedPrivateKey(_) => unsupported(error),
        // A wrong passphrase can decrypt to something that only its contents give away.
        pkcs8::Error::Asn1(_) => wrong_passphrase(),
        other => damaged(other),
    })
}

fn check_work(scheme: &EncryptionScheme<'_>) -> Result<(), Error> {
    let EncryptionScheme::Pbes2(parameters) = scheme else {
        return Err(kind());
    };
    let (limit, found) = match &parameters.kdf {
        Kdf::Pbkdf2(parameters) => (u64::from(ITERATIONS_MAX), u64::from(parameters.iteration_count)),
        Kdf::Scrypt(parameters) => {
            let memory = parameters.cost_parameter.saturating_mul(128);
            let memory = memory.saturating_mul(u64::from(parameters.block_size));
            if parameters.parallelization > SCRYPT_ROUNDS_MAX {
                (u64::from(SCRYPT_ROUNDS_MAX), u64::from(parameters.parallelization))
            } else {
                (SCRYPT_MAX_BYTES, memory)
            }
        }
        _ => return Err(kind()),
    };
    if found > limit {
        return Err(Error::new(Defect::TooLarge, Entry::Key)
            .named(b"work to derive a key from the passphrase")
            .expected(limit)
            .found(found));
    }
    Ok(())
}

fn wrong_passphrase() -> Error {
    Error::new(Defect::Key, Entry::Key).expected("the passphrase of this key").found("another")
}

fn kind() -> Error {
    Error::new(Defect::KeyKind, Entry::Key)
        .expected("PBES2 encryption with PBKDF2 or scrypt, and AES in CBC mode")
}

fn unsupported(error: pkcs8::Error) -> Error {
    kind().caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pkcs8::der::Encode;
    use pkcs8::pkcs5::pbes2::Parameters;

    #[test]
    fn too_much_work_is_refused_before_it_begins() {
        let refused = |parameters| {
            let info = EncryptedPrivateKeyInfo {
                encryption_algorithm: EncryptionScheme::Pbes2(parameters),
                encrypted_data: &[0; 16],
            };
            decrypt(&info.to_der().unwrap(), b"secret").map(|_| ()).unwrap_err()
        };
        let iv = &[0; 16];
        let error = refused(Parameters::pbkdf2_sha256_aes256cbc(ITERATIONS_MAX + 1, b"salt", iv).unwrap());
        assert_eq!(error.defect(), Defect::TooLarge);
        for (log_n, r, p) in [(19, 8, 1), (14, 8, 17), (31, 8, 1)] {
            let work = scrypt(log_n, r, p);
            assert_eq!(refused(work).defect(), Defect::TooLarge, "{log_n} {r} {p}");
        }
        assert_eq!(
            refused(Parameters::pbkdf2_sha256_aes256cbc(1, b"salt", iv).unwrap()).defect(),
            Defect::Key
        );
    }

    fn scrypt(log_n: u32, block_size: u16, parallelization: u16) -> Parameters<'static> {
        let mut parameters = Parameters::pbkdf2_sha256_aes256cbc(1, b"salt", &[0; 16]).unwrap();
        parameters.kdf = Kdf::Scrypt(pkcs8::pkcs5::pbes2::ScryptParams {
            salt: b"salt",
            cost_parameter: 1 << log_n,
            block_size,
            parallelization,
            key_length: None,
        });
        parameters
    }
}
