//! `delta create OLD NEW -o DELTA`: makes a delta and proves it before it gets its name.

use super::level;
use crate::args::delta::{AlgorithmArgs, AlgorithmName, DeltaCreateArgs};
use crate::failure::{DeltaFiles, Failure};
use crate::input::existing_file;
use crate::output::{SeekableOutput, is_no_input};
use crate::progress::Progress;
use crate::report;
use crate::report::delta::Made;
use crate::report::usage::Stopwatch;
use mender_delta::algorithm::{Algorithm, generate};
use mender_delta::format::vcdiff::writer::VcdiffOptions;
use mender_delta::mapped::MappedImage;
use mender_delta::options::GenerateOptions;

pub(crate) fn run(args: &DeltaCreateArgs) -> Result<(), Failure> {
    let stopwatch = Stopwatch::start();
    let files = DeltaFiles { base: &args.old, delta: &args.output_path, output: &args.output_path };
    let open = |path| {
        existing_file(path)?;
        MappedImage::open(path).map_err(|error| Failure::delta(files, &error))
    };
    let (old, new) = (open(&args.old)?, open(&args.new)?);
    is_no_input(&args.output_path, &[&args.old, &args.new])?;
    let mut output = SeekableOutput::create(&args.output_path)?;
    let progress = Progress::new();
    let told = |phase, done, total| progress.tell_phase(phase, done, total);
    let options = level::options(&args.level, &args.format, files)?;
    let options = GenerateOptions { progress: Some(&told), ..options };
    let algorithm = algorithm(&args.format, VcdiffOptions::default())?;
    let made = generate(old.bytes(), new.bytes(), &options, &algorithm, output.file())
        .map_err(|error| Failure::delta(files, &error))?;
    level::check(&args.level, made.memory, files)?;
    output.commit()?;
    drop(progress);
    let made = Made {
        full_bytes: made.target_size,
        delta_bytes: made.delta_len,
        memory_to_apply_bytes: made.memory,
        usage: stopwatch.stop(),
    };
    report::print_beside(&args.output_path, &if args.json { made.json() } else { made.text() })
}

/// What the flags say about the format; `vcdiff` says the rest about that one.
pub(crate) fn algorithm<'v>(
    args: &AlgorithmArgs,
    vcdiff: VcdiffOptions<'v>,
) -> Result<Algorithm<'v>, Failure> {
    if args.no_secondary_compression && args.algorithm != AlgorithmName::Xdelta3 {
        return Err(Failure::usage("--no-secondary-compression goes with --algorithm xdelta3"));
    }
    Ok(match args.algorithm {
        AlgorithmName::Native => Algorithm::Native,
        AlgorithmName::Xdelta3 => {
            Algorithm::Xdelta3(VcdiffOptions { pack: !args.no_secondary_compression, ..vcdiff })
        }
        AlgorithmName::Bsdiff => Algorithm::Bsdiff,
    })
}
