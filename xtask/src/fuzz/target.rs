//! One run of one target.

use super::runs::Run;
use crate::failure::{Doing, Failure};
use crate::measure::children_usage;
use crate::step::{root, target_dir};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// No input may take longer, in seconds that go by; this is above what a busy machine does to a sound one.
const TIMEOUT: u32 = 30;
/// The same where fuzzing takes what others leave of the processor.
const PATIENT_TIMEOUT: u32 = 600;
/// Most memory, in MiB: of the reader's limits, and what libFuzzer itself takes.
const MEMORY_MIB: u32 = 1500;
/// Longest input, in bytes.
const LEN_MAX: u32 = 32 << 10;

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) run: Run,
    /// The input that made the target fail.
    pub(crate) crash: Option<PathBuf>,
    /// What it said.
    pub(crate) why: String,
}

pub(crate) fn program(name: &str) -> PathBuf {
    target_dir().join("debug").join(format!("fuzz_{name}"))
}

pub(crate) fn fuzz(name: &str, folder: &Path, time: Duration, patient: bool) -> Result<Ended, Failure> {
    let make = |kind: &str| -> Result<PathBuf, Failure> {
        let path = folder.join(kind).join(name);
        fs::create_dir_all(&path).doing(|| format!("making {}", path.display()))?;
        Ok(path)
    };
    let [corpus, seeds, crashes] = [make("corpus")?, make("seeds")?, make("crashes")?];
    let log = folder.join(format!("{name}.log"));
    let file = File::create(&log).doing(|| format!("making {}", log.display()))?;
    let mut command = Command::new(program(name));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
    for (option, value) in [
        ("max_total_time", time.as_secs()),
        ("timeout", if patient { PATIENT_TIMEOUT } else { TIMEOUT }.into()),
        ("rss_limit_mb", MEMORY_MIB.into()),
        ("max_len", LEN_MAX.into()),
        ("print_final_stats", 1),
    ] {
        command.arg(format!("-{option}={value}"));
    }
    let dictionary = root().join("fuzz/dictionaries").join(format!("{name}.dict"));
    if dictionary.exists() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    command.arg(format!("-artifact_prefix={}/", crashes.display())).arg(&corpus).arg(&seeds);
    let regressions = root().join("fuzz/regressions").join(name);
    if regressions.is_dir() {
        command.arg(regressions);
    }
    let (start, cpu_before) = (Instant::now(), cpu());
    let status = command.status().doing(|| format!("running {}", program(name).display()))?;
    let said = fs::read(&log).doing(|| format!("reading {}", log.display()))?;
    let said = String::from_utf8_lossy(&said);
    let inputs = fs::read_dir(&corpus).doing(|| format!("reading {}", corpus.display()))?.count();
    let run = Run {
        target: name.to_owned(),
        seconds: start.elapsed().as_secs(),
        executions: number_behind(&said, "stat::number_of_executed_units:").unwrap_or(0),
        edges: number_behind(&said, " cov: ").unwrap_or(0),
        features: number_behind(&said, " ft: ").unwrap_or(0),
        inputs: u64::try_from(inputs).unwrap_or(u64::MAX),
        peak_mib: number_behind(&said, "stat::peak_rss_mb:").unwrap_or(0),
        cpu: cpu().saturating_sub(cpu_before),
    };
    let why = said.lines().find(|line| line.contains("panicked at") || line.contains("ERROR: libFuzzer"));
    let crash =
        said.lines().rev().find_map(|line| line.split_once("Test unit written to ")).map(|it| it.1.into());
    if !status.success() && crash.is_none() {
        return Err(Failure::new(format!("{name}: {status}; see {}", log.display())));
    }
    Ok(Ended { run, crash, why: why.unwrap_or("no word").to_owned() })
}

/// Time of the processor that the programs run so far have had; 0 where the system does not tell.
fn cpu() -> Duration {
    children_usage().map_or(Duration::ZERO, |(seconds, _)| Duration::from_secs_f64(seconds))
}

/// The number behind the last occurrence of `mark`.
fn number_behind(text: &str, mark: &str) -> Option<u64> {
    let (_, rest) = text.rsplit_once(mark)?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
