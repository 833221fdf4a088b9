//! The tools that are compared: how each makes a delta and applies it.

use super::hdiffpatch;
use crate::failure::Failure;
use crate::step::{cargo, find, run, target_dir};
use std::path::PathBuf;

/// A tool's two programs.
pub(super) struct Programs {
    pub(super) generate: PathBuf,
    pub(super) apply: PathBuf,
}

/// How a tool is called. OLD, NEW, DELTA and RESULT stand for paths.
pub(super) struct Tool {
    pub(super) name: String,
    /// Where it is, or why it is left out.
    pub(super) programs: Result<Programs, String>,
    pub(super) generate: &'static [&'static str],
    pub(super) apply: &'static [&'static str],
}

/// Ours and the others, or those whose first word is in `only`.
pub(super) fn all(only: Option<&[String]>) -> Result<Vec<Tool>, Failure> {
    let wanted = |name: &str| only.is_none_or(|names| names.iter().any(|other| other == name));
    let mut tools = Vec::new();
    if wanted("ours") {
        run(cargo().args(["build", "--release", "-p", "mender-artifact-cli", "--bin", "mender-artifact"]))?;
        let ours = target_dir().join("release").join("mender-artifact");
        tools.push(Tool {
            name: "mender-artifact delta create".into(),
            programs: Ok(Programs { generate: ours.clone(), apply: ours }),
            generate: &["delta", "create", "OLD", "NEW", "-o", "DELTA"],
            apply: &["delta", "apply", "OLD", "DELTA", "-o", "RESULT"],
        });
    }
    if wanted("xdelta3") {
        tools.push(Tool {
            name: "xdelta3 -e".into(),
            programs: installed("xdelta3", "xdelta3"),
            generate: &["-e", "-f", "-q", "-s", "OLD", "NEW", "DELTA"],
            apply: &["-d", "-f", "-q", "-s", "OLD", "DELTA", "RESULT"],
        });
    }
    if wanted("hdiffpatch") {
        tools.push(Tool {
            name: "hdiffz -m-6 -SD -c-lzma2-9-64m".into(),
            programs: hdiffpatch::build(),
            generate: &["-m-6", "-SD", "-c-lzma2-9-64m", "-f", "OLD", "NEW", "DELTA"],
            apply: &["-f", "OLD", "DELTA", "RESULT"],
        });
    }
    if wanted("bsdiff") {
        tools.push(Tool {
            name: "bsdiff".into(),
            programs: installed("bsdiff", "bspatch"),
            generate: &["OLD", "NEW", "DELTA"],
            apply: &["OLD", "RESULT", "DELTA"],
        });
    }
    if tools.is_empty() {
        return Err(Failure::new("--only: expected some of ours, xdelta3, hdiffpatch, bsdiff"));
    }
    Ok(tools)
}

fn installed(generate: &str, apply: &str) -> Result<Programs, String> {
    match (find(generate), find(apply)) {
        (Some(generate), Some(apply)) => Ok(Programs { generate, apply }),
        _ => Err(format!("{generate} is not installed")),
    }
}
