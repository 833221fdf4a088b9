//! The tools that are compared: how each makes a delta and applies it.

use super::hdiffpatch;
use crate::failure::Failure;
use crate::step::{cargo, find, run, target_dir};
use std::path::PathBuf;

/// A tool's two programs.
#[derive(Clone)]
pub(super) struct Programs {
    pub(super) generate: PathBuf,
    pub(super) apply: PathBuf,
}

/// How a tool is called. In its words OLD, NEW, DELTA and RESULT stand for paths, OLDSIZE for the size of the old image.
pub(super) struct Tool {
    /// What it is asked for by; several share what is before the dash.
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    /// Where it is, or why it is left out.
    pub(super) programs: Result<Programs, String>,
    pub(super) generate: &'static [&'static str],
    pub(super) apply: &'static [&'static str],
    /// What it takes of memory for each byte of the old image, if it takes it all at once.
    pub(super) memory_per_byte: u64,
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// Ours at each level and the others.
    Main,
    /// Ours for devices of different memory.
    Memory,
    /// Formats of xdelta3 and bsdiff, made and applied by them and by us.
    Formats,
    /// The new image alone, packed.
    Full,
}

impl Table {
    pub(super) const NAMES: [(&'static str, Table); 4] = [
        ("main", Table::Main),
        ("memory", Table::Memory),
        ("formats", Table::Formats),
        ("full", Table::Full),
    ];
}

const BSDIFF_MEMORY: u64 = 17;
const OURS_APPLY: &[&str] = &["delta", "apply", "OLD", "DELTA", "-o", "RESULT"];
const XDELTA3_APPLY: &[&str] = &["-d", "-f", "-q", "-B", "OLDSIZE", "-s", "OLD", "DELTA", "RESULT"];
const BSPATCH: &[&str] = &["OLD", "RESULT", "DELTA"];

/// The tools of a table, or those of them that are in `only`.
pub(super) fn all(table: Table, only: Option<&[String]>) -> Result<Vec<Tool>, Failure> {
    let wanted = |key: &str| {
        let family = key.split('-').next().unwrap_or(key);
        only.is_none_or(|names| names.iter().any(|name| name == key || name == family))
    };
    let mut tools = match table {
        Table::Main => main_tools(),
        Table::Memory => memory_tools(),
        Table::Formats => format_tools(),
        Table::Full => full_tools(),
    };
    tools.retain(|tool| wanted(tool.key));
    if tools.is_empty() {
        return Err(Failure::new("--only: expected some of this table's keys; see benches/README.md"));
    }
    if tools.iter().any(|tool| tool.key.starts_with("ours")) {
        run(cargo().args(["build", "--release", "-p", "mender-artifact-cli", "--bin", "mender-artifact"]))?;
    }
    if tools.iter().any(|tool| tool.key == "hdiffpatch") {
        let built = hdiffpatch::build();
        tools
            .iter_mut()
            .filter(|tool| tool.key == "hdiffpatch")
            .for_each(|tool| tool.programs = built.clone());
    }
    Ok(tools)
}

/// Our program, built in release mode.
pub(super) fn own_program() -> PathBuf {
    target_dir().join("release").join("mender-artifact")
}

fn ours(key: &'static str, name: &'static str, generate: &'static [&'static str]) -> Tool {
    let programs = Ok(Programs { generate: own_program(), apply: own_program() });
    Tool { key, name, programs, generate, apply: OURS_APPLY, memory_per_byte: 0 }
}

fn main_tools() -> Vec<Tool> {
    vec![
        ours(
            "ours-fast",
            "mender-artifact --level fast",
            &["delta", "create", "OLD", "NEW", "-o", "DELTA", "--level", "fast"],
        ),
        ours("ours-default", "mender-artifact", &["delta", "create", "OLD", "NEW", "-o", "DELTA"]),
        ours(
            "ours-max",
            "mender-artifact --level max",
            &["delta", "create", "OLD", "NEW", "-o", "DELTA", "--level", "max"],
        ),
        xdelta3(),
        Tool {
            key: "xdelta3-9",
            name: "xdelta3 -9 -B (size of the base)",
            programs: installed("xdelta3", "xdelta3"),
            generate: &["-e", "-9", "-f", "-q", "-B", "OLDSIZE", "-s", "OLD", "NEW", "DELTA"],
            apply: XDELTA3_APPLY,
            memory_per_byte: 0,
        },
        Tool {
            key: "hdiffpatch",
            name: "hdiffz -m-6 -SD -c-lzma2-9-64m",
            programs: Err("not built".to_owned()),
            generate: &["-m-6", "-SD", "-c-lzma2-9-64m", "-f", "OLD", "NEW", "DELTA"],
            apply: &["-f", "OLD", "DELTA", "RESULT"],
            memory_per_byte: 0,
        },
        bsdiff(),
        Tool {
            key: "zstd",
            name: "zstd -19 --long=31 --patch-from",
            programs: installed("zstd", "zstd"),
            generate: &["-19", "--long=31", "-q", "-f", "--patch-from=OLD", "NEW", "-o", "DELTA"],
            apply: &["-d", "--long=31", "-q", "-f", "--patch-from=OLD", "DELTA", "-o", "RESULT"],
            memory_per_byte: 0,
        },
    ]
}

fn xdelta3() -> Tool {
    Tool {
        key: "xdelta3",
        name: "xdelta3 -e",
        programs: installed("xdelta3", "xdelta3"),
        generate: &["-e", "-f", "-q", "-s", "OLD", "NEW", "DELTA"],
        apply: &["-d", "-f", "-q", "-s", "OLD", "DELTA", "RESULT"],
        memory_per_byte: 0,
    }
}

fn bsdiff() -> Tool {
    Tool {
        key: "bsdiff",
        name: "bsdiff",
        programs: installed("bsdiff", "bspatch"),
        generate: &["OLD", "NEW", "DELTA"],
        apply: BSPATCH,
        memory_per_byte: BSDIFF_MEMORY,
    }
}

fn memory_tools() -> Vec<Tool> {
    macro_rules! with {
        ($($memory:literal)*) => {
            vec![$(ours(
                concat!("ours-", $memory),
                concat!("mender-artifact --apply-memory ", $memory),
                &["delta", "create", "OLD", "NEW", "-o", "DELTA", "--level", "max", "--apply-memory", $memory],
            )),*]
        };
    }
    with!("48K" "64K" "256K" "1M" "4M" "16M" "64M")
}

fn format_tools() -> Vec<Tool> {
    let applied_by = |other: &'static str, apply, tool: Tool| {
        let programs = find(other).map(|apply| Programs { generate: own_program(), apply });
        Tool { programs: programs.ok_or_else(|| format!("{other} is not installed")), apply, ..tool }
    };
    let ours_vcdiff = || {
        let words = &["delta", "create", "OLD", "NEW", "-o", "DELTA", "--algorithm", "xdelta3"];
        ours("ours-vcdiff", "mender-artifact --algorithm xdelta3, applied by xdelta3", words)
    };
    let ours_bsdiff = || {
        let words = &["delta", "create", "OLD", "NEW", "-o", "DELTA", "--algorithm", "bsdiff"];
        ours("ours-bsdiff", "mender-artifact --algorithm bsdiff, applied by bspatch", words)
    };
    let apply_ours = |tool: Tool, name| {
        let programs = tool.programs.map(|programs| Programs { apply: own_program(), ..programs });
        Tool { name, programs, apply: OURS_APPLY, ..tool }
    };
    vec![
        applied_by("xdelta3", &["-d", "-f", "-q", "-s", "OLD", "DELTA", "RESULT"], ours_vcdiff()),
        Tool { name: "mender-artifact --algorithm xdelta3, applied by itself", ..ours_vcdiff() },
        xdelta3(),
        apply_ours(xdelta3(), "xdelta3 -e, applied by mender-artifact"),
        applied_by("bspatch", BSPATCH, ours_bsdiff()),
        Tool { name: "mender-artifact --algorithm bsdiff, applied by itself", ..ours_bsdiff() },
        bsdiff(),
        apply_ours(bsdiff(), "bsdiff, applied by mender-artifact"),
    ]
}

fn full_tools() -> Vec<Tool> {
    let packer = |key, name, generate, apply| Tool {
        key,
        name,
        // The shell puts what goes to standard output into a file.
        programs: installed(key, key).and_then(|_| installed("sh", "sh")),
        generate,
        apply,
        memory_per_byte: 0,
    };
    vec![
        ours(
            "ours-max",
            "mender-artifact --level max",
            &["delta", "create", "OLD", "NEW", "-o", "DELTA", "--level", "max"],
        ),
        packer(
            "zstd",
            "zstd -19 of the new image",
            &["-c", "zstd -19 -q -c \"$0\" > \"$1\"", "NEW", "DELTA"],
            &["-c", "zstd -d -q -c \"$0\" > \"$1\"", "DELTA", "RESULT"],
        ),
        packer(
            "xz",
            "xz -9 of the new image",
            &["-c", "xz -9 -c \"$0\" > \"$1\"", "NEW", "DELTA"],
            &["-c", "xz -d -c \"$0\" > \"$1\"", "DELTA", "RESULT"],
        ),
    ]
}

fn installed(generate: &str, apply: &str) -> Result<Programs, String> {
    match (find(generate), find(apply)) {
        (Some(generate), Some(apply)) => Ok(Programs { generate, apply }),
        _ => Err(format!("{generate} is not installed")),
    }
}
