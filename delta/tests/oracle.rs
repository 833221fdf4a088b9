//! The crate `bsdiff` as an oracle: our matching, packed by the same coder, is not worse.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mender_delta::format::native::writer::Layout;
use mender_delta::generate::generate;
use mender_delta::options::GenerateOptions;
use std::io::Cursor;

/// A part of this very program, and the same with insertions, deletions, moves and scattered changes.
fn pair() -> (Vec<u8>, Vec<u8>) {
    let mut old = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    old.truncate(2 << 20);
    let at = |share: usize| old.len() * share / 100;
    let mut new = [
        &old[..at(20)],
        &old[at(20) + 123..at(50)],
        b"something that was not there before, of a length that moves all words",
        &old[at(70)..at(90)],
        &old[at(50)..at(70)],
        &old[at(90)..],
    ]
    .concat();
    let mut state = 1_u32;
    let mut at = 0;
    while at < new.len() {
        new[at] = new[at].wrapping_add(state.to_be_bytes()[0]);
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        at += 20 + (state >> 16) as usize % 400;
    }
    (old, new)
}

#[test]
fn our_matching_is_not_worse_than_bsdiffs() {
    let (old, new) = pair();
    let mut patch = Vec::new();
    bsdiff::diff(&old, &new, &mut patch).unwrap();
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 9);
    std::io::Write::write_all(&mut encoder, &patch).unwrap();
    let theirs = encoder.finish().unwrap().len() as u64;

    let options = GenerateOptions { layout: Layout::quick_to_apply(), ..GenerateOptions::default() };
    let ours = generate(&old, &new, &options, &mut Cursor::new(Vec::new())).unwrap().delta_len;
    println!("bsdiff {theirs} bytes, ours {ours} of {}", new.len());
    assert!(ours <= theirs + theirs / 20, "ours {ours}, bsdiff {theirs}");
}
