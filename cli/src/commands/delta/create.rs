//! `delta create OLD NEW -o DELTA`: makes a delta and proves it before it gets its name.

use super::image;
use super::level;
use super::swapped;
use super::worth::{self, Candidate};
use crate::args::delta::{AlgorithmArgs, AlgorithmName, DeltaCreateArgs};
use crate::failure::{DeltaFiles, Failure};
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
    let (old, new) = (image::open(&args.old, files)?, image::open(&args.new, files)?);
    is_no_input(&args.output_path, &[&args.old, &args.new])?;
    let mut output = SeekableOutput::create(&args.output_path)?;
    let progress = Progress::new();
    let told = |phase, done, total| progress.tell_phase(phase, done, total);
    let options = level::options(&args.level, &args.format, files)?;
    let relieve = || [&old, &new].into_iter().for_each(MappedImage::release);
    let options = GenerateOptions { relieve: Some(&relieve), progress: Some(&told), ..options };
    let algorithm = algorithm(&args.format, VcdiffOptions::default())?;
    let made = swapped::warn_while([old.bytes(), new.bytes()], [&args.old, &args.new], || {
        generate(old.bytes(), new.bytes(), &options, &algorithm, output.file())
    });
    let made = made.map_err(|error| Failure::delta(files, &error))?;
    level::check(&args.level, made.memory, files)?;
    if !made.file_systems_read {
        image::note_unread([old.bytes(), new.bytes()], [&args.old, &args.new]);
    }
    let candidate = Candidate {
        new: new.bytes(),
        old: old.bytes(),
        delta_len: made.delta_len,
        name: &args.output_path,
        is_native: args.format.algorithm == AlgorithmName::Native,
    };
    let packed = worth::check(&args.worth, &candidate, output.file())?;
    output.commit()?;
    drop(progress);
    let made = Made {
        full_bytes: made.target_size,
        delta_bytes: made.delta_len,
        packed,
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
