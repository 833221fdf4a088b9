//! `completions` and `man`.

use clap::Args;
use clap_complete::Shell;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell that completes
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command whose page is printed, such as 'write rootfs-image' [default: the page of the whole]
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Vec<String>,

    /// Folder that all pages are written into instead; it is made if need be
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    pub(crate) output_dir: Option<PathBuf>,
}
