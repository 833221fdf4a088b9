//! `cargo xtask fuzz`: runs fuzz targets one after the other, and says how far they came.
//!
//! Without cargo-fuzz and without a nightly compiler: coverage of our own crates comes from flags that every compiler
//! has, put in by this program as a wrapper around it. Dependencies are those that all other builds have.

mod build;
mod runs;
mod target;

use crate::failure::{Doing, Failure};
use crate::measure::children_usage;
use crate::step::{root, target_dir};
use runs::Runs;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use build::wrapped_compiler;

/// Seconds for each target unless something else is asked for.
const SECONDS: u64 = 60;
/// With `--until`, a round that gets less than this part of its time from the processor brings nothing, and after so many of
/// them, one after the other, it is over.
const IDLE_PART: u32 = 100;
const IDLE_ROUNDS_MAX: u32 = 10;

struct Options {
    time: Duration,
    rounds: u32,
    /// As many rounds as it takes until each target has had this much of the processor, instead of `rounds`.
    until: Option<Duration>,
    /// Whether the programs are built first; else those that are there are taken.
    builds: bool,
    targets: Vec<String>,
}

pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let options = options(arguments)?;
    let folder = target_dir().join("fuzz");
    fs::create_dir_all(&folder).doing(|| format!("making {}", folder.display()))?;
    if options.builds {
        build::programs(&options.targets)?;
        build::seeds(&folder.join("seeds"))?;
    }
    let mut runs = Runs::open(folder.join("runs.tsv"))?;
    let mut crashes = Vec::new();
    let has_enough = |runs: &Runs, name: &str, round: u32| match options.until {
        Some(until) => runs.cpu(name) >= until,
        None => round >= options.rounds,
    };
    let mut idle_rounds = 0;
    for round in 0.. {
        let (mut ran, mut cpu) = (0_u32, Duration::ZERO);
        for name in &options.targets {
            if crashes.contains(name) || has_enough(&runs, name, round) {
                continue;
            }
            ran += 1;
            println!("\n▶ {name}, round {}, {} s", round + 1, options.time.as_secs());
            let ended = target::fuzz(name, &folder, options.time, options.until.is_some())?;
            println!("  {}", ended.run.words());
            runs.add(&ended.run)?;
            cpu += ended.run.cpu;
            if let Some(input) = ended.crash {
                println!("  FAILED: {}\n  {}", ended.why, input.display());
                println!("  again: {} {}", target::program(name).display(), input.display());
                crashes.push(name.clone());
            }
        }
        fs::write(folder.join("table.md"), runs.table()).doing(|| "writing table.md".to_owned())?;
        if ran == 0 {
            break;
        }
        idle_rounds = if cpu < options.time * ran / IDLE_PART { idle_rounds + 1 } else { 0 };
        if options.until.is_some() && idle_rounds == IDLE_ROUNDS_MAX {
            println!("\n{}", runs.table());
            return Err(Failure::new(format!(
                "{ran} of {} targets did not come to the time that was asked for: the last {idle_rounds} rounds had less than \
                 1/{IDLE_PART} of the processor each{}",
                options.targets.len(),
                if crashes.is_empty() { String::new() } else { format!("; failed: {}", crashes.join(", ")) }
            )));
        }
    }
    println!("\n{}", runs.table());
    if crashes.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "failed: {}; put the input into fuzz/regressions/TARGET/ and mend what it shows",
        crashes.join(", ")
    )))
}

fn options(arguments: &[&str]) -> Result<Options, Failure> {
    let all = all_targets()?;
    let time = Duration::from_secs(SECONDS);
    let mut options = Options { time, rounds: 1, until: None, builds: true, targets: Vec::new() };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut number = || {
            let value = words.next().and_then(|value| value.parse::<f64>().ok()).filter(|value| *value > 0.0);
            value.ok_or_else(|| Failure::new(format!("{word}: expected a number above 0")))
        };
        match *word {
            "--minutes" => options.time = Duration::from_secs_f64(number()? * 60.0),
            "--rounds" => options.rounds = format!("{:.0}", number()?).parse().unwrap_or(1),
            "--until" => options.until = Some(Duration::from_secs_f64(number()? * 60.0)),
            "--no-build" => options.builds = false,
            name if all.iter().any(|known| known == name) => options.targets.push(name.to_owned()),
            other => {
                return Err(Failure::new(format!("unknown target '{other}'; there are {}", all.join(", "))));
            }
        }
    }
    if options.targets.is_empty() {
        options.targets = all;
    }
    if options.until.is_some() {
        children_usage()
            .map_err(|why| Failure::new(format!("--until counts time of the processor: {why}")))?;
    }
    Ok(options)
}

/// The names of the programs in `fuzz/fuzz_targets`.
fn all_targets() -> Result<Vec<String>, Failure> {
    let folder: PathBuf = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).doing(|| format!("reading {}", folder.display()))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned())).collect();
    names.sort_unstable();
    Ok(names)
}
