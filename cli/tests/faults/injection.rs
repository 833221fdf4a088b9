//! Faults that strace puts into a process, and the calls that they can be put at.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;

/// What happens instead of, or before, a system call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// The call does nothing and returns this error.
    Error(&'static str),
    /// The process is killed before the call.
    Kill,
}

/// A fault at the call with this number among those of its name, in each thread for itself.
#[derive(Clone, Debug)]
pub(crate) struct Injection {
    pub(crate) call: String,
    pub(crate) number: usize,
    pub(crate) fault: Fault,
}

impl Injection {
    /// The program and its arguments, run with the fault.
    pub(crate) fn command(&self, command: &Command) -> Command {
        let (call, number) = (&self.call, self.number);
        let fault = match self.fault {
            Fault::Error(name) => format!("error={name}"),
            Fault::Kill => "signal=KILL".to_owned(),
        };
        let inject = format!("inject={call}:{fault}:when={number}");
        // What hangs is a failure, not an endless test.
        traced(command, &["timeout", "-s", "KILL", "120", "strace"], |strace| {
            strace.args(["-f", "-qq", "-o", "/dev/null"]);
            // Faster, but then signals are not delivered.
            strace.args((self.fault != Fault::Kill).then_some("--seccomp-bpf"));
            strace.arg("-e").arg(format!("trace={call}")).arg("-e").arg(inject);
        })
    }
}

/// What can go wrong with a call. Those that are not here are not tried: they cannot fail so, or are no I/O.
pub(crate) fn faults(call: &str) -> &'static [Fault] {
    use Fault::{Error, Kill};
    match call {
        "read" | "pread64" | "readv" | "preadv" => &[Error("EIO"), Error("EINTR"), Kill],
        "write" | "pwrite64" | "writev" | "copy_file_range" | "sendfile" | "ftruncate" | "fallocate"
        | "openat" => &[Error("EIO"), Error("ENOSPC"), Error("EINTR"), Kill],
        "fsync" | "fdatasync" | "linkat" | "link" | "rename" | "renameat" | "renameat2" | "mkdir" => {
            &[Error("EIO"), Error("ENOSPC"), Kill]
        }
        "flock" => &[Error("EINTR"), Error("ENOLCK"), Kill],
        "mmap" => &[Error("ENOMEM"), Kill],
        "ioctl" | "statx" | "newfstatat" | "fstat" | "lseek" | "unlink" | "unlinkat" | "fchmod"
        | "fchown" | "getdents64" | "readlink" => &[Error("EIO"), Kill],
        "close" | "exit_group" | "munmap" => &[Kill],
        _ => &[],
    }
}

/// All calls that faults can be put at.
const CALLS: &str = "read,pread64,readv,preadv,write,pwrite64,writev,copy_file_range,sendfile,ftruncate,fallocate,openat,\
     fsync,fdatasync,linkat,link,rename,renameat,renameat2,mkdir,flock,mmap,ioctl,statx,newfstatat,fstat,lseek,unlink,\
     unlinkat,fchmod,fchown,getdents64,readlink,close,exit_group,munmap,poll";

/// Runs a command without a fault, and gives the numbers of its calls, by name: those after the program has begun, in
/// any of its threads. What the loader does before is left out.
pub(crate) fn calls(command: &Command, log: &Path) -> BTreeMap<String, RangeInclusive<usize>> {
    let mut traced = traced(command, &["strace"], |strace| {
        strace.args(["-f", "-qq", "-o"]).arg(log).args(["-s", "0", "-e"]).arg(format!("trace={CALLS}"));
    });
    let output = traced.output().unwrap();
    assert!(output.status.success(), "{traced:?}: {output:?}");
    let text = std::fs::read_to_string(log).unwrap();
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    let mut ranges: BTreeMap<String, RangeInclusive<usize>> = BTreeMap::new();
    let mut begun = false;
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
        if !call.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            continue;
        }
        // The first thing that the standard library does.
        begun |= call == "poll";
        let count = counts.entry((thread, call)).or_default();
        *count += 1;
        if begun && !faults(call).is_empty() {
            let range = ranges.entry(call.to_owned()).or_insert(*count..=*count);
            *range = *range.start().min(count)..=*range.end().max(count);
        }
    }
    assert!(begun, "{text}");
    ranges
}

/// `command` run by another program with its arguments before it.
fn traced(command: &Command, program: &[&str], arguments: impl FnOnce(&mut Command)) -> Command {
    let mut outer = Command::new(program[0]);
    outer.args(&program[1..]);
    arguments(&mut outer);
    outer.arg(command.get_program()).args(command.get_args());
    outer.current_dir(command.get_current_dir().unwrap()).stdin(std::process::Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer
}
