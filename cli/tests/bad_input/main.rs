//! The published corpus of bad input, `testdata/bad`: each defect is refused by our tool with the status and the line
//! that stand beside it, and docs/bad-input.md says what this tool, Debian's mender-artifact 3.9 and its client 3.4
//! make of it.
//!
//! `BAD_INPUT_WRITE=1 cargo test --test bad_input` writes the folders and the document anew.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod artifact;
mod case;
mod corpus;
mod delta;
mod documents;
mod manifest;
#[path = "../../../mender-artifact/tests/parts/mod.rs"]
mod parts;
mod payload;
mod signature;
mod table;
mod theirs;

use case::Case;
use std::collections::BTreeSet;

fn all() -> Vec<Case> {
    let all = [
        artifact::cases(),
        manifest::cases(),
        documents::cases(),
        payload::cases(),
        signature::cases(),
        delta::cases(),
    ]
    .concat();
    let names: BTreeSet<&str> = all.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), all.len(), "a name twice");
    all
}

#[test]
fn what_the_cases_are_made_of_is_sound() {
    let artifact = Case::artifact("sound", "nothing", parts::sound().bytes());
    for sound in [vec![artifact], delta::sound_ones()].concat() {
        let folder = tempfile::tempdir().unwrap();
        let ended = corpus::ours(&sound, folder.path());
        assert_eq!((ended.status, ended.line.as_str()), (0, ""), "{}", sound.name);
        for (tool, answer) in theirs::answers(&sound) {
            let good = ["accepts", "installs", "-", table::NOT_HERE].contains(&&answer[..]);
            assert!(good || answer.starts_with("makes a file of "), "{}, {tool}: {answer}", sound.name);
        }
    }
}

#[test]
fn the_corpus_is_what_is_made_here() {
    corpus::check(&all());
}

#[test]
fn ours_refuses_each_with_its_status_and_its_line() {
    corpus::check_ours(&all());
}

#[test]
fn the_table_says_what_happens() {
    table::check(&all());
}
