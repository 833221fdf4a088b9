//! Runs the built command on ledgers of downloads.
// All of it is test code, which may stop at whatever is not as it should be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod killed;
mod reports;
#[allow(dead_code, reason = "shared with other tests, which need more of it")]
#[path = "../command/workplace.rs"]
mod workplace;

use std::fmt::Write;

/// Three events for each of `devices` devices: assigned, broke off, and then all of it, in two deployments.
fn events(devices: usize) -> String {
    let mut lines = String::new();
    for n in 0..devices {
        let deployment = n % 2;
        let common = format!(
            "\"v\":1,\"tenant\":\"acme\",\"deployment\":\"dep-{deployment}\",\"device\":\"dev-{n}\",\"artifact_sha256\":\"{deployment:064x}\",\
             \"kind\":\"delta\",\"artifact_size\":1000,\"full_size\":9000"
        );
        for (event, more) in [
            ("assigned", ""),
            ("aborted", ",\"via\":\"gateway\",\"range\":[0,1000],\"bytes\":300"),
            ("served", ",\"via\":\"origin\",\"range\":[200,1000]"),
            ("received", ""),
        ] {
            let day = 1 + n % 5;
            writeln!(
                lines,
                "{{{common},\"event_id\":\"{n}-{event}\",\"event\":\"{event}\",\"ts\":\"2026-03-0{day}T10:00:00Z\"{more}}}"
            )
            .unwrap();
        }
    }
    lines
}
