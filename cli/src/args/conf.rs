//! `conf`.

use super::inside::{ChangeArgs, PartArgs};
use clap::{Args, Subcommand};
use std::ffi::OsString;

#[derive(Debug, Args)]
pub(crate) struct ConfArgs {
    #[command(subcommand)]
    pub(crate) action: ConfAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfAction {
    /// Print the configuration, or values of it
    Get(ConfGetArgs),
    /// Set values; everything else stays as it is
    Set(Box<ConfSetArgs>),
    /// Merge JSON into the configuration (RFC 7396): null removes a key
    Merge(Box<ConfMergeArgs>),
}

/// Which configuration is meant.
#[derive(Debug, Args)]
pub(crate) struct ConfFileArgs {
    /// Path of the configuration in the image
    #[arg(long, value_name = "PATH", default_value = "/etc/mender/mender.conf")]
    pub(crate) file: String,
}

#[derive(Debug, Args)]
pub(crate) struct ConfGetArgs {
    /// The image or Artifact
    #[arg(value_name = "IMAGE")]
    pub(crate) image: OsString,

    /// Keys, each as ServerURL, HttpsClient.Certificate or Servers.0.ServerURL; all of the configuration without
    #[arg(value_name = "KEY")]
    pub(crate) keys: Vec<String>,

    #[command(flatten)]
    pub(crate) conf: ConfFileArgs,

    #[command(flatten)]
    pub(crate) part: PartArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ConfSetArgs {
    /// The image or Artifact
    #[arg(value_name = "IMAGE")]
    pub(crate) image: OsString,

    /// Values: JSON, or text where it is none or the key has a text so far
    #[arg(value_name = "KEY=VALUE", required = true)]
    pub(crate) values: Vec<String>,

    #[command(flatten)]
    pub(crate) conf: ConfFileArgs,

    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ConfMergeArgs {
    /// The image or Artifact
    #[arg(value_name = "IMAGE")]
    pub(crate) image: OsString,

    /// Files with JSON objects, - for standard input, KEY=VALUE, or JSON objects themselves
    #[arg(value_name = "PATCH", required = true)]
    pub(crate) patches: Vec<String>,

    #[command(flatten)]
    pub(crate) conf: ConfFileArgs,

    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}
