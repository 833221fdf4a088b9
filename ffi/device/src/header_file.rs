//! Holds include/mender_device.h, which is written by hand, against what it repeats. Layouts are held by
//! tests/c_programs.rs.

#[path = "../../src/header_file/signatures.rs"]
mod signatures;

use crate::code::ALL;
use std::format;
use std::path::Path;
use std::vec::Vec;

const HEADER: &str = include_str!("../include/mender_device.h");

#[test]
fn the_codes_of_the_header_are_those_of_the_table() {
    let start = HEADER.find("\nenum mar_code {").unwrap();
    let text = &HEADER[start..start + HEADER[start..].find("};").unwrap()];
    let theirs: Vec<(&str, i32)> = text
        .lines()
        .filter_map(|line| line.trim().split_once(" = "))
        .map(|(name, rest)| (name, rest[..rest.find([',', ' ']).unwrap()].parse().unwrap()))
        .collect();
    let ours: Vec<_> = ALL.iter().map(|(code, name)| (*name, *code as i32)).collect();
    assert_eq!(theirs, ours);
}

#[test]
fn the_numbers_of_the_header_are_ours() {
    assert!(HEADER.contains(&format!("#define MAR_DEVICE_ABI {}u", crate::version::ABI)));
    assert!(HEADER.contains(&format!("#define MAR_ARENA_ALIGN {}u", crate::arena::ALIGN)));
    const { assert!(crate::checkpoint::LEN <= 512) };
}

#[test]
fn the_functions_of_the_header_are_those_of_the_source() {
    signatures::compare(HEADER, &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
}
