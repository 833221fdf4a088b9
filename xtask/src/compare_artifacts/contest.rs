//! Runs both sides of a row.

use super::table::{Cell, Row};
use super::task::{Beside, Task};
use crate::failure::{Doing, Failure};
use crate::measure::{Outcome, Usage, measured};
use crate::step::find;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Most runs of one command; the median counts.
const RUNS: usize = 3;
/// Nothing is run again once a command has taken this long, all its runs together.
const ENOUGH: Duration = Duration::from_secs(6);

/// Where everything is.
pub(super) struct Contest {
    pub(super) ours: PathBuf,
    pub(super) theirs: Option<PathBuf>,
    pub(super) scratch: PathBuf,
    pub(super) image: PathBuf,
    pub(super) limit: Duration,
}

/// One side of a row.
struct Side<'c> {
    program: &'c Path,
    /// In the names of its Artifacts.
    who: &'static str,
    arguments: Vec<String>,
    limit: Duration,
}

impl Contest {
    pub(super) fn key(&self) -> PathBuf {
        self.scratch.join("key.pem")
    }

    /// Runs both sides. What cannot be run is left out with the reason.
    pub(super) fn row(&self, task: &Task) -> Row {
        let ours =
            Side { program: &self.ours, who: "ours", arguments: task.arguments.clone(), limit: self.limit };
        let left_out = |failure: Failure| Cell::LeftOut(failure.to_string());
        let one = self.side(task, &ours).unwrap_or_else(left_out);
        let other = self.other(task).unwrap_or_else(left_out);
        Row { name: task.name.clone(), ours: one, other, target: task.target }
    }

    fn other(&self, task: &Task) -> Result<Cell, Failure> {
        let limit = task.patience.map_or(self.limit, |patience| patience.min(self.limit));
        let shell = |line: &str| ["-c", line, "IN", "OUT"].map(str::to_owned).to_vec();
        let (program, who, arguments) = match task.beside {
            Beside::Nobody(why) => return Ok(Cell::LeftOut(why.to_owned())),
            Beside::TheirCommand => (self.theirs.clone(), "theirs", task.arguments.clone()),
            Beside::Copy => (find("sh"), "ours", shell("cp \"$0\" \"$1\"")),
            Beside::SyncedCopy => (find("sh"), "ours", shell("cp \"$0\" \"$1\" && sync \"$1\"")),
        };
        let program = program.ok_or_else(|| Failure::new("not installed"))?;
        self.side(task, &Side { program: &program, who, arguments, limit })
    }

    /// The median run of one side and the size of what it wrote.
    fn side(&self, task: &Task, side: &Side<'_>) -> Result<Cell, Failure> {
        let written = |compression: &str| self.scratch.join(format!("{}-{compression}.mender", side.who));
        let input = self.scratch.join("input.mender");
        let copy = self.scratch.join("copy.mender");
        let (changed, fresh) = match task.input {
            Some(compression) => (input.clone(), Some(written(compression))),
            None => (written(task.compression()), None),
        };
        let out = if task.input.is_some() { &copy } else { &changed };
        let words = side.arguments.iter().map(|word| match word.as_str() {
            "IMAGE" => text(&self.image),
            "OUT" => text(out),
            "IN" => text(&input),
            "KEY" => text(&self.key()),
            other => Ok(other.to_owned()),
        });
        let words = words.collect::<Result<Vec<_>, _>>()?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut usages: Vec<Usage> = Vec::new();
        let start = Instant::now();
        while usages.len() < RUNS && start.elapsed() < ENOUGH {
            if let Some(fresh) = &fresh {
                if !fresh.exists() {
                    return Err(Failure::new("nothing to work on"));
                }
                fs::copy(fresh, &input).doing(|| fresh.display().to_string())?;
                // What the copy still owes the medium is not to be paid by what is measured.
                fs::File::open(&input)
                    .and_then(|file| file.sync_all())
                    .doing(|| input.display().to_string())?;
            }
            if fresh.is_none() {
                // Each run makes a new file.
                fs::remove_file(&changed).ok();
            }
            match measured(side.program, &words, side.limit, &self.scratch)? {
                Outcome::Finished(usage) => usages.push(usage),
                Outcome::TooSlow => {
                    // Half an output helps nobody.
                    if task.input.is_none() {
                        fs::remove_file(&changed).ok();
                    }
                    return Ok(Cell::Ended(side.limit));
                }
            }
        }
        usages.sort_by(|a, b| a.wall_seconds.total_cmp(&b.wall_seconds));
        let usage = usages.get(usages.len() / 2).ok_or_else(|| Failure::new("not run"))?;
        let bytes = fs::metadata(&changed).doing(|| changed.display().to_string())?.len();
        fs::remove_file(&copy).ok();
        Ok(Cell::Measured { usage: *usage, bytes, runs: usages.len() })
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| Failure::new("path is not UTF-8"))
}
