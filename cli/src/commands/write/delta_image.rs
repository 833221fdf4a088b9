//! `write delta-image --from OLD.mender --to NEW.mender`: the delta Artifact, proved before it gets its name.

mod decoder_arguments;

use super::{compression, source_date_epoch};
use crate::args::output::CompressionName;
use crate::args::write_delta_image::DeltaImageArgs;
use crate::commands::delta::create::algorithm;
use crate::commands::delta::level;
use crate::failure::{DeltaFiles, Failure};
use crate::input::existing_file;
use crate::key;
use crate::output::{Output, is_no_input};
use crate::progress::Progress;
use crate::report;
use crate::report::delta::Made;
use crate::report::usage::Stopwatch;
use mender_delta::artifact::{DeltaArtifactOptions, write_delta_artifact};
use mender_delta::options::GenerateOptions;

pub(crate) fn run(args: &DeltaImageArgs, default: Option<CompressionName>) -> Result<(), Failure> {
    let stopwatch = Stopwatch::start();
    let (from, to) = (existing_file(&args.from)?, existing_file(&args.to)?);
    let key = key::private(&args.output.key)?;
    let name = args.output.compression.or(default).unwrap_or(CompressionName::Gzip);
    let decoder = decoder_arguments::of(args)?;
    let algorithm = algorithm(&args.format, decoder.bounds)?;
    is_no_input(&args.output.output_path, &[&from, &to])?;
    let mut output = Output::create(&args.output.output_path)?;
    let progress = Progress::new();
    let told = |phase, done, total| progress.tell_phase(phase, done, total);
    let files =
        DeltaFiles { base: &args.from, delta: &args.output.output_path, output: &args.output.output_path };
    let options = DeltaArtifactOptions {
        generate: GenerateOptions {
            progress: Some(&told),
            ..level::options(&args.level, &args.format, files)?
        },
        algorithm,
        decoder_arguments: &decoder.words,
        signer: key.as_ref().map(|key| key as _),
        compression: compression(name).0,
        source_date_epoch: source_date_epoch()?,
        ..DeltaArtifactOptions::default()
    };
    let made = write_delta_artifact(&from, &to, &mut output, &options)
        .map_err(|error| Failure::delta(files, &error))?;
    level::check(&args.level, made.delta.memory, files)?;
    output.commit()?;
    drop(progress);
    let made = Made {
        full_bytes: made.full_artifact_len,
        delta_bytes: made.delta_artifact_len,
        memory_to_apply_bytes: made.delta.memory,
        usage: stopwatch.stop(),
    };
    report::print_beside(&args.output.output_path, &if args.json { made.json() } else { made.text() })
}
