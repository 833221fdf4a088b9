//! The ledger of downloads over both databases: the same events give the same figures, which are those of a simple counting
//! byte by byte and of SQL that other programs run.
// All of it is test code, which may stop at whatever is not as it should be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::cast_possible_truncation)]

mod bad;
mod cluster;
mod events;
mod figures;
mod import;
mod oracle;
mod tenants;

use mender_delta::fleet::ledger::open::{Ledger, OpenOptions};

/// Each test runs over an SQLite file, and over PostgreSQL where that is installed.
fn databases(test: impl Fn(&str)) {
    let folder = tempfile::tempdir().unwrap();
    test(&folder.path().join("ledger.db").display().to_string());
    match cluster::database() {
        Ok(url) => test(&url),
        Err(why) => println!("skipped: PostgreSQL: {why}"),
    }
}

fn open(address: &str) -> Ledger {
    Ledger::open(address, &OpenOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}
