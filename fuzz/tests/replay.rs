//! What once made a target fail, and what the fuzzer begins with, through the same functions that are fuzzed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use mender_fuzz::{TARGETS, seeds};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn regressions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut replayed = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !entry.path().is_dir() {
            continue;
        }
        let target = TARGETS.iter().find(|target| target.name == name);
        let target = target.unwrap_or_else(|| panic!("{name}: there is no such target"));
        for file in fs::read_dir(entry.path()).unwrap() {
            let path = file.unwrap().path();
            println!("{}", path.display());
            (target.run)(&fs::read(path).unwrap());
            replayed += 1;
        }
    }
    println!("{replayed} regressions");
}

#[test]
fn seeds_hold_and_so_does_nothing() {
    let all = seeds::all();
    let names: BTreeSet<_> = all.iter().map(|seed| (seed.target, &seed.name)).collect();
    assert_eq!(names.len(), all.len(), "a name twice");
    for target in TARGETS {
        (target.run)(b"");
        let mut count = 0;
        for seed in all.iter().filter(|seed| seed.target == target.name) {
            println!("{} {}", seed.target, seed.name);
            (target.run)(&seed.bytes);
            count += 1;
        }
        println!("{}: {count} seeds", target.name);
    }
    assert!(all.iter().all(|seed| TARGETS.iter().any(|target| target.name == seed.target)));
}
