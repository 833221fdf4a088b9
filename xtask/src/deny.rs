//! `cargo xtask deny`: licences, bans and sources of every dependency, as deny.toml has them.

use crate::failure::Failure;
use crate::step::{cargo, find, run};

pub(crate) fn run_deny() -> Result<(), Failure> {
    if find("cargo-deny").is_none() {
        return Err(Failure::new("cargo-deny is not installed; cargo install cargo-deny brings it"));
    }
    run(cargo().args(["deny", "--workspace", "check", "licenses", "bans", "sources"]))
}
