//! openssl, which every certificate here is shown to.

use crate::workplace::{Ended, Workplace};
use std::process::{Command, Stdio};

/// Whether there is one; says so where not.
pub(crate) fn is_here() -> bool {
    let here = Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok();
    if !here {
        println!("skipped: there is no openssl");
    }
    here
}

/// Runs it in the folder of the test; a blank divides arguments.
pub(crate) fn run(place: &Workplace, line: &str) -> Ended {
    let mut command = Command::new("openssl");
    command.args(line.split(' ')).current_dir(place.path("")).stdin(Stdio::null());
    Ended::of(&command.output().unwrap())
}

/// Runs it, which must succeed, and returns what it printed.
pub(crate) fn ok(place: &Workplace, line: &str) -> String {
    let ended = run(place, line);
    assert_eq!(ended.status, 0, "openssl {line}: {ended:?}");
    ended.stdout
}

/// What it shows of a certificate.
pub(crate) fn shown(place: &Workplace, certificate: &str) -> String {
    ok(place, &format!("x509 -in {certificate} -noout -text"))
}

/// The serial number of a certificate as openssl writes it.
pub(crate) fn serial(place: &Workplace, certificate: &str) -> String {
    ok(place, &format!("x509 -in {certificate} -noout -serial"))
        .trim()
        .trim_start_matches("serial=")
        .to_owned()
}
