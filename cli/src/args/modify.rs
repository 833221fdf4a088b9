//! `modify`.

use super::key::PrivateKeyArgs;
use super::output::CompressionName;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ModifyArgs {
    /// The Artifact or image; - is an Artifact on standard input
    #[arg(value_name = "ARTIFACT")]
    pub(crate) artifact: PathBuf,

    /// Name of the release; also in /etc/mender/artifact_info of the image
    #[arg(short = 'n', long, value_name = "NAME")]
    pub(crate) artifact_name: Option<String>,

    /// The same as --artifact-name
    #[arg(long = "name", value_name = "NAME", hide = true, conflicts_with = "artifact_name")]
    pub(crate) name: Option<String>,

    /// Release that the device must run, instead of those that are named; repeatable; empty for any
    #[arg(short = 'N', long, value_name = "NAME")]
    pub(crate) artifact_name_depends: Option<Vec<String>>,

    /// Group that the device is in after the update; empty for none
    #[arg(short = 'g', long, value_name = "GROUP")]
    pub(crate) provides_group: Option<String>,

    /// Group that the device must be in, instead of those that are named; repeatable; empty for any
    #[arg(short = 'G', long, value_name = "GROUP")]
    pub(crate) depends_groups: Option<Vec<String>>,

    /// What the device provides after the update, instead of all that is named; repeatable
    #[arg(short, long, value_name = "KEY:VALUE")]
    pub(crate) provides: Option<Vec<String>>,

    /// What the device must provide, instead of all that is named; repeatable
    #[arg(short, long, value_name = "KEY:VALUE")]
    pub(crate) depends: Option<Vec<String>>,

    /// JSON object for the Update Module, instead of the one that is there
    #[arg(short, long, value_name = "FILE")]
    pub(crate) meta_data: Option<PathBuf>,

    /// Pattern of provides that the update takes away, to be added; repeatable
    #[arg(long, value_name = "PATTERN")]
    pub(crate) clears_provides: Vec<String>,

    /// Pattern of provides that the update shall not take away any more; repeatable
    #[arg(long, value_name = "PATTERN")]
    pub(crate) delete_clears_provides: Vec<String>,

    /// State script to be added, or a folder of them; repeatable
    #[arg(short, long, value_name = "FILE")]
    pub(crate) script: Vec<PathBuf>,

    /// Another compression of header and payload; the payload is unpacked only for this
    #[arg(long, value_name = "NAME")]
    pub(crate) compression: Option<CompressionName>,

    #[command(flatten)]
    pub(crate) key: PrivateKeyArgs,

    /// Where the changed Artifact goes [default: in place]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output_path: Option<PathBuf>,

    /// Partition by number or label that an image is changed in [default: both root file systems]
    #[arg(long, value_name = "PARTITION")]
    pub(crate) partition: Option<String>,

    /// Folder for temporary files, which --compression and changes inside of the image need
    #[arg(long, value_name = "FOLDER")]
    pub(crate) tmp: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) inside: InsideArgs,
}

/// What is changed in the file system inside of an image.
#[derive(Debug, Args)]
#[command(next_help_heading = "Inside of the image")]
pub(crate) struct InsideArgs {
    /// Server that the device asks, as ServerURL in mender.conf
    #[arg(short = 'u', long, value_name = "URI")]
    pub(crate) server_uri: Option<String>,

    /// Token of the tenant itself, as TenantToken in mender.conf
    #[arg(short = 't', long, value_name = "TOKEN")]
    pub(crate) tenant_token: Option<String>,

    /// Certificate of the server, as /etc/mender/server.crt
    #[arg(short = 'c', long, value_name = "FILE")]
    pub(crate) server_cert: Option<PathBuf>,

    /// Public key that Artifacts must be signed with, as /etc/mender/artifact-verify-key.pem
    #[arg(short = 'v', long, value_name = "FILE")]
    pub(crate) verification_key: Option<PathBuf>,
}
