//! Exit statuses: those of release 3.9 and the ones that release 4.4 has for the same.

use crate::Findings;
use crate::tools::Ended;

/// Release 4.4 counts from 1 where 3.9 counts from 0, so that 3.9 says success where a parameter is wrong; usage
/// errors, and everything that goes wrong in `read` and `sign`, are 1 in both.
fn expected(command: &str, theirs: i32, they_succeeded: bool) -> &'static [i32] {
    match (command, theirs) {
        (_, 0) if they_succeeded => &[0],
        (_, 0) => &[1],
        ("write", 1) => &[1, 2],
        (_, 1) => &[1],
        (_, 2) => &[3],
        (_, 3) => &[4],
        (_, 4) => &[5],
        (_, 5) => &[6],
        (_, 6) => &[7],
        _ => &[],
    }
}

pub(crate) fn compare(
    findings: &Findings,
    case: &str,
    command: &str,
    ours: &Ended,
    theirs: &Ended,
    they_succeeded: bool,
) {
    if theirs.stderr.contains("goroutine ") {
        return findings.add(case, &format!("status of {command}"), told(ours), "crash ".to_owned());
    }
    let expected = expected(command, theirs.status, they_succeeded);
    if !expected.contains(&ours.status) {
        findings.add(
            case,
            &format!("status of {command}"),
            told(ours),
            format!("{expected:?} {} {}", last_line(&theirs.stdout), last_line(&theirs.stderr)),
        );
    }
    // A failure is never a success for a script.
    assert!(
        ours.status != 0 || ours.stderr.lines().all(|line| line.contains("warning: ")),
        "{case}: {ours:?}"
    );
}

fn told(ended: &Ended) -> String {
    format!("{} {}", ended.status, last_line(&ended.stderr))
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or("")
}
