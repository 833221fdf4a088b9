//! Keys that sign and keys that check signatures.

use clap::Args;
use std::path::PathBuf;

/// What signs.
#[derive(Debug, Args)]
pub(crate) struct PrivateKeyArgs {
    /// Private key (PEM: RSA or ECDSA P-256) that signs the Artifact
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
}

/// What a signature is checked with.
#[derive(Debug, Args)]
pub(crate) struct PublicKeyArgs {
    /// Public key (PEM) that must have signed the Artifact
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
}
