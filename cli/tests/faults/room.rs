//! Writes that are cut short: by the limit on the length of files, and by a file system that becomes full.

use crate::cases::Case;
use crate::judgement::{Ending, Judge};
use crate::trial::{command, prepare};
use crate::workplace::Workplace;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many limits are tried, from nothing to what the largest file takes.
const STEPS: u64 = 8;

/// A limit on the length of files: the write that meets it is short, the next one fails.
pub(crate) fn limited(case: &Case) {
    let Some(prepared) = prepare(case) else { return };
    let longest = prepared.after.0.values().map(Vec::len).max().unwrap_or(0) as u64;
    let judge = Judge { case, before: &prepared.before, after: &prepared.after };
    let mut failed = 0;
    for step in 0..=STEPS {
        // In units of 512 bytes (dash) or 1 KiB (bash), and never at the end of one of our own writes.
        let units = longest * step / STEPS / 512 + u64::from(step > 0);
        let place = prepared.place();
        let inner = command(case, &place);
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -f {units}; exec \"$0\" \"$@\"")]);
        limited.arg(inner.get_program()).args(inner.get_args()).current_dir(place.path(""));
        limited.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = limited.output().unwrap();
        failed += usize::from(!output.status.success());
        if let Err(why) = judge.judge(&place, &Ending::of(&output), "", false) {
            panic!("{} with ulimit -f {units}: {why}", case.name);
        }
    }
    assert!(failed > 0, "{}: no limit was ever met", case.name);
}

/// A file system in memory, with less room than is needed, then a little more, until it is enough.
pub(crate) fn full(case: &Case) {
    let Some(prepared) = prepare(case) else { return };
    let pages = |state: &crate::state::State| -> u64 {
        state.0.values().map(|bytes| (bytes.len() as u64).div_ceil(4096)).sum()
    };
    let (before, after) = (pages(&prepared.before), pages(&prepared.after));
    let judge = Judge { case, before: &prepared.before, after: &prepared.after };
    let mut failed = 0;
    for step in 0..STEPS {
        let place = Workplace::new();
        let size = (before + after * step * 2 / STEPS) * 4096;
        let Some(_disk) = Disk::mount(&place.path(""), size) else { return };
        prepared.put_into(&place.path(""));
        let output = command(case, &place).output().unwrap();
        failed += usize::from(!output.status.success());
        if let Err(why) = judge.judge(&place, &Ending::of(&output), "", false) {
            panic!("{} in {size} bytes: {why}", case.name);
        }
    }
    // An image that is changed in its place takes no room.
    assert!(failed > 0 || case.in_place.is_some(), "{}: there was always room", case.name);
}

/// A small file system, gone when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: &Path, size_bytes: u64) -> Option<Self> {
        let options = format!("size={size_bytes}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path.to_path_buf()));
        }
        println!("skipped: mounting a small file system needs root");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
