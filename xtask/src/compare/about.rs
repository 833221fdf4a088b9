//! When, where and with which versions a comparison was run.

use super::hdiffpatch;
use super::tool::{Tool, own_program};
use crate::step::{output, program};
use std::fs;

/// Lines of text before a table.
pub(super) fn about(tools: &[Tool]) -> String {
    let said = |name: &str, words: &[&str]| {
        let text = output(program(name).args(words)).unwrap_or_default();
        text.lines().next().unwrap_or_default().trim().to_owned()
    };
    let mut versions = Vec::new();
    let mut families: Vec<&str> =
        tools.iter().map(|tool| tool.key.split('-').next().unwrap_or(tool.key)).collect();
    families.dedup();
    for family in families {
        versions.push(match family {
            "ours" => {
                let own = own_program();
                let commit = said("git", &["rev-parse", "--short", "HEAD"]);
                format!("{} ({commit})", said(&own.to_string_lossy(), &["--version"]))
            }
            "hdiffpatch" => format!("HDiffPatch out of PyPI's hdiffpatch {}", hdiffpatch::VERSION),
            // Neither tells its version in one line on standard output.
            "xdelta3" | "bsdiff" => {
                format!("{family} {}", said("dpkg-query", &["-W", "-f", "${Version}", family]))
            }
            other => said(other, &["--version"]),
        });
    }
    versions.sort();
    versions.dedup();
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZeroUsize::get);
    format!(
        "{}; {}, {cpus} processors, {} MiB of memory; {}.",
        said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        processor(),
        meminfo("MemTotal").unwrap_or(0) >> 20,
        versions.join("; ")
    )
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

/// A figure of Linux's about memory, in bytes.
pub(super) fn meminfo(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
