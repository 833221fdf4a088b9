//! Keys that sign and keys that check signatures: in files, devices and services. One of them at most.

use clap::Args;
use std::path::PathBuf;

/// The flags of keys stand together in the help.
const KEYS: &str = "Keys";

/// What signs.
#[derive(Debug, Args)]
pub(crate) struct PrivateKeyArgs {
    /// Private key (PEM: RSA or ECDSA P-256) that signs the Artifact
    #[arg(short, long, value_name = "FILE", group = "key_source", help_heading = KEYS)]
    pub(crate) key: Option<PathBuf>,

    /// File with the passphrase of an encrypted key [default: MENDER_ARTIFACT_KEY_PASSPHRASE]
    #[arg(long, value_name = "FILE", requires = "key", help_heading = KEYS)]
    pub(crate) key_passphrase_file: Option<PathBuf>,

    #[cfg(feature = "held-keys")]
    #[command(flatten)]
    pub(crate) held: HeldKeyArgs,
}

/// What a signature is checked with.
#[derive(Debug, Args)]
pub(crate) struct PublicKeyArgs {
    /// Public key or certificate (PEM) that must have signed the Artifact
    #[arg(short, long, value_name = "FILE", group = "key_source", help_heading = KEYS)]
    pub(crate) key: Option<PathBuf>,

    #[cfg(feature = "held-keys")]
    #[command(flatten)]
    pub(crate) held: HeldKeyArgs,
}

/// Keys that devices and services hold. They sign, and show the public key that checks what they signed.
#[cfg(feature = "held-keys")]
#[derive(Debug, Args)]
pub(crate) struct HeldKeyArgs {
    /// Key in a device: a pkcs11: URI
    #[arg(long, value_name = "URI", group = "key_source", help_heading = KEYS)]
    pub(crate) key_pkcs11: Option<String>,

    /// Key of HashiCorp Vault's transit engine
    #[arg(long, value_name = "NAME", group = "key_source", help_heading = KEYS)]
    pub(crate) vault_transit_key: Option<String>,

    /// Key version of Google Cloud KMS: projects/.../cryptoKeyVersions/N
    #[arg(long, value_name = "NAME", group = "key_source", help_heading = KEYS)]
    pub(crate) gcp_kms_key: Option<String>,

    /// Key of Azure Key Vault
    #[arg(long, value_name = "NAME", group = "key_source", help_heading = KEYS)]
    pub(crate) azure_key: Option<String>,

    /// Key of AWS KMS: ID, ARN or alias/NAME
    #[arg(long, value_name = "KEY", group = "key_source", help_heading = KEYS)]
    pub(crate) aws_kms_key: Option<String>,

    /// Worker of a Keyfactor SignServer
    #[arg(long, value_name = "NAME", group = "key_source", help_heading = KEYS)]
    pub(crate) keyfactor_signserver_worker: Option<String>,
}
