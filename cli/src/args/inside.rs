//! Flags of the commands that look into images and change files in them.

use super::key::PrivateKeyArgs;
use clap::Args;
use std::path::PathBuf;

/// Which part of an image is meant.
#[derive(Debug, Args)]
pub(crate) struct PartArgs {
    /// Partition by number or label, from whose root PATH counts then [default: by PATH, as Mender mounts them]
    #[arg(long, value_name = "PARTITION")]
    pub(crate) partition: Option<String>,

    /// Folder for temporary files, which images inside of Artifacts and large changes need [default: TMPDIR, else /tmp]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) tmp: Option<PathBuf>,
}

/// Flags of what changes an image.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    pub(crate) part: PartArgs,

    #[command(flatten)]
    pub(crate) key: PrivateKeyArgs,
}
