//! What xdelta3 writes is applied.

use crate::images::{image, updated};
use crate::program::{is_there, run};
use mender_delta::apply::file::{ApplyOptions, WriteTarget};
use mender_delta::apply::vcdiff::file::apply_stream;
use mender_delta::apply::vcdiff::inspect::inspect;
use mender_delta::apply::vcdiff::{Applier, Known};
use mender_delta::error::Error;
use std::fs;
use std::path::Path;

/// Applies in exactly the memory that the delta was said to need, pushed in pieces of `step` bytes.
pub(crate) fn applied(base: &[u8], delta: &[u8], step: usize) -> Result<Vec<u8>, Error> {
    let info = inspect(&mut &delta[..])?;
    let mut arena = vec![0; info.need.memory() as usize];
    let known = Known {
        base_size: base.len() as u64,
        target_size: Some(info.target_size),
        histories: info.need.histories,
    };
    let mut applier = Applier::new(known, &mut arena)?;
    let mut out = WriteTarget(Vec::new());
    for piece in delta.chunks(step) {
        applier.push(piece, &mut &*base, &mut out)?;
    }
    applier.finish()?;
    assert_eq!(applier.needed().window, info.need.window);
    Ok(out.0)
}

fn encoded(folder: &Path, options: &str) -> Vec<u8> {
    let words = options.split_whitespace().chain(["-e", "-f", "-q", "-s", "old", "new", "delta"]);
    run(folder, "xdelta3", &words.collect::<Vec<_>>()).unwrap();
    fs::read(folder.join("delta")).unwrap()
}

#[test]
fn everything_that_xdelta3_writes() {
    if !is_there("xdelta3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let old = image(2 << 20, 1);
    let new = updated(&old, 2);
    fs::write(folder.path().join("old"), &old).unwrap();
    fs::write(folder.path().join("new"), &new).unwrap();
    let mut options: Vec<String> = Vec::new();
    for secondary in ["", "-S none", "-S lzma", "-S djw"] {
        options.extend((0..10).map(|level| format!("-{level} {secondary}")));
        for more in ["-W 16384", "-W 65536 -n", "-B 524288", "-A", "-A=kept", "-n", "-W 16777216 -9", "-N"] {
            options.push(format!("{more} {secondary}"));
        }
    }
    for options in options {
        let delta = encoded(folder.path(), &options);
        let out = applied(&old, &delta, 4096).unwrap_or_else(|error| panic!("{options}: {error}"));
        assert!(out == new, "{options}");
    }
}

#[test]
fn odd_pairs_of_xdelta3() {
    if !is_there("xdelta3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let some = image(100_000, 3);
    for (old, new) in [
        (&b""[..], &b""[..]),
        (b"", b"x"),
        (b"x", b""),
        (b"x", b"x"),
        (&some, &[]),
        (&[], &some),
        (&some, &some),
        (&some, &some[..4097]),
        (&[0; 9000], &[0; 20_000]),
    ] {
        fs::write(folder.path().join("old"), old).unwrap();
        fs::write(folder.path().join("new"), new).unwrap();
        for options in ["", "-S djw", "-S none -n"] {
            let delta = encoded(folder.path(), options);
            for step in [1, usize::MAX] {
                let out = applied(old, &delta, step);
                let out = out.unwrap_or_else(|error| panic!("{} to {}: {error}", old.len(), new.len()));
                assert!(out == new, "{} to {}", old.len(), new.len());
            }
        }
    }
}

#[test]
fn fgk_is_refused_by_name() {
    if !is_there("xdelta3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("old"), image(50_000, 1)).unwrap();
    fs::write(folder.path().join("new"), image(50_000, 2)).unwrap();
    let error = applied(&[], &encoded(folder.path(), "-S fgk"), 4096).unwrap_err();
    assert_eq!(error.to_string(), "unsupported delta: secondary compression FGK 16");
}

#[test]
fn another_base_shows_before_its_window_is_written() {
    if !is_there("xdelta3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let old = image(300_000, 1);
    let new = updated(&old, 2);
    fs::write(folder.path().join("old"), &old).unwrap();
    fs::write(folder.path().join("new"), &new).unwrap();
    let delta = encoded(folder.path(), "-W 65536");
    let mut other = old.clone();
    other[299_000] ^= 1;
    let mut out = Vec::new();
    let (mut base, size) = (&other[..], other.len() as u64);
    let options = ApplyOptions::default();
    let error =
        apply_stream(&mut &delta[..], &mut base, size, &mut WriteTarget(&mut out), &options).unwrap_err();
    assert!(matches!(error, Error::WindowCheck { .. }), "{error}");
    assert!(out.len() % 65536 == 0 && !out.is_empty() && out == new[..out.len()]);
    let (mut base, size) = (&old[..old.len() - 9], old.len() as u64 - 9);
    let error = apply_stream(&mut &delta[..], &mut base, size, &mut WriteTarget(Vec::new()), &options);
    assert!(matches!(error, Err(Error::BaseSize { expected: 300_000, found: 299_991 })), "{error:?}");
}

#[test]
fn less_memory_than_a_delta_needs_is_refused() {
    if !is_there("xdelta3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let old = image(300_000, 1);
    fs::write(folder.path().join("old"), &old).unwrap();
    fs::write(folder.path().join("new"), updated(&old, 2)).unwrap();
    for options in ["", "-S djw", "-S none"] {
        let delta = encoded(folder.path(), options);
        let info = inspect(&mut &delta[..]).unwrap();
        let known = Known { base_size: 300_000, target_size: None, histories: info.need.histories };
        let apply = |memory: u64| {
            let mut arena = vec![0; memory as usize];
            let mut applier = Applier::new(known, &mut arena)?;
            applier.push(&delta, &mut &old[..], &mut WriteTarget(Vec::new()))
        };
        apply(info.need.memory()).unwrap();
        // Not every kind of section need be packed.
        for memory in [info.need.window + (1 << 16) - 1, info.need.memory() / 2, 100] {
            assert!(matches!(apply(memory), Err(Error::Limit { .. })), "{options} {memory}");
        }
    }
}
