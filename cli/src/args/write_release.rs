//! Flags that the kinds of `write` share: release and devices, provided versions, scripts.

use clap::Args;
use std::path::PathBuf;

/// What the Artifact says about release and devices.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// Device type that the Artifact is for; repeatable
    #[arg(short, long, value_name = "TYPE", conflicts_with = "device_type")]
    pub(crate) compatible_types: Vec<String>,

    /// Old name of --compatible-types
    #[arg(short = 't', long, value_name = "TYPE", hide = true)]
    pub(crate) device_type: Vec<String>,

    /// Name of the release
    #[arg(short = 'n', long, value_name = "NAME")]
    pub(crate) artifact_name: String,

    /// Format version, 3 or, of a rootfs-image, 2
    #[arg(short, long, value_name = "NUMBER", default_value_t = 3)]
    pub(crate) version: u32,

    /// Release that the device must run; repeatable, any of them will do
    #[arg(short = 'N', long, value_name = "NAME")]
    pub(crate) artifact_name_depends: Vec<String>,

    /// Group that the device is in after the update
    #[arg(short = 'g', long, value_name = "GROUP")]
    pub(crate) provides_group: Option<String>,

    /// Group that the device must be in; repeatable, any of them will do
    #[arg(short = 'G', long, value_name = "GROUP")]
    pub(crate) depends_groups: Vec<String>,

    /// What the device provides after the update; repeatable
    #[arg(short, long, value_name = "KEY:VALUE")]
    pub(crate) provides: Vec<String>,

    /// What the device must provide; repeatable
    #[arg(short, long, value_name = "KEY:VALUE")]
    pub(crate) depends: Vec<String>,

    /// Pattern of provides that the update takes away; repeatable
    #[arg(long, value_name = "PATTERN")]
    pub(crate) clears_provides: Vec<String>,
}

/// The version that an update provides, and what it clears by default.
#[derive(Debug, Args)]
pub(crate) struct SoftwareArgs {
    /// Provide no version and clear nothing unless told to
    #[arg(long)]
    pub(crate) no_default_software_version: bool,

    /// Clear nothing unless told to
    #[arg(long)]
    pub(crate) no_default_clears_provides: bool,

    /// Part of the software: the version's key is FILESYSTEM.NAME.version
    #[arg(long, value_name = "NAME")]
    pub(crate) software_name: Option<String>,

    /// The version that is provided [default: the name of the release]
    #[arg(long, value_name = "VERSION")]
    pub(crate) software_version: Option<String>,

    /// First part of the version's key [default: rootfs-image]
    #[arg(long, value_name = "FILESYSTEM")]
    pub(crate) software_filesystem: Option<String>,

    /// Whether one of these flags stands behind the last --provides, and then wins over it; filled in after parsing.
    #[arg(skip)]
    pub(crate) behind_provides: bool,
}

/// Scripts and bounds on the size.
#[derive(Debug, Args)]
pub(crate) struct PackageArgs {
    /// State script, or a folder of them; repeatable
    #[arg(short, long, value_name = "FILE")]
    pub(crate) script: Vec<PathBuf>,

    /// Name in the Artifact of the payload file that comes from standard input
    #[arg(long, value_name = "NAME", default_value = "stdin")]
    pub(crate) stdin_name: String,

    /// Fail when the Artifact is larger: a number with B, KB, MB, GB or TB
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_artifact_size: Option<String>,

    /// Warn when the Artifact is larger
    #[arg(long, value_name = "SIZE")]
    pub(crate) warn_artifact_size: Option<String>,
}
