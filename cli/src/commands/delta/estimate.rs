//! `delta estimate OLD NEW`: about how large a delta will be.

use super::{image, swapped};
use crate::args::delta::DeltaEstimateArgs;
use crate::failure::{DeltaFiles, Failure};
use crate::progress::Progress;
use crate::report;
use crate::report::delta::Estimated;
use crate::report::usage::Stopwatch;
use mender_delta::estimate::estimate;
use mender_delta::mapped::MappedImage;
use mender_delta::options::GenerateOptions;

pub(crate) fn run(args: &DeltaEstimateArgs) -> Result<(), Failure> {
    let stopwatch = Stopwatch::start();
    let files = DeltaFiles { base: &args.old, delta: &args.new, output: &args.new };
    let (old, new) = (image::open(&args.old, files)?, image::open(&args.new, files)?);
    let progress = Progress::new();
    let told = |phase, done, total| progress.tell_phase(phase, done, total);
    let relieve = || [&old, &new].into_iter().for_each(MappedImage::release);
    let options =
        GenerateOptions { relieve: Some(&relieve), progress: Some(&told), ..GenerateOptions::default() };
    let images = [old.bytes(), new.bytes()];
    let found =
        swapped::warn_while(images, [&args.old, &args.new], || estimate(images[0], images[1], &options));
    let found = found.map_err(|error| Failure::delta(files, &error))?;
    drop(progress);
    let estimated = Estimated {
        full_bytes: new.bytes().len() as u64,
        delta_bytes: found.delta_len,
        changed_bytes: found.changed,
        coded_bytes: found.coded,
        usage: stopwatch.stop(),
    };
    report::print(&if args.json { estimated.json() } else { estimated.text() })
}
