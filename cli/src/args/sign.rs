//! `sign`.

use super::key::PrivateKeyArgs;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// The Artifact; - is standard input
    #[arg(value_name = "ARTIFACT")]
    pub(crate) artifact: PathBuf,

    #[command(flatten)]
    pub(crate) key: PrivateKeyArgs,

    /// Where the signed Artifact goes [default: in place]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output_path: Option<PathBuf>,

    /// Replace a signature that is there
    #[arg(short, long)]
    pub(crate) force: bool,

    /// Sign nothing; print the SHA-256 of what is to be signed, the manifest
    #[arg(long, conflicts_with_all = ["output_path", "force", "attach_signature"])]
    pub(crate) print_digest: bool,

    /// Sign nothing; write what is to be signed, the manifest, to a file; - is standard output
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["output_path", "force", "attach_signature", "print_digest"]
    )]
    pub(crate) export_manifest: Option<PathBuf>,

    /// Put a signature made elsewhere into the Artifact: bytes (r and s, DER or RSA) or base64
    #[arg(long, value_name = "FILE")]
    pub(crate) attach_signature: Option<PathBuf>,

    /// Public key (PEM) that must have made the signature that is attached
    #[arg(long, value_name = "FILE", requires = "attach_signature")]
    pub(crate) verify_key: Option<PathBuf>,
}
