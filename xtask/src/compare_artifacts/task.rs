//! The rows of the table.

use std::time::Duration;

/// A row: one command line for both sides.
pub(super) struct Task {
    pub(super) name: String,
    /// IMAGE, OUT, IN and KEY stand for files.
    pub(super) arguments: Vec<String>,
    /// Compression of the Artifact that IN is a fresh copy of; none where one is written.
    pub(super) input: Option<&'static str>,
    pub(super) beside: Beside,
    pub(super) target: Target,
    /// An own limit of the other side, where waiting longer would tell nothing new.
    pub(super) patience: Option<Duration>,
}

/// What stands beside our command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// Debian's mender-artifact with the same arguments.
    TheirCommand,
    /// A copy of the file.
    Copy,
    /// A copy of the file that is brought to the medium, as ours is.
    SyncedCopy,
    /// Nobody, for this reason.
    Nobody(&'static str),
}

/// What a row has to reach.
#[derive(Clone, Copy, Default)]
pub(super) struct Target {
    /// How many times as fast as the other side.
    pub(super) times: Option<f64>,
    /// The output is no larger than the other side's times this.
    pub(super) size: Option<f64>,
    /// Largest resident set in MiB.
    pub(super) peak_mib: Option<u64>,
}

/// Most memory for everything but xz.
const PEAK_MIB: Option<u64> = Some(64);
/// Most memory for xz.
const XZ_PEAK_MIB: Option<u64> = Some(256);
/// The other tool unpacks and packs xz whole to change a name.
const XZ_CHANGE_PATIENCE: Duration = Duration::from_secs(45);

impl Task {
    /// The compression in its name.
    pub(super) fn compression(&self) -> &str {
        self.name.split(", ").nth(1).unwrap_or_default()
    }
}

pub(super) fn all() -> Vec<Task> {
    let mut tasks = Vec::new();
    for compression in ["none", "gzip", "lzma", "zstd_fastest", "zstd_fast", "zstd_better", "zstd_best"] {
        let line = "write rootfs-image --no-progress -t device -n release -o OUT -f IMAGE --compression";
        let mut arguments = words(line);
        arguments.push(compression.to_owned());
        let (beside, target) = match compression {
            "none" => {
                (Beside::TheirCommand, Target { times: Some(1.0), size: Some(1.0), peak_mib: PEAK_MIB })
            }
            "gzip" => {
                (Beside::TheirCommand, Target { times: Some(1.5), size: Some(1.0), peak_mib: PEAK_MIB })
            }
            "lzma" => {
                (Beside::TheirCommand, Target { times: Some(4.0), size: Some(1.02), peak_mib: XZ_PEAK_MIB })
            }
            _ => (Beside::Nobody("3.9 has no zstd"), Target { peak_mib: PEAK_MIB, ..Target::default() }),
        };
        let name = format!("write, {compression}");
        tasks.push(Task { name, arguments, input: None, beside, target, patience: None });
    }
    for (verb, line) in [("validate", "validate IN"), ("read", "read IN")] {
        for compression in ["none", "gzip", "lzma", "zstd_better"] {
            // Without compression there is only SHA-256, which is as fast for everybody and not done in parallel.
            let times = if compression == "none" { 1.0 } else { 1.5 };
            let target = Target { times: Some(times), size: None, peak_mib: PEAK_MIB };
            tasks.push(existing(verb, line, compression, target));
        }
    }
    for compression in ["none", "gzip", "lzma", "zstd_better"] {
        // Where the file system shares no blocks, what is not compressed is copied by both.
        let times = if compression == "none" { 1.5 } else { 50.0 };
        let target = Target { times: Some(times), size: None, peak_mib: PEAK_MIB };
        let mut task = existing("modify -n", "modify -n other IN", compression, target);
        task.patience = (compression == "lzma").then_some(XZ_CHANGE_PATIENCE);
        tasks.push(task);
    }
    for (compression, beside, suffix) in [
        ("none", Beside::TheirCommand, ""),
        ("gzip", Beside::TheirCommand, ""),
        ("gzip", Beside::Copy, " (beside cp)"),
        ("gzip", Beside::SyncedCopy, " (beside cp and sync)"),
    ] {
        let target = Target { times: Some(1.0), size: None, peak_mib: PEAK_MIB };
        let mut task = existing("sign", "sign -k KEY IN", compression, target);
        task.name.push_str(suffix);
        task.beside = beside;
        tasks.push(task);
    }
    tasks
}

/// A row that works on an Artifact that was written before.
fn existing(verb: &str, line: &str, compression: &'static str, target: Target) -> Task {
    let beside = match compression {
        "zstd_better" => Beside::Nobody("3.9 has no zstd"),
        _ => Beside::TheirCommand,
    };
    Task {
        name: format!("{verb}, {compression}"),
        arguments: words(line),
        input: Some(compression),
        beside,
        target,
        patience: None,
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}
