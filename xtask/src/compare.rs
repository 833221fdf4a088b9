//! `cargo xtask compare`: our deltas beside those of other tools, on the same pairs, in one run, as a markdown table.
//! There are several tables; benches/README.md says which.

mod about;
mod hdiffpatch;
mod table;
mod tool;

use crate::failure::{Doing, Failure};
use crate::measure::{Outcome, measured};
use crate::step::{fresh_dir, target_dir};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use table::Row;
use tool::{Table, Tool};

struct Options {
    /// A tool that generates or applies for longer is ended and left out, with the reason.
    limit: Duration,
    only: Option<Vec<String>>,
    table: Table,
    pairs: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let options = parse(arguments)?;
    let scratch = fresh_dir("compare")?;
    let tools = tool::all(options.table, options.only.as_deref())?;
    let about = about::about(&tools);
    // Kept up to date, so that a run that is ended leaves what it has.
    let kept = target_dir().join("xtask").join("compare.md");

    let mut rows = Vec::new();
    for pair in &options.pairs {
        let name =
            pair.file_name().map_or_else(|| pair.display().to_string(), |name| name.to_string_lossy().into());
        let (old, new) = (pair.join("old.img"), pair.join("new.img"));
        // Both sides are read once before anything is measured, so that no tool pays for a cold cache.
        sha256(&old)?;
        let expected = sha256(&new)?;
        for tool in &tools {
            eprintln!("{name}: {}", tool.name);
            let row = one(tool, &old, &new, &expected, options.limit, &scratch)
                .unwrap_or_else(|failure| Row::without(failure.to_string()));
            rows.push((name.clone(), tool.name, tool.key.starts_with("ours"), row));
            let text = format!("{about}\n\n{}", table::markdown(&rows));
            fs::write(&kept, text).doing(|| kept.display().to_string())?;
        }
    }
    println!("{about}\n\n{}", table::markdown(&rows));
    fs::remove_dir_all(&scratch).doing(|| format!("removing {}", scratch.display()))
}

fn parse(arguments: &[&str]) -> Result<Options, Failure> {
    let mut options =
        Options { limit: Duration::from_secs(600), only: None, table: Table::Main, pairs: Vec::new() };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--limit" => {
                let seconds = arguments.next().copied().unwrap_or_default();
                options.limit = Duration::from_secs(seconds.parse().doing(|| format!("--limit {seconds}"))?);
            }
            "--only" => {
                let names = arguments.next().copied().unwrap_or_default();
                options.only = Some(names.split(',').map(str::to_owned).collect());
            }
            "--table" => {
                let name = arguments.next().copied().unwrap_or_default();
                let known = Table::NAMES.iter().find(|(known, _)| *known == name);
                let known = known.ok_or_else(|| {
                    Failure::new(format!("--table: expected main, memory, formats or full, found '{name}'"))
                })?;
                options.table = known.1;
            }
            flag if flag.starts_with('-') => return Err(Failure::new(format!("unknown option {flag}"))),
            folder => options.pairs.push(folder.into()),
        }
    }
    if options.pairs.is_empty() {
        return Err(Failure::new("no pair given: compare PAIR..., each a folder with old.img and new.img"));
    }
    Ok(options)
}

fn one(
    tool: &Tool,
    old: &Path,
    new: &Path,
    expected: &[u8],
    limit: Duration,
    scratch: &Path,
) -> Result<Row, Failure> {
    let program = match &tool.programs {
        Ok(programs) => programs,
        Err(why) => return Ok(Row::without(why.clone())),
    };
    let old_size = fs::metadata(old).doing(|| old.display().to_string())?.len();
    let wanted = old_size.saturating_mul(tool.memory_per_byte);
    if about::meminfo("MemAvailable").is_some_and(|there| wanted > there) {
        return Ok(Row::without(format!("it would take about {} MiB of memory", wanted >> 20)));
    }
    let (delta, result) = (scratch.join("delta"), scratch.join("result"));
    let fill = |template: &[&str]| -> Result<Vec<String>, Failure> {
        template
            .iter()
            .map(|word| {
                let (flag, word) = word.split_once('=').map_or(("", *word), |(_, last)| {
                    // The flag with its sign.
                    (&word[..word.len() - last.len()], last)
                });
                let path = match word {
                    "OLD" => old,
                    "NEW" => new,
                    "DELTA" => &delta,
                    "RESULT" => &result,
                    "OLDSIZE" => return Ok(old_size.to_string()),
                    other => return Ok(format!("{flag}{other}")),
                };
                let path = path.to_str().ok_or_else(|| Failure::new("path is not UTF-8"))?;
                Ok(format!("{flag}{path}"))
            })
            .collect()
    };
    for file in [&delta, &result] {
        if file.exists() {
            fs::remove_file(file).doing(|| file.display().to_string())?;
        }
    }
    let arguments = fill(tool.generate)?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Outcome::Finished(generate) = measured(&program.generate, &words, limit, scratch)? else {
        return Ok(Row::without(format!("generating took more than {} s", limit.as_secs())));
    };
    let delta_bytes = fs::metadata(&delta).doing(|| format!("{}'s delta", tool.name))?.len();
    let arguments = fill(tool.apply)?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Outcome::Finished(apply) = measured(&program.apply, &words, limit, scratch)? else {
        return Ok(Row::without(format!("applying took more than {} s", limit.as_secs())));
    };
    let equal = sha256(&result)? == expected;
    Ok(Row::Measured { delta_bytes, generate, apply, equal })
}

fn sha256(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut file = File::open(path).doing(|| path.display().to_string())?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).doing(|| path.display().to_string())? {
            0 => return Ok(hash.finalize().to_vec()),
            count => hash.update(&buffer[..count]),
        }
    }
}
