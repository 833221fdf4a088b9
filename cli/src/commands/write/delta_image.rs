//! `write delta-image --from OLD.mender --to NEW.mender`: the delta Artifact, proved before it gets its name.

mod decoder_arguments;

use super::{compression, source_date_epoch};
use crate::args::delta::{AlgorithmName, WorthArgs};
use crate::args::output::CompressionName;
use crate::args::write_delta_image::DeltaImageArgs;
use crate::commands::delta::create::algorithm;
use crate::commands::delta::image;
use crate::commands::delta::level;
use crate::commands::delta::swapped;
use crate::commands::delta::worth::{self, Candidate};
use crate::failure::{DeltaFiles, Failure};
use crate::input::existing_file;
use crate::key;
use crate::output::{Output, is_no_input};
use crate::progress::Progress;
use crate::report;
use crate::report::delta::{Made, Packed};
use crate::report::usage::Stopwatch;
use mender_delta::algorithm;
use mender_delta::artifact::{DeltaArtifactOptions, Review, write_delta_artifact};
use mender_delta::error::Error;
use mender_delta::options::GenerateOptions;
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::path::Path;

pub(crate) fn run(args: &DeltaImageArgs, default: Option<CompressionName>) -> Result<(), Failure> {
    let stopwatch = Stopwatch::start();
    let (from, to) = (existing_file(&args.from)?, existing_file(&args.to)?);
    let key = key::private(&args.output.key)?;
    let verify = args.verify_key.as_deref().map(key::public_in).transpose()?;
    let name = args.output.compression.or(default).unwrap_or(CompressionName::Gzip);
    let decoder = decoder_arguments::of(args)?;
    let algorithm = algorithm(&args.format, decoder.bounds)?;
    is_no_input(&args.output.output_path, &[&from, &to])?;
    let mut output = Output::create(&args.output.output_path)?;
    let progress = Progress::new();
    let told = |phase, done, total| progress.tell_phase(phase, done, total);
    let files =
        DeltaFiles { base: &args.from, delta: &args.output.output_path, output: &args.output.output_path };
    let review = Reviewer {
        images: [&args.from, &args.to],
        worth: &args.worth,
        name: &args.output.output_path,
        is_native: args.format.algorithm == AlgorithmName::Native,
        packed: Cell::new(None),
        failure: RefCell::new(None),
    };
    let options = DeltaArtifactOptions {
        generate: GenerateOptions {
            progress: Some(&told),
            ..level::options(&args.level, &args.format, files)?
        },
        algorithm,
        decoder_arguments: &decoder.words,
        verify: verify.as_ref().map(|key| key as _),
        signer: key.as_ref().map(|key| key as _),
        compression: compression(name).0,
        review: Some(&review),
        source_date_epoch: source_date_epoch()?,
        ..DeltaArtifactOptions::default()
    };
    let made = write_delta_artifact(&from, &to, &mut output, &options)
        .map_err(|error| review.failure.take().unwrap_or_else(|| Failure::delta(files, &error)))?;
    level::check(&args.level, made.delta.memory, files)?;
    output.commit()?;
    drop(progress);
    let made = Made {
        full_bytes: made.full_artifact_len,
        delta_bytes: made.delta_artifact_len,
        packed: review.packed.get(),
        memory_to_apply_bytes: made.delta.memory,
        usage: stopwatch.stop(),
    };
    report::print_beside(&args.output.output_path, &if args.json { made.json() } else { made.text() })
}

/// Decides whether the delta is worth an Artifact.
struct Reviewer<'a> {
    images: [&'a Path; 2],
    worth: &'a WorthArgs,
    name: &'a Path,
    is_native: bool,
    packed: Cell<Option<Packed>>,
    /// Why not.
    failure: RefCell<Option<Failure>>,
}

impl Review for Reviewer<'_> {
    fn review(&self, old: &[u8], new: &[u8], made: &algorithm::Made, delta: &mut File) -> Result<(), Error> {
        swapped::warn([old, new], self.images);
        if !made.file_systems_read {
            image::note_unread([old, new], self.images);
        }
        let (name, is_native) = (self.name, self.is_native);
        let candidate = Candidate { old, new, delta_len: made.delta_len, name, is_native };
        match worth::check(self.worth, &candidate, delta) {
            Ok(packed) => {
                self.packed.set(packed);
                Ok(())
            }
            Err(failure) => {
                self.failure.replace(Some(failure));
                Err(Error::Cancelled)
            }
        }
    }
}
