//! `delta create`, `delta apply`, `delta info` and `delta explain`.

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
    /// Show which files a delta's bytes are spent on, and why
    Explain(DeltaExplainArgs),
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

    /// With native: memory of the device that applies it, 192K to 256M [default: 16M]
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub(crate) apply_memory: Option<u64>,
}

/// Bytes, or with K, M or G (also KiB, MiB, GiB) powers of 1024 of them.
fn memory_size(text: &str) -> Result<u64, String> {
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
pub(crate) struct DeltaInfoArgs {
    /// The delta, or a delta Artifact; - is standard input
    pub(crate) delta: PathBuf,

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
    use super::memory_size;

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
