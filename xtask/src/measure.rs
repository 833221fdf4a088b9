//! One command's time, processor time and peak memory.
//!
//! The command runs below a small process of its own (`xtask measure`), whose resource usage of finished children is
//! then that of the command alone. Peak memory is the largest resident set, which counts mapped files, too.

use crate::failure::{Doing, Failure};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The hidden task: `measure LIMIT_SECONDS REPORT PROGRAM ARGUMENT...`
pub(crate) const TASK: &str = "measure";

/// What a finished command used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) wall_seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_bytes: u64,
}

/// How a measured command ended.
pub(crate) enum Outcome {
    Finished(Usage),
    /// It still ran at the limit and was ended.
    TooSlow,
}

/// Runs `program` with `arguments`, at most for `limit`. A status other than 0 is a failure.
pub(crate) fn measured(
    program: &Path,
    arguments: &[&str],
    limit: Duration,
    scratch: &Path,
) -> Result<Outcome, Failure> {
    let report = scratch.join("usage");
    let this = std::env::current_exe().doing(|| "finding this program".into())?;
    let output = Command::new(this)
        .arg(TASK)
        .arg(limit.as_secs().to_string())
        .arg(&report)
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .doing(|| program.display().to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or("no message");
        return Err(Failure::new(format!("{}: {last}", program.display())));
    }
    let text = fs::read_to_string(&report).doing(|| report.display().to_string())?;
    parse(&text).ok_or_else(|| Failure::new(format!("{}: not a usage report: {text}", report.display())))
}

fn parse(text: &str) -> Option<Outcome> {
    if text == "too slow" {
        return Some(Outcome::TooSlow);
    }
    let mut fields = text.split(' ');
    let wall_seconds = fields.next()?.parse().ok()?;
    let cpu_seconds = fields.next()?.parse().ok()?;
    let peak_bytes = fields.next()?.parse().ok()?;
    Some(Outcome::Finished(Usage { wall_seconds, cpu_seconds, peak_bytes }))
}

/// The hidden task itself.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let [limit, report, program, arguments @ ..] = arguments else {
        return Err(Failure::new("usage: xtask measure SECONDS REPORT PROGRAM ARGUMENT..."));
    };
    let limit: u64 = limit.parse().doing(|| format!("limit {limit}"))?;
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .doing(|| (*program).to_owned())?;
    loop {
        if let Some(status) = child.try_wait().doing(|| (*program).to_owned())? {
            let wall = start.elapsed().as_secs_f64();
            if !status.success() {
                return Err(Failure::new(format!("{program}: {status}")));
            }
            let (cpu, peak) = children_usage()?;
            return fs::write(report, format!("{wall:.3} {cpu:.3} {peak}")).doing(|| (*report).to_owned());
        }
        if start.elapsed() > Duration::from_secs(limit) {
            child.kill().doing(|| (*program).to_owned())?;
            child.wait().doing(|| (*program).to_owned())?;
            return fs::write(report, "too slow").doing(|| (*report).to_owned());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Processor seconds (user and system) and largest resident set in bytes of all children waited for.
#[cfg(unix)]
pub(crate) fn children_usage() -> Result<(f64, u64), Failure> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).doing(|| "getrusage".into())?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    // Linux counts in KiB, the BSDs and macOS in bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let peak = u64::try_from(usage.max_rss()).unwrap_or(0) * unit;
    Ok((Duration::from_micros(u64::try_from(microseconds).unwrap_or(0)).as_secs_f64(), peak))
}

#[cfg(not(unix))]
pub(crate) fn children_usage() -> Result<(f64, u64), Failure> {
    Err(Failure::new("measuring needs a Unix system"))
}
