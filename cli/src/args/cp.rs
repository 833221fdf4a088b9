//! `cp`.

use super::inside::ChangeArgs;
use super::output::CompressionName;
use clap::Args;
use std::ffi::OsString;

#[derive(Debug, Args)]
pub(crate) struct CpArgs {
    /// What is copied: a file, - for standard input, or IMAGE:PATH
    #[arg(value_name = "FROM")]
    pub(crate) from: OsString,

    /// Where it goes: IMAGE:PATH, where a PATH with a slash at its end gets the name of the file; or a file or folder, or - for standard output
    #[arg(value_name = "TO")]
    pub(crate) to: OsString,

    /// Has no effect: an Artifact keeps its compression
    #[arg(long, value_name = "NAME", hide = true)]
    pub(crate) compression: Option<CompressionName>,

    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}
