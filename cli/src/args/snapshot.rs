//! Flags for a payload that is the root file system of a running device.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    /// Argument for ssh when FILE is ssh://[user@]host[:port]; repeatable, one argument each
    #[arg(short = 'S', long, value_name = "ARGUMENT")]
    pub(crate) ssh_args: Vec<String>,

    /// Folder for the image that comes over ssh [default: that of the system]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) tmp: Option<PathBuf>,
}
