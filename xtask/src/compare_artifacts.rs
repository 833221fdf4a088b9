//! `cargo xtask compare-artifacts`: our command beside Debian's mender-artifact on the same image, in one run, as a
//! markdown table.

use crate::failure::{Doing, Failure};
use crate::measure::{Outcome, Usage, measured};
use crate::step::{cargo, find, fresh_dir, program, run as run_step, target_dir};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A command that takes longer is ended and left out.
const LIMIT: Duration = Duration::from_secs(900);
/// Each command runs this often; the median counts.
const RUNS: usize = 3;

/// A line of the table: its name, the arguments of both tools, and what stands before it. OUT, IN and KEY are files.
struct Task {
    name: String,
    arguments: Vec<String>,
    /// Compression of the Artifact that IN is a fresh copy of; none for tasks that write.
    from: Option<&'static str>,
    /// Only we can do it: Debian's release has no such compression.
    ours_only: bool,
    runs: usize,
}

pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let [image] = arguments else {
        return Err(Failure::new("no image given: compare-artifacts IMAGE"));
    };
    let scratch = fresh_dir("compare-artifacts")?;
    run_step(cargo().args([
        "build",
        "--quiet",
        "--release",
        "-p",
        "mender-artifact-cli",
        "--bin",
        "mender-artifact",
    ]))?;
    let ours = target_dir().join("release/mender-artifact");
    let theirs = find("mender-artifact").ok_or_else(|| Failure::new("mender-artifact is not installed"))?;
    let key = scratch.join("key.pem");
    run_step(program("openssl").args(["genrsa", "-traditional", "-out"]).arg(&key).arg("2048"))?;
    // Read once before anything is measured, so that nobody pays for a cold cache.
    fs::read(image).doing(|| (*image).to_owned())?;

    println!(
        "| command | ours: wall s | CPU s | peak MiB | bytes | 3.9: wall s | CPU s | peak MiB | bytes | times as fast |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for task in tasks(image) {
        let one = measure(&task, &ours, &scratch, "ours")?;
        let other = if task.ours_only { None } else { measure(&task, &theirs, &scratch, "theirs")? };
        let faster = match (&one, &other) {
            (Some((one, _)), Some((other, _))) => format!("{:.1}", other.wall_seconds / one.wall_seconds),
            _ => String::new(),
        };
        println!("| {} | {} | {} | {faster} |", task.name, cells(one.as_ref()), cells(other.as_ref()));
    }
    fs::remove_dir_all(&scratch).doing(|| format!("removing {}", scratch.display()))
}

fn tasks(image: &str) -> Vec<Task> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut tasks = Vec::new();
    for compression in ["none", "gzip", "lzma", "zstd_fastest", "zstd_better", "zstd_best"] {
        let mut arguments =
            words("write rootfs-image --no-progress -t device -n release -o OUT --compression");
        arguments.extend([compression.to_owned(), "-f".to_owned(), image.to_owned()]);
        tasks.push(Task {
            name: format!("write, {compression}"),
            arguments,
            from: None,
            ours_only: compression.starts_with("zstd"),
            runs: if compression == "lzma" { 1 } else { RUNS },
        });
    }
    for (name, line) in [
        ("validate", "validate IN"),
        ("read", "read IN"),
        ("modify -n", "modify -n other IN"),
        ("sign", "sign -k KEY IN"),
    ] {
        for compression in ["none", "gzip", "lzma"] {
            // Others spend minutes on unpacking and packing xz for these.
            if compression == "lzma" && name != "validate" {
                continue;
            }
            let from = Some(compression);
            let name = format!("{name}, {compression}");
            tasks.push(Task { name, arguments: words(line), from, ours_only: false, runs: RUNS });
        }
    }
    tasks
}

/// The median run of a task and the size of what it wrote; nothing if it took too long.
fn measure(task: &Task, tool: &Path, scratch: &Path, who: &str) -> Result<Option<(Usage, u64)>, Failure> {
    eprintln!("{}: {who}", task.name);
    let written = |compression: &str| scratch.join(format!("{who}-{compression}.mender"));
    let input = scratch.join("input.mender");
    let output = match task.from {
        Some(_) => input.clone(),
        None => written(task.name.trim_start_matches("write, ")),
    };
    let mut usages = Vec::new();
    for _ in 0..task.runs {
        if let Some(compression) = task.from {
            let from = written(compression);
            if !from.exists() {
                return Ok(None);
            }
            fs::copy(&from, &input).doing(|| from.display().to_string())?;
        }
        let fill = |word: &String| -> Result<String, Failure> {
            let path: PathBuf = match word.as_str() {
                "OUT" => output.clone(),
                "IN" => input.clone(),
                "KEY" => scratch.join("key.pem"),
                other => return Ok(other.to_owned()),
            };
            path.to_str().map(str::to_owned).ok_or_else(|| Failure::new("path is not UTF-8"))
        };
        let arguments = task.arguments.iter().map(fill).collect::<Result<Vec<_>, _>>()?;
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match measured(tool, &words, LIMIT, scratch)? {
            Outcome::Finished(usage) => usages.push(usage),
            Outcome::TooSlow => return Ok(None),
        }
    }
    usages.sort_by(|a, b| a.wall_seconds.total_cmp(&b.wall_seconds));
    let bytes = fs::metadata(&output).doing(|| output.display().to_string())?.len();
    Ok(usages.get(usages.len() / 2).map(|usage| (*usage, bytes)))
}

fn cells(measured: Option<&(Usage, u64)>) -> String {
    measured.map_or_else(
        || " | | | ".to_owned(),
        |(usage, bytes)| {
            let (wall, cpu) = (usage.wall_seconds, usage.cpu_seconds);
            format!("{wall:.2} | {cpu:.2} | {} | {bytes}", usage.peak_bytes.div_ceil(1 << 20))
        },
    )
}
