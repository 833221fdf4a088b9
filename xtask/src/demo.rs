//! `cargo xtask demo`: the whole way once, from two root file systems to the same bytes again.

mod cpio;
mod debian;
mod image;
mod programs;
mod walk;

use crate::failure::Failure;
use crate::step::{cargo, fresh_dir, run as run_step, target_dir};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the two root file systems come from.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// Two builds of this project's programs, and its documents.
    OwnPrograms,
    /// Debian's packages: a release, and the same with its updates.
    DebianPackages,
}

/// Two root file systems as folders, and the command that works on them.
struct Trees {
    old: PathBuf,
    new: PathBuf,
    tool: PathBuf,
}

pub(crate) fn run(source: Source) -> Result<(), Failure> {
    let dir = fresh_dir("demo")?;
    let trees = match source {
        Source::OwnPrograms => programs::trees(&dir)?,
        Source::DebianPackages => debian::trees(&dir)?,
    };
    let (old, new) = image::pack_pair(&trees.old, &trees.new, &dir)?;
    walk::walk(&trees.tool, &old, &new, &dir)
}

/// A release build of the programs.
fn release_build() -> Command {
    let mut command = cargo();
    command.args(["build", "--release", "-p", "mender-artifact-cli", "--bins"]);
    command
}

/// Builds, and returns where the program of this name is.
fn build(command: &mut Command, program: &str) -> Result<PathBuf, Failure> {
    run_step(command)?;
    Ok(built(program))
}

fn built(program: &str) -> PathBuf {
    target_dir().join("release").join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
}

/// A path as an argument.
fn text(path: &Path) -> Result<&str, Failure> {
    path.to_str().ok_or_else(|| Failure::new(format!("{}: the path is not UTF-8", path.display())))
}
