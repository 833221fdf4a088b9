//! What other tools make of bad input: Debian's mender-artifact 3.9 and mender-client 3.4, xdelta3, bspatch.

use crate::case::{Case, Kind};
use crate::corpus::{key, place};
use crate::table::NOT_HERE;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// Seconds until a tool counts as hanging.
const PATIENCE: &str = "20";

/// Run in a mount namespace: FOLDER with `conf`, `device_type` and the Artifact. Neither modules nor data of the host are
/// seen; the one module there is does nothing, so that the client stores payload files itself.
const INSTALL: &str = r#"
set -e
mount -t tmpfs tmpfs /usr/share/mender/modules/v3
mount -t tmpfs tmpfs /etc/mender
printf '#!/bin/sh\nexit 0\n' > /usr/share/mender/modules/v3/single-file
chmod 755 /usr/share/mender/modules/v3/single-file
echo artifact_name=old > /etc/mender/artifact_info
exec mender --no-syslog --config "$1/conf" --fallback-config "$1/conf" --data "$1" install "$1/bad.mender"
"#;

/// Name of a tool and what it does.
pub(crate) fn answers(case: &Case) -> Vec<(&'static str, String)> {
    match case.kind {
        Kind::Artifact => vec![("Go tool 3.9", go_tool(case)), ("Go client 3.4", client(case))],
        Kind::Delta => vec![("xdelta3, bspatch", patcher(case))],
    }
}

fn timed(folder: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.args(["-k", "5", PATIENCE]).current_dir(folder).stdin(Stdio::null());
    command.env("TMPDIR", folder).env("LC_ALL", "C");
    command
}

/// `yes` for success, else how it failed.
fn word(output: &Output, yes: &str) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => yes.to_owned(),
        Some(124 | 137) => "hangs".to_owned(),
        _ if said.contains("goroutine ") => "crashes".to_owned(),
        Some(code) if code < 126 => "refuses".to_owned(),
        _ => "crashes".to_owned(),
    }
}

fn is_there(program: &str, version: &[&str], begins: &str) -> bool {
    let output = Command::new(program).args(version).stdin(Stdio::null()).output();
    output.is_ok_and(|output| {
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).contains(begins)
    })
}

fn skipped(cell: &'static OnceLock<bool>, there: impl FnOnce() -> bool, why: &str) -> bool {
    !*cell.get_or_init(|| {
        let there = there();
        if !there {
            println!("skipped: {why}");
        }
        there
    })
}

/// `validate`, and `read` where there is no signature to be checked.
fn go_tool(case: &Case) -> String {
    static THERE: OnceLock<bool> = OnceLock::new();
    let program = "/usr/bin/mender-artifact";
    if skipped(&THERE, || is_there(program, &["--version"], "version 3.9"), "no mender-artifact 3.9") {
        return NOT_HERE.to_owned();
    }
    let folder = tempfile::tempdir().unwrap();
    place(case, folder.path());
    let run = |words: &[&str]| {
        let mut command = timed(folder.path());
        command.arg(program).args(words);
        if let Some(name) = case.key {
            command.arg("-k").arg(key(name));
        }
        word(&command.arg(case.file_name()).output().unwrap(), "accepts")
    };
    let validated = run(&["validate"]);
    if case.name.starts_with("sign") || case.key.is_some() {
        return validated;
    }
    match run(&["read"]) {
        read if read == validated => validated,
        read => format!("validate {validated}, read {read}"),
    }
}

/// The client waits for ever at times where it refuses at others; what it does more than that is what counts.
fn client(case: &Case) -> String {
    let mut answers = (0..3).map(|_| client_once(case));
    let last = answers.next().unwrap_or_default();
    if last == "hangs" { answers.find(|answer| answer != "hangs").unwrap_or(last) } else { last }
}

fn client_once(case: &Case) -> String {
    static THERE: OnceLock<bool> = OnceLock::new();
    let there = || {
        let mut unshare = Command::new("unshare");
        unshare.args(["-m", "--propagation", "private", "sh", "-c", "mount -t tmpfs tmpfs /etc/mender"]);
        let mounts = unshare.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounts && is_there("mender", &["--version"], "3.4")
    };
    if skipped(&THERE, there, "no mender-client 3.4, not root, or no mount namespaces") {
        return NOT_HERE.to_owned();
    }
    let folder = tempfile::tempdir().unwrap();
    place(case, folder.path());
    let config = case
        .key
        .map_or("{}".to_owned(), |name| format!("{{\"ArtifactVerifyKey\": \"{}\"}}", key(name).display()));
    fs::write(folder.path().join("conf"), config).unwrap();
    fs::write(folder.path().join("device_type"), "device_type=board\n").unwrap();
    let mut command = timed(folder.path());
    command.args(["unshare", "-m", "--propagation", "private", "sh", "-c", INSTALL, "sh"]).arg(folder.path());
    word(&command.output().unwrap(), "installs")
}

/// xdelta3 or bspatch; nobody else knows native deltas. Addresses are limited, since both believe what is claimed.
fn patcher(case: &Case) -> String {
    static THERE: OnceLock<bool> = OnceLock::new();
    if case.name.starts_with("native") {
        return "-".to_owned();
    }
    let there = || is_there("xdelta3", &["-V"], "Xdelta version 3.0.11") && is_there("bspatch", &[], "usage");
    if skipped(&THERE, there, "no xdelta3 3.0.11 or no bspatch") {
        return NOT_HERE.to_owned();
    }
    let folder = tempfile::tempdir().unwrap();
    place(case, folder.path());
    let line = if case.name.starts_with("bsdiff") {
        "ulimit -v 2000000; bspatch base.bin new.bin bad.delta"
    } else {
        "ulimit -v 2000000; xdelta3 -d -f -q -s base.bin bad.delta new.bin"
    };
    let output = timed(folder.path()).args(["sh", "-c", line]).output().unwrap();
    let len = fs::metadata(folder.path().join("new.bin")).map_or(0, |metadata| metadata.len());
    match word(&output, "makes") {
        made if made == "makes" => format!("makes a file of {len} bytes"),
        other => other,
    }
}
