//! `delta`: `create`, `apply`, `info`, `estimate` and `explain`; `plan` and what workers need are in files of their own.

#[cfg(feature = "server")]
use super::server::{EnqueueArgs, StoreArgs, WorkerArgs};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct DeltaArgs {
    #[command(subcommand)]
    pub(crate) action: DeltaAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeltaAction {
    /// Make a delta from one image to another, and prove it
    Create(DeltaCreateArgs),
    /// Make the new image from the old one and a delta
    Apply(DeltaApplyArgs),
    /// Show what a delta says about itself
    Info(DeltaInfoArgs),
    /// Tell in a few seconds about how large a delta will be
    Estimate(DeltaEstimateArgs),
    /// Show which files a delta's bytes are spent on, and why
    Explain(DeltaExplainArgs),
    /// Write the digests of an image's blocks, by which devices mend what has changed (RepairFrom)
    BlockList(DeltaBlockListArgs),
    /// Tell which Artifact a device should get, or which deltas are worth making for a fleet, and why
    #[cfg(feature = "server")]
    Plan(Box<super::delta_plan::DeltaPlanArgs>),
    /// Make deltas for a server: one task from standard input, or many from NATS JetStream
    #[cfg(feature = "server")]
    Worker(Box<WorkerArgs>),
    /// Put tasks from standard input into the queue of workers
    #[cfg(feature = "server")]
    Enqueue(EnqueueArgs),
    /// List, get, put and remove what is in a store of deltas
    #[cfg(feature = "server")]
    Store(StoreArgs),
}

/// The names that `--algorithm` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlgorithmName {
    /// This project's own format: the smallest, for its own Update Module
    Native,
    /// VCDIFF as xdelta3 has it, for Mender's Update Module
    Xdelta3,
    /// BSDIFF40, for bspatch
    Bsdiff,
}

/// The format of a delta.
#[derive(Debug, Args)]
pub(crate) struct AlgorithmArgs {
    /// Format of the delta: what the device has to apply it
    #[arg(long, value_name = "NAME", default_value = "native")]
    pub(crate) algorithm: AlgorithmName,

    /// With xdelta3: no LZMA, for decoders of VCDIFF that do not have it
    #[arg(long)]
    pub(crate) no_secondary_compression: bool,
}

/// The names that `--level` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LevelName {
    /// Quick to apply, larger
    Fast,
    /// Small
    Default,
    /// As small as --apply-memory allows; 64M without it
    Max,
}

/// What the device has to spare for a native delta.
#[derive(Debug, Args)]
pub(crate) struct LevelArgs {
    /// With native: what matters more, size or time to apply
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) level: LevelName,

    /// With native: memory of the device that applies it, 48K to 256M [default: 16M]
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub(crate) apply_memory: Option<u64>,
}

/// Bytes, or with K, M or G (also KiB, MiB, GiB) powers of 1024 of them.
pub(super) fn memory_size(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "" => 0,
        "K" | "k" | "KiB" => 10,
        "M" | "m" | "MiB" => 20,
        "G" | "g" | "GiB" => 30,
        _ => return Err("expected a number of bytes, or one with K, M or G".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "expected a number of bytes, or one with K, M or G")?;
    number.checked_mul(1 << shift).ok_or_else(|| "too large".to_owned())
}

/// When a delta is not worth having.
#[derive(Debug, Args)]
pub(crate) struct WorthArgs {
    /// Fail with status 10 unless the delta is smaller by this much than the new image packed as with --compression lzma
    #[arg(long, value_name = "PERCENT", value_parser = tenths_of_percent)]
    pub(crate) min_saving: Option<u64>,

    /// Fail with status 3, and say which files cost the most, if the delta is larger than this: bytes, or with K, M or G,
    /// or with KB, MB or GB for thousands
    #[arg(long, value_name = "SIZE", value_parser = delta_size)]
    pub(crate) max_delta_size: Option<u64>,
}

/// Tenths of a per cent, less than 100 %.
pub(super) fn tenths_of_percent(text: &str) -> Result<u64, String> {
    let text = text.strip_suffix('%').unwrap_or(text);
    let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |text: &str| if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None };
    let number = digits(whole).zip(digits(tenth).filter(|_| tenth.len() == 1));
    let tenths = number.and_then(|(whole, tenth): (u64, u64)| whole.checked_mul(10)?.checked_add(tenth));
    tenths.filter(|&tenths| tenths < 1000).ok_or_else(|| "expected a per cent from 0 to 99.9".to_owned())
}

/// As [`memory_size`], and with KB, MB or GB powers of 1000.
fn delta_size(text: &str) -> Result<u64, String> {
    for (unit, factor) in [("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)] {
        if let Some(number) = text.strip_suffix(unit).and_then(|number| number.parse::<u64>().ok()) {
            return number.checked_mul(factor).ok_or_else(|| "too large".to_owned());
        }
    }
    memory_size(text)
}

#[derive(Debug, Args)]
pub(crate) struct DeltaCreateArgs {
    /// The image that devices have
    pub(crate) old: PathBuf,

    /// The image that they shall have
    pub(crate) new: PathBuf,

    /// Where the delta goes; - is standard output
    #[arg(short, long, value_name = "DELTA")]
    pub(crate) output_path: PathBuf,

    #[command(flatten)]
    pub(crate) format: AlgorithmArgs,

    #[command(flatten)]
    pub(crate) level: LevelArgs,

    #[command(flatten)]
    pub(crate) worth: WorthArgs,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeltaApplyArgs {
    /// The image that the delta was made from
    pub(crate) base: PathBuf,

    /// The delta, or a delta Artifact; - is standard input
    pub(crate) delta: PathBuf,

    /// Where the new image goes; - is standard output
    #[arg(short, long, value_name = "NEW")]
    pub(crate) output_path: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeltaBlockListArgs {
    /// The image that devices have
    pub(crate) image: PathBuf,

    /// Where the list goes, IMAGE.blocks on the server; - is standard output
    #[arg(short, long, value_name = "LIST")]
    pub(crate) output_path: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DeltaInfoArgs {
    /// The delta, or a delta Artifact; - is standard input
    pub(crate) delta: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeltaEstimateArgs {
    /// The image that devices have
    pub(crate) old: PathBuf,

    /// The image that they shall have
    pub(crate) new: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeltaExplainArgs {
    /// The image that the delta is made from
    pub(crate) old: PathBuf,

    /// The image that it makes
    pub(crate) new: PathBuf,

    /// The native delta between them, or a delta Artifact; - is standard input. Without it one is made
    pub(crate) delta: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) level: LevelArgs,

    /// Show this many rows; 0 shows all
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub(crate) top: usize,

    /// Print JSON, with all rows
    #[arg(long)]
    pub(crate) json: bool,

    /// Write a page for a browser, too
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::{delta_size, memory_size, tenths_of_percent};

    #[test]
    fn percents() {
        for (text, tenths) in [("0", 0), ("5", 50), ("12.5", 125), ("99.9%", 999)] {
            assert_eq!(tenths_of_percent(text), Ok(tenths), "{text}");
        }
        for bad in ["", "100", "-1", "+1", "1.25", "5.", ".5", "1e1", "99999999999999999999", "x"] {
            assert!(tenths_of_percent(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_of_deltas() {
        assert_eq!(delta_size("5MB"), Ok(5_000_000));
        assert_eq!(delta_size("5M"), Ok(5 << 20));
        assert!(delta_size("MB").is_err() && delta_size("99999999999999999KB").is_err());
    }

    #[test]
    fn sizes() {
        assert_eq!(memory_size("200000"), Ok(200_000));
        assert_eq!(memory_size("16M"), Ok(16 << 20));
        assert_eq!(memory_size("512KiB"), Ok(512 << 10));
        for bad in ["", "M", "1.5M", "16MB", "-1", "99999999999999999999", "18446744073709551615K"] {
            assert!(memory_size(bad).is_err(), "{bad}");
        }
    }
}
