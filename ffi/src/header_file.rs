//! Holds include/mender_artifact.h, which is written by hand, against the tables it repeats. Layout and linkage are
//! held by tests/c_programs.rs.

// The header has all functions, so what it declares is compared where all are compiled in.
#[cfg(feature = "fleet")]
mod signatures;

use crate::error_code::{ALL, Category};
use crate::version::ABI;
#[cfg(feature = "fleet")]
use std::path::Path;

const HEADER: &str = include_str!("../include/mender_artifact.h");

/// `NAME = number` out of an enum of the header.
fn constants(of: &str) -> Vec<(&'static str, i32)> {
    let start = HEADER.find(&format!("\nenum {of} {{")).unwrap();
    let text = &HEADER[start..start + HEADER[start..].find("};").unwrap()];
    text.lines()
        .filter_map(|line| line.trim().split_once(" = "))
        .map(|(name, rest)| {
            let end = rest.find([',', ' ']).unwrap_or(rest.len());
            (name, rest[..end].parse().unwrap())
        })
        .collect()
}

#[test]
fn the_codes_of_the_header_are_those_of_the_table() {
    let ours: Vec<_> = ALL.iter().map(|(code, name)| (*name, *code as i32)).collect();
    assert_eq!(constants("mar_code"), ours);
}

#[test]
fn the_categories_of_the_header_are_ours() {
    let ours = [
        ("MAR_CATEGORY_NONE", Category::None as i32),
        ("MAR_CATEGORY_IO", Category::Io as i32),
        ("MAR_CATEGORY_FORMAT", Category::Format as i32),
        ("MAR_CATEGORY_UNSUPPORTED", Category::Unsupported as i32),
        ("MAR_CATEGORY_VERIFY", Category::Verify as i32),
        ("MAR_CATEGORY_LIMIT", Category::Limit as i32),
        ("MAR_CATEGORY_USAGE", Category::Usage as i32),
        ("MAR_CATEGORY_INTERNAL", Category::Internal as i32),
    ];
    assert_eq!(constants("mar_category_code"), ours);
}

#[cfg(feature = "fleet")]
#[test]
fn the_states_of_jobs_are_ours() {
    use crate::fleet::progress::number;
    use mender_delta::fleet::job::state::State;
    let ours: Vec<_> = State::ALL
        .iter()
        .map(|&state| {
            (format!("MAR_JOB_{}", state.code().to_uppercase()), i32::try_from(number(state)).unwrap())
        })
        .collect();
    let theirs: Vec<_> =
        constants("mar_job_state").into_iter().map(|(name, number)| (name.to_owned(), number)).collect();
    assert_eq!(theirs, ours);
}

#[test]
fn the_abi_of_the_header_is_ours() {
    assert!(HEADER.contains(&format!("#define MAR_ABI {ABI}u\n")));
}

#[cfg(feature = "fleet")]
#[test]
fn the_functions_of_the_header_are_those_of_the_source() {
    signatures::compare(HEADER, &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
}
