//! Key files of `--key`.

use crate::args::key::{PrivateKeyArgs, PublicKeyArgs};
use crate::exit_code::ExitStatus;
use crate::failure::{Failure, chain};
use crate::input::read_small;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::sign::public_key::PublicKey;
use std::path::Path;

/// More than any RSA key with comments needs.
const KEY_FILE_MAX_BYTES: u64 = 64 * 1024;

/// The private key in a file, if one is named.
pub(crate) fn private(args: &PrivateKeyArgs) -> Result<Option<PrivateKey>, Failure> {
    args.key.as_deref().map(|path| load(path, PrivateKey::from_pem)).transpose()
}

/// The public key in a file, if one is named.
pub(crate) fn public(args: &PublicKeyArgs) -> Result<Option<PublicKey>, Failure> {
    args.key.as_deref().map(|path| load(path, PublicKey::from_pem)).transpose()
}

/// The public key in a file.
pub(crate) fn public_in(path: &Path) -> Result<PublicKey, Failure> {
    load(path, PublicKey::from_pem)
}

/// Whatever is wrong with a key is a wrong command line, not a wrong Artifact.
fn load<K>(
    path: &Path,
    parse: impl FnOnce(&[u8]) -> Result<K, mender_artifact::error::Error>,
) -> Result<K, Failure> {
    let text = read_small(path, KEY_FILE_MAX_BYTES, ExitStatus::Usage)?;
    parse(&text).map_err(|error| Failure::about(path, ExitStatus::Usage, chain(&error)))
}
