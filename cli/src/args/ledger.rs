//! `ledger ingest`, `ledger import-s3`, `ledger report` and `ledger check`.

use clap::{Args, Subcommand, ValueEnum};
use mender_delta::fleet::ledger::report::Day;
use mender_delta::fleet::tenant::TenantId;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct LedgerArgs {
    #[command(subcommand)]
    pub(crate) action: LedgerAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerAction {
    /// Take events of downloads into a ledger, JSON lines
    Ingest(LedgerImportArgs),
    /// Take downloads out of S3 server access logs into a ledger
    ImportS3(LedgerImportArgs),
    /// Show what was downloaded, downloaded again and saved
    Report(LedgerReportArgs),
    /// Count all events again and compare with the sums that are kept
    Check(LedgerCheckArgs),
}

/// Which ledger, and whose.
#[derive(Debug, Args)]
pub(crate) struct WhichArgs {
    /// The ledger: an SQLite file, or postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) db: String,

    /// Whose downloads
    #[arg(long, value_name = "NAME", value_parser = tenant)]
    pub(crate) tenant: TenantId,

    /// How long to wait while somebody else writes
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) busy_timeout: u16,
}

fn tenant(text: &str) -> Result<TenantId, String> {
    TenantId::new(text).map_err(|error| error.to_string())
}

/// The names that `--bad-lines` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BadLinesName {
    /// Take nothing of the file, and end with status 5
    Refuse,
    /// Leave the line out, and count it
    Skip,
}

#[derive(Debug, Args)]
pub(crate) struct LedgerImportArgs {
    #[command(flatten)]
    pub(crate) which: WhichArgs,

    /// What to do when a line cannot be taken
    #[arg(long, value_name = "POLICY", default_value = "refuse")]
    pub(crate) bad_lines: BadLinesName,

    /// Lines that are written at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) batch: u32,

    /// Refuse events when the SQLite file would grow beyond this many bytes
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_bytes: Option<u64>,

    /// Print a line of JSON whenever more is on the medium
    #[arg(long)]
    pub(crate) acknowledge: bool,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// What to read; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// The names that `--by` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ByName {
    /// A row for each device
    Device,
    /// A row for each deployment
    Deployment,
    /// One row
    Tenant,
    /// A row for each day of UTC
    Day,
}

/// The names that `--format` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatName {
    /// A table
    Text,
    /// All figures, for programs
    Json,
    /// All figures, for spreadsheets
    Csv,
    /// A page with plots that needs nothing else
    Html,
}

#[derive(Debug, Args)]
pub(crate) struct LedgerReportArgs {
    #[command(flatten)]
    pub(crate) which: WhichArgs,

    /// What a row stands for
    #[arg(long, value_name = "WHAT", default_value = "deployment")]
    pub(crate) by: ByName,

    /// The first day, such as 2026-01-31
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) since: Option<Day>,

    /// The day behind the last
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) until: Option<Day>,

    /// How to show it
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub(crate) format: FormatName,

    /// With text and html: show this many rows; 0 shows all
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    pub(crate) top: usize,

    /// Where the report goes; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output_path: PathBuf,
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "expected a day such as 2026-01-31".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct LedgerCheckArgs {
    #[command(flatten)]
    pub(crate) which: WhichArgs,
}
