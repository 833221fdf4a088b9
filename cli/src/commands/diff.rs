//! `diff A B`: what is different between two Artifacts. Ends with 0 when nothing is, with 1 when something is.

mod images;
mod text;

use crate::args::diff::DiffArgs;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::{Input, STANDARD};
use crate::report;
use images::ImageDifference;
use mender_artifact::diff::{DifferentFile, differences, different_files};
use mender_artifact::read::{ReadOptions, ReadReport, read_artifact};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) fn run(args: &DiffArgs) -> Result<(), Failure> {
    for path in [&args.a, &args.b] {
        if path == Path::new(STANDARD) {
            return Err(Failure::usage("Artifacts to be compared are read twice: expected files, found -"));
        }
    }
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    let found = differences(&a, &b);
    let temporary = args.tmp.clone().unwrap_or_else(std::env::temp_dir);
    let mut images = Vec::new();
    for file in different_files(&a.header, &b.header) {
        if let Some(difference) = images::compare(&file, [&args.a, &args.b], &temporary)? {
            images.push((file, difference));
        }
    }
    let printed = report::print(&if args.json {
        report::json::text(&json!({
            "same": found.is_empty(),
            "differences": found.iter().map(|found| json!({
                "path": found.path,
                "a": found.a,
                "b": found.b,
            })).collect::<Vec<_>>(),
            "images": images.iter().map(|(file, image)| image_json(file, image)).collect::<Vec<_>>(),
        }))
    } else {
        text::shown(&found, &images)
    });
    // A reader that goes away does not make them the same.
    if found.is_empty() { printed } else { Err(Failure::silent(ExitStatus::Usage)) }
}

/// Reads a whole Artifact; all its checksums are right then.
fn read(path: &Path) -> Result<ReadReport, Failure> {
    let read = read_artifact(Input::open(path)?, &ReadOptions::default(), &mut ());
    read.map_err(|error| Failure::artifact(path, &error))
}

fn image_json(file: &DifferentFile, image: &ImageDifference) -> Value {
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    let paths = |paths: &[Vec<u8>]| paths.iter().map(|path| text(path)).collect::<Vec<_>>();
    json!({
        "payload": file.payload,
        "file": file.name,
        "only_in_a": paths(&image.only_in_a),
        "only_in_b": paths(&image.only_in_b),
        "different": image.different.iter().map(|different| json!({
            "path": text(&different.path),
            "what": different.what.name(),
            "a": different.a,
            "b": different.b,
        })).collect::<Vec<_>>(),
    })
}
