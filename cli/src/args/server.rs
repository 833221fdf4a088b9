//! `delta worker`, `delta enqueue` and `delta store`: deltas made by many machines.

use super::delta::memory_size;
use super::key::PrivateKeyArgs;
use clap::{Args, Subcommand};
use mender_delta::fleet::tenant::TenantId;
use std::path::PathBuf;
use std::time::Duration;

/// Where results are kept.
#[derive(Debug, Args)]
pub(crate) struct StoreAt {
    /// The store: a folder, file:///folder, s3://bucket/prefix or az://container/prefix
    #[arg(long, value_name = "URL")]
    pub(crate) store: String,

    #[command(flatten)]
    pub(crate) settings: StoreSettings,
}

/// How a store is reached.
#[derive(Debug, Args)]
pub(crate) struct StoreSettings {
    /// Setting of the store, e.g. endpoint=http://127.0.0.1:9000; wins over what the environment says. May be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub(crate) store_option: Vec<(String, String)>,

    /// How long the store may be away before a request fails
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "60s")]
    pub(crate) store_timeout: Duration,
}

/// Where tasks wait.
#[derive(Debug, Args)]
pub(crate) struct QueueSettings {
    /// File with credentials for NATS, instead of user:password@ in the URL
    #[arg(long, value_name = "FILE", requires = "nats")]
    pub(crate) nats_credentials: Option<PathBuf>,

    /// Name of the queue: what its streams and subjects begin with
    #[arg(long, value_name = "NAME", default_value = "deltas")]
    pub(crate) queue: String,

    /// How long NATS may be away before a request fails
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "60s")]
    pub(crate) nats_timeout: Duration,

    /// How often a task is given to workers before it is parked
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pub(crate) max_deliver: u64,

    /// How long a worker may be silent before its task goes to another one. The first worker of a queue decides
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30s")]
    pub(crate) ack_wait: Duration,

    /// How long a task waits that failed for a passing reason; doubled each time
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "5s")]
    pub(crate) retry_delay: Duration,
}

/// Whose tasks may be signed under which name.
#[derive(Debug, Clone)]
pub(crate) struct SignerName {
    pub(crate) tenant: TenantId,
    pub(crate) name: String,
}

fn signer_name(text: &str) -> Result<SignerName, String> {
    let (tenant, name) = text.split_once('/').ok_or("expected TENANT/NAME")?;
    let tenant = TenantId::new(tenant).map_err(|error| error.to_string())?;
    if name.is_empty() {
        Err("expected TENANT/NAME".into())
    } else {
        Ok(SignerName { tenant, name: name.into() })
    }
}

#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    /// Where inputs can be, and where results are published: a folder, file:///folder, s3://bucket/prefix or
    /// az://container/prefix
    #[arg(long, value_name = "URL", required_unless_present = "no_store")]
    pub(crate) store: Option<String>,

    #[command(flatten)]
    pub(crate) store_settings: StoreSettings,

    /// Work without a store: the task names the file that the result goes to
    #[arg(long, conflicts_with_all = ["store", "nats"])]
    pub(crate) no_store: bool,

    /// The task; - is standard input
    #[arg(long, value_name = "FILE", default_value = "-", conflicts_with = "nats")]
    pub(crate) task: PathBuf,

    /// Tasks of this tenant that name this signer are signed with the key. May be repeated
    #[arg(long, value_name = "TENANT/NAME", value_parser = signer_name, requires = "key_source", help_heading = "Keys")]
    pub(crate) signer: Vec<SignerName>,

    #[command(flatten)]
    pub(crate) key: PrivateKeyArgs,

    /// Take tasks from NATS JetStream: nats://[user:password@]host[:port]
    #[arg(long, value_name = "URL")]
    pub(crate) nats: Option<String>,

    #[command(flatten)]
    pub(crate) queue: QueueSettings,

    /// With --nats: folder that tasks may name Artifacts in. Without it they come from the store
    #[arg(long, value_name = "FOLDER", requires = "nats")]
    pub(crate) inputs: Option<PathBuf>,

    /// With --nats: tasks worked on at once
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,

    /// With --nats: end when no task has come for this long
    #[arg(long, value_name = "TIME", value_parser = time, requires = "nats")]
    pub(crate) until_idle: Option<Duration>,

    /// Folder for temporary files; as large as both images and the result of each job
    #[arg(long, value_name = "FOLDER")]
    pub(crate) work: Option<PathBuf>,

    /// Threads of each job; 0 shares the processors
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) threads: usize,

    /// Memory for all jobs together: bytes, or with K, M or G
    #[arg(long, value_name = "SIZE", value_parser = memory_size, default_value = "8G")]
    pub(crate) memory: u64,

    /// Temporary files of all jobs together: bytes, or with K, M or G
    #[arg(long, value_name = "SIZE", value_parser = memory_size, default_value = "256G")]
    pub(crate) disk: u64,
}

#[derive(Debug, Args)]
pub(crate) struct EnqueueArgs {
    /// The server: nats://[user:password@]host[:port]
    #[arg(long, value_name = "URL")]
    pub(crate) nats: String,

    #[command(flatten)]
    pub(crate) queue: QueueSettings,

    /// Put the tasks even if equal ones were put before; another word makes another task
    #[arg(long, value_name = "WORD")]
    pub(crate) again: Option<String>,
}

#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) action: StoreAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreAction {
    /// Show what a tenant has in a store
    List(StoreListArgs),
    /// Copy something out of a store; it is checked on the way
    Get(StoreGetArgs),
    /// Put a file into a store, for workers to read; prints its SHA-256
    Put(StorePutArgs),
    /// Remove what is old, too much, or named by nothing
    Gc(StoreGcArgs),
}

/// Whose things.
#[derive(Debug, Args)]
pub(crate) struct TenantArg {
    /// The tenant
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: String,
}

#[derive(Debug, Args)]
pub(crate) struct StoreListArgs {
    #[command(flatten)]
    pub(crate) at: StoreAt,

    #[command(flatten)]
    pub(crate) tenant: TenantArg,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StoreGetArgs {
    #[command(flatten)]
    pub(crate) at: StoreAt,

    #[command(flatten)]
    pub(crate) tenant: TenantArg,

    /// What a job with this key made
    #[arg(long, value_name = "KEY", required_unless_present = "object")]
    pub(crate) key: Option<String>,

    /// The object with this SHA-256
    #[arg(long, value_name = "SHA256", conflicts_with = "key")]
    pub(crate) object: Option<String>,

    /// Where it goes
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output_path: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct StorePutArgs {
    #[command(flatten)]
    pub(crate) at: StoreAt,

    #[command(flatten)]
    pub(crate) tenant: TenantArg,

    /// The file
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct StoreGcArgs {
    #[command(flatten)]
    pub(crate) at: StoreAt,

    #[command(flatten)]
    pub(crate) tenant: TenantArg,

    /// Remove results that were published longer ago
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) max_age: Option<Duration>,

    /// Remove the oldest results until the tenant has no more than this: bytes, or with K, M or G
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub(crate) quota: Option<u64>,

    /// Keep objects that nothing names for this long: they may be about to be named, or inputs of tasks
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "1d")]
    pub(crate) grace: Duration,

    /// Read all results, and remove damaged ones
    #[arg(long)]
    pub(crate) verify: bool,

    /// Only tell what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A number with s, m, h or d.
fn time(text: &str) -> Result<Duration, String> {
    let refuse = || "expected a number with s, m, h or d".to_owned();
    let (at, unit) = text.char_indices().last().ok_or_else(refuse)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(refuse()),
    };
    let number: u32 = text[..at].parse().map_err(|_| refuse())?;
    Ok(Duration::from_secs(u64::from(number) * factor))
}

/// A name and its value.
fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("5m", 300), ("2h", 7200), ("30d", 2_592_000)] {
            assert_eq!(time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "5", "s", "-1s", "1.5h", "1w", "99999999999d", "5ä"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn settings() {
        assert_eq!(setting("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(setting("a").is_err() && setting("=b").is_err());
    }
}
