//! `delta plan`.

use super::delta::{AlgorithmName, memory_size, tenths_of_percent};
use clap::{ArgGroup, Args};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("who").required(true).args(["device", "fleet"]))]
#[command(group = ArgGroup::new("what").required(true).args(["release", "artifact", "who_has"]))]
pub(crate) struct DeltaPlanArgs {
    /// What there is: Artifacts, folders of them, and JSON files as `--save-catalog` writes them and Mender's server lists
    /// Artifacts; may be given more than once
    #[arg(long, value_name = "PATH", required = true)]
    pub(crate) catalog: Vec<PathBuf>,

    /// One device: what it provides, as JSON; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) device: Option<PathBuf>,

    /// A fleet: a line of JSON for each device, or comma-separated values; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) fleet: Option<PathBuf>,

    /// The release that devices shall get
    #[arg(long, value_name = "NAME")]
    pub(crate) release: Option<String>,

    /// The Artifacts that devices may get, by id: the name of the file, or what a JSON file says; may be given more
    /// than once
    #[arg(long, value_name = "ID")]
    pub(crate) artifact: Vec<String>,

    /// Count the devices that have this Artifact, and those that would take it
    #[arg(long, value_name = "ID", requires = "fleet")]
    pub(crate) who_has: Option<String>,

    /// Whose data this is
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) tenant: String,

    /// Kinds of deltas that may be made, the best first, with commas between them [default: native,xdelta3]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) algorithm: Vec<AlgorithmName>,

    /// No deltas are made; those that exist are taken
    #[arg(long)]
    pub(crate) no_generate: bool,

    /// A delta must be this much smaller than the full Artifact
    #[arg(long, value_name = "PERCENT", value_parser = tenths_of_percent, default_value = "0")]
    pub(crate) min_saving: u64,

    /// Largest image, unpacked, that deltas are made of: bytes, or with K, M or G
    #[arg(long, value_name = "SIZE", value_parser = memory_size, default_value = "5G")]
    pub(crate) max_image_size: u64,

    /// Largest Artifact that devices may get: bytes, or with K, M or G
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub(crate) max_size: Option<u64>,

    /// Memory that applying a delta takes on a device
    #[arg(long, value_name = "SIZE", value_parser = memory_size, default_value = "16M")]
    pub(crate) apply_memory: u64,

    /// Devices take signed Artifacts only
    #[arg(long)]
    pub(crate) require_signed: bool,

    /// Deltas that are made get a signature
    #[arg(long)]
    pub(crate) can_sign: bool,

    /// Deltas that exist are also for devices that do not report the Update Module, as with Mender's server
    #[arg(long)]
    pub(crate) any_module: bool,

    /// Also for devices that run the release already
    #[arg(long)]
    pub(crate) reinstall: bool,

    /// With --fleet: estimate so many deltas, those first that could save the most; their Artifacts must be there
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) estimate: usize,

    /// With --fleet: what a delta that was not estimated takes of the full Artifact
    #[arg(long, value_name = "PERCENT", value_parser = tenths_of_percent)]
    pub(crate) assume: Option<u64>,

    /// Write what was learnt of the Artifacts, one line of JSON for each, so that they need not be read again
    #[arg(long, value_name = "FILE")]
    pub(crate) save_catalog: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
