//! `write` and its kinds of Artifact.

use super::output::OutputArgs;
use super::snapshot::SnapshotArgs;
use super::write_augment::AugmentArgs;
use super::write_delta_image::DeltaImageArgs;
use super::write_release::{PackageArgs, ReleaseArgs, SoftwareArgs};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    #[command(subcommand)]
    pub(crate) kind: Option<WriteKind>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WriteKind {
    /// An update of the whole root file system
    RootfsImage(Box<RootfsImageArgs>),
    /// An update that an Update Module installs
    ModuleImage(Box<ModuleImageArgs>),
    /// An Artifact without payload that tells a new device what it provides
    BootstrapArtifact(Box<BootstrapArgs>),
    /// The difference between two root file system Artifacts
    DeltaImage(Box<DeltaImageArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct RootfsImageArgs {
    /// The image; - is standard input, ssh://[user@]host[:port] the root file system of that device
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) snapshot: SnapshotArgs,

    /// Call the provided checksum rootfs_image_checksum, as clients before 2.5 do
    #[arg(long)]
    pub(crate) legacy_rootfs_image_checksum: bool,

    /// Provide no checksum
    #[arg(long)]
    pub(crate) no_checksum_provide: bool,

    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    #[command(flatten)]
    pub(crate) software: SoftwareArgs,
    #[command(flatten)]
    pub(crate) package: PackageArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ModuleImageArgs {
    /// Name of the Update Module
    #[arg(short = 'T', long = "type", value_name = "TYPE")]
    pub(crate) payload_type: String,

    /// Payload file, - for standard input; repeatable
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,

    /// JSON object for the Update Module
    #[arg(short, long, value_name = "FILE")]
    pub(crate) meta_data: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    #[command(flatten)]
    pub(crate) software: SoftwareArgs,
    #[command(flatten)]
    pub(crate) package: PackageArgs,
    #[command(flatten)]
    pub(crate) augment: AugmentArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BootstrapArgs {
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
