//! What the key flags name: a key in a file, a device or a service.

#[cfg(feature = "held-keys")]
mod held;

use crate::args::key::{PrivateKeyArgs, PublicKeyArgs};
use crate::args::provision::IssuerArgs;
use crate::exit_code::ExitStatus;
use crate::failure::{Failure, chain};
use crate::input::read_small;
#[cfg(feature = "held-keys")]
use held::HeldSource;
use mender_artifact::error::Error;
use mender_artifact::sign::Signer;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::sign::public_key::PublicKey;
use std::path::Path;

/// More than any RSA key with comments needs.
const KEY_FILE_MAX_BYTES: u64 = 64 * 1024;
/// More than anybody remembers.
const PASSPHRASE_FILE_MAX_BYTES: u64 = 4096;
/// The passphrase of an encrypted key, where no file is named.
const PASSPHRASE_VARIABLE: &str = "MENDER_ARTIFACT_KEY_PASSPHRASE";

/// What signs.
pub(crate) enum SigningKey {
    File(PrivateKey),
    #[cfg(feature = "held-keys")]
    Held(HeldSource),
}

impl Signer for SigningKey {
    fn sign_manifest(&self, manifest: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Self::File(key) => key.sign_manifest(manifest),
            #[cfg(feature = "held-keys")]
            Self::Held(key) => key.sign_manifest(manifest),
        }
    }
}

/// The key that signs, if one is named.
pub(crate) fn private(args: &PrivateKeyArgs) -> Result<Option<SigningKey>, Failure> {
    let Some(path) = &args.key else {
        #[cfg(feature = "held-keys")]
        return Ok(HeldSource::find(&args.held)?.map(SigningKey::Held));
        #[cfg(not(feature = "held-keys"))]
        return Ok(None);
    };
    in_file(path, args.key_passphrase_file.as_deref()).map(Some)
}

/// The key of the authority that issues certificates.
pub(crate) fn of_authority(args: &IssuerArgs) -> Result<SigningKey, Failure> {
    if let Some(path) = &args.ca_key {
        return in_file(path, args.ca_key_passphrase_file.as_deref());
    }
    #[cfg(feature = "held-keys")]
    if let Some(key) = HeldSource::find(&args.held)? {
        return Ok(SigningKey::Held(key));
    }
    Err(Failure::usage("nothing to issue certificates with: expected --ca-key FILE"))
}

fn in_file(path: &Path, passphrase_file: Option<&Path>) -> Result<SigningKey, Failure> {
    let passphrase = passphrase(passphrase_file)?;
    let key = load(path, |text| match &passphrase {
        Some(passphrase) => PrivateKey::from_pem_with_passphrase(text, passphrase),
        None => PrivateKey::from_pem(text),
    })?;
    Ok(SigningKey::File(key))
}

/// The key that checks signatures, if one is named. A device or service is asked for it at once.
pub(crate) fn public(args: &PublicKeyArgs) -> Result<Option<PublicKey>, Failure> {
    if let Some(path) = &args.key {
        return public_in(path).map(Some);
    }
    #[cfg(feature = "held-keys")]
    if let Some(key) = HeldSource::find(&args.held)? {
        return key.public_key().map(Some);
    }
    Ok(None)
}

/// The public key in a file.
pub(crate) fn public_in(path: &Path) -> Result<PublicKey, Failure> {
    load(path, PublicKey::from_pem)
}

/// The first line of the file, or the value of the variable.
pub(crate) fn passphrase(path: Option<&Path>) -> Result<Option<Vec<u8>>, Failure> {
    let Some(path) = path else {
        return Ok(std::env::var_os(PASSPHRASE_VARIABLE).map(std::ffi::OsString::into_encoded_bytes));
    };
    let text = read_small(path, PASSPHRASE_FILE_MAX_BYTES, ExitStatus::Usage)?;
    Ok(text.split(|byte| matches!(byte, b'\r' | b'\n')).next().map(<[u8]>::to_vec))
}

/// Whatever is wrong with a key is a wrong command line, not a wrong Artifact.
fn load<K>(path: &Path, parse: impl FnOnce(&[u8]) -> Result<K, Error>) -> Result<K, Failure> {
    let text = read_small(path, KEY_FILE_MAX_BYTES, ExitStatus::Usage)?;
    parse(&text).map_err(|error| Failure::about(path, ExitStatus::Usage, chain(&error)))
}
