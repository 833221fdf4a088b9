//! `delta apply BASE DELTA -o NEW`: the new image, or nothing.

use super::source;
use crate::args::delta::DeltaApplyArgs;
use crate::failure::{DeltaFiles, Failure};
use crate::input::existing_file;
use crate::output::{Output, is_no_input};
use crate::progress::Progress;
use crate::report;
use crate::report::delta::Applied;
use crate::report::usage::Stopwatch;
use mender_delta::algorithm::apply_files;
use mender_delta::apply::file::ApplyOptions;

pub(crate) fn run(args: &DeltaApplyArgs) -> Result<(), Failure> {
    let stopwatch = Stopwatch::start();
    let files = DeltaFiles { base: &args.base, delta: &args.delta, output: &args.output_path };
    existing_file(&args.base)?;
    is_no_input(&args.output_path, &[&args.base, &args.delta])?;
    let mut delta = source::open(&args.delta)?;
    let mut output = Output::create(&args.output_path)?;
    let progress = Progress::new();
    let told = |phase, done, total| progress.tell_phase(phase, done, total);
    // A device or a pipe has what was written, whatever comes after.
    let output_is_discarded = output.empty_file().is_some();
    let options = ApplyOptions { progress: Some(&told), output_is_discarded, ..ApplyOptions::default() };
    let made = apply_files(&args.base, &mut delta, &mut output, &options)
        .map_err(|error| Failure::delta(files, &error))?;
    output.commit()?;
    drop(progress);
    let applied = Applied {
        base_bytes: made.checked_base,
        new_bytes: made.target_size,
        new_sha256: made.target_sha256,
        usage: stopwatch.stop(),
    };
    report::print_beside(&args.output_path, &if args.json { applied.json() } else { applied.text() })
}
