//! `dump`.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct DumpArgs {
    /// The Artifact; - is standard input
    #[arg(value_name = "ARTIFACT")]
    pub(crate) artifact: PathBuf,

    /// Folder that gets the payload files; it is made if it is not there, files in it are not overwritten
    #[arg(long, value_name = "FOLDER")]
    pub(crate) files: Option<PathBuf>,

    /// Folder that gets the meta-data, as 0000.meta-data
    #[arg(long, value_name = "FOLDER")]
    pub(crate) meta_data: Option<PathBuf>,

    /// Folder that gets the state scripts
    #[arg(long, value_name = "FOLDER")]
    pub(crate) scripts: Option<PathBuf>,

    /// Print arguments that make such an Artifact from what has been dumped, quoted for a shell where that is needed
    #[arg(long, conflicts_with = "print0_cmdline")]
    pub(crate) print_cmdline: bool,

    /// The same, each argument ended by a NUL character
    #[arg(long)]
    pub(crate) print0_cmdline: bool,
}
