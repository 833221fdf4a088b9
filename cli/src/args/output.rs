//! Flags of everything that is written.

use super::key::PrivateKeyArgs;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// The names that `--compression` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum CompressionName {
    None,
    Gzip,
    Lzma,
    ZstdBest,
    ZstdBetter,
    ZstdFast,
    ZstdFastest,
}

/// Flags of everything that is written.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Where the Artifact goes; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "artifact.mender")]
    pub(crate) output_path: PathBuf,

    /// Compression of header and payload [default: gzip]
    #[arg(long, value_name = "NAME")]
    pub(crate) compression: Option<CompressionName>,

    #[command(flatten)]
    pub(crate) key: PrivateKeyArgs,
}
