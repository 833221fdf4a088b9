//! `cargo xtask compare`: our deltas beside those of other tools, on the same pairs, in one run, as a markdown table.

mod hdiffpatch;
mod table;
mod tool;

use crate::failure::{Doing, Failure};
use crate::measure::{Outcome, measured};
use crate::step::fresh_dir;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use table::Row;
use tool::Tool;

struct Options {
    /// A tool that generates or applies for longer is ended and left out, with the reason.
    limit: Duration,
    only: Option<Vec<String>>,
    pairs: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let options = parse(arguments)?;
    let scratch = fresh_dir("compare")?;
    let tools = tool::all(options.only.as_deref())?;

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
            rows.push((name.clone(), tool.name.clone(), row));
        }
    }
    println!("{}", table::markdown(&rows));
    fs::remove_dir_all(&scratch).doing(|| format!("removing {}", scratch.display()))
}

fn parse(arguments: &[&str]) -> Result<Options, Failure> {
    let mut options = Options { limit: Duration::from_secs(600), only: None, pairs: Vec::new() };
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
    let (delta, result) = (scratch.join("delta"), scratch.join("result"));
    let fill = |template: &[&str]| -> Result<Vec<String>, Failure> {
        template
            .iter()
            .map(|word| {
                let path = match *word {
                    "OLD" => old,
                    "NEW" => new,
                    "DELTA" => &delta,
                    "RESULT" => &result,
                    other => return Ok(other.to_owned()),
                };
                path.to_str().map(str::to_owned).ok_or_else(|| Failure::new("path is not UTF-8"))
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
