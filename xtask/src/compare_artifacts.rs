//! `cargo xtask compare-artifacts`: our command beside Debian's mender-artifact on the same image, in one run, as a
//! markdown table.
//!
//! | file | what |
//! |---|---|
//! | `task` | the rows: what is run, and what is to be reached |
//! | `contest` | runs a row's two commands |
//! | `table` | shows what came of it |

mod contest;
mod table;
mod task;

use crate::failure::{Doing, Failure};
use crate::step::{cargo, find, fresh_dir, output, program, target_dir};
use contest::Contest;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use task::Task;

/// What the command line says.
struct Options {
    image: String,
    /// Where Artifacts are written; a folder of a file system that shares blocks shows what that is worth.
    scratch: Option<PathBuf>,
    /// A command that runs longer is ended.
    limit: Duration,
    /// Only rows whose names contain one of these.
    only: Option<Vec<String>>,
}

pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let options = parse(arguments)?;
    let scratch = match &options.scratch {
        None => fresh_dir("compare-artifacts")?,
        Some(folder) => {
            let folder = folder.join("compare-artifacts");
            fs::create_dir(&folder).doing(|| format!("making {}", folder.display()))?;
            folder
        }
    };
    let build = ["build", "--quiet", "--release", "-p", "mender-artifact-cli", "--bin", "mender-artifact"];
    output(cargo().args(build))?;
    let contest = Contest {
        ours: target_dir().join("release/mender-artifact"),
        theirs: find("mender-artifact"),
        scratch: scratch.clone(),
        image: scratch.join("image.img"),
        limit: options.limit,
    };
    output(program("openssl").args(["genrsa", "-traditional", "-out"]).arg(contest.key()).arg("2048"))?;
    // A copy of our own, which is in the cache then, so that nobody pays for a cold one.
    let image_bytes = fs::copy(&options.image, &contest.image).doing(|| options.image.clone())?;
    make_folder_of_names(&contest.image);
    let version = match &contest.theirs {
        Some(theirs) => output(program(theirs).arg("--version"))?,
        None => "mender-artifact: not installed".to_owned(),
    };

    let start = Instant::now();
    let mut rows = Vec::new();
    let tasks = task::all();
    let is_wanted = |task: &Task| {
        options.only.as_ref().is_none_or(|only| only.iter().any(|part| task.name.contains(part)))
    };
    // What is written for others to work on.
    let inputs: Vec<&str> =
        tasks.iter().filter(|task| is_wanted(task)).filter_map(|task| task.input).collect();
    for task in &tasks {
        let is_input = task.input.is_none() && inputs.contains(&task.compression());
        if is_wanted(task) || is_input {
            eprintln!("{}", task.name);
            rows.push(contest.row(task));
        }
    }
    print!("{}", table::markdown(&rows, image_bytes, version.trim(), start.elapsed()));
    fs::remove_dir_all(&scratch).doing(|| format!("removing {}", scratch.display()))
}

/// Debian's mender-artifact gives an Artifact of an ext4 image another name only if the image has the folder where it
/// writes the name, too.
fn make_folder_of_names(image: &Path) {
    for folder in ["/etc", "/etc/mender"] {
        let Some(debugfs) = find("debugfs") else { return };
        // What is no ext4 image, or has the folder, is left as it is.
        let _ = output(program(debugfs).args(["-w", "-R", &format!("mkdir {folder}")]).arg(image));
    }
}

fn parse(arguments: &[&str]) -> Result<Options, Failure> {
    let mut options =
        Options { image: String::new(), scratch: None, limit: Duration::from_secs(240), only: None };
    let mut arguments = arguments.iter().copied();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| Failure::new(format!("{argument}: no value")));
        match argument {
            "--limit" => {
                let seconds = value()?;
                options.limit = Duration::from_secs(seconds.parse().doing(|| format!("--limit {seconds}"))?);
            }
            "--scratch" => options.scratch = Some(value()?.into()),
            "--only" => options.only = Some(value()?.split(',').map(str::to_owned).collect()),
            flag if flag.starts_with('-') => return Err(Failure::new(format!("unknown option {flag}"))),
            image if options.image.is_empty() => options.image = image.to_owned(),
            other => return Err(Failure::new(format!("expected one image, found another: {other}"))),
        }
    }
    if options.image.is_empty() {
        return Err(Failure::new(
            "no image given: compare-artifacts [--limit SECONDS] [--scratch FOLDER] [--only NAME[,NAME]] IMAGE",
        ));
    }
    Ok(options)
}
