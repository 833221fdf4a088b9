//! `delta explain OLD NEW [DELTA]`: which files a delta's bytes are spent on.

use super::{image, level, source};
use crate::args::delta::{AlgorithmArgs, AlgorithmName, DeltaExplainArgs};
use crate::exit_code::ExitStatus;
use crate::failure::{DeltaFiles, Failure};
use crate::output::{Output, is_no_input};
use crate::progress::Progress;
use crate::report;
use crate::report::delta::explain;
use mender_delta::apply::file::ApplyOptions;
use mender_delta::explain::Explanation;
use mender_delta::generate::generate;
use mender_delta::mapped::MappedImage;
use mender_delta::options::GenerateOptions;
use std::io::{Cursor, Read, Seek, Write};
use std::path::Path;

/// Begins of other programs' deltas.
const FOREIGN: [&[u8]; 2] = [&[0xd6, 0xc3, 0xc4], b"BSDIFF40"];

pub(crate) fn run(args: &DeltaExplainArgs) -> Result<(), Failure> {
    let made = Path::new("delta");
    let delta = args.delta.as_deref().unwrap_or(made);
    let files = DeltaFiles { base: &args.old, delta, output: &args.new };
    let (old, new) = (image::open(&args.old, files)?, image::open(&args.new, files)?);
    if let Some(page) = &args.html {
        is_no_input(page, &[&args.old, &args.new, delta])?;
    }
    let progress = Progress::new();
    let told = |phase, done, total| progress.tell_phase(phase, done, total);
    let mut delta: Box<dyn Read> = match &args.delta {
        Some(path) => native(path, source::open(path)?)?,
        None => {
            let format = AlgorithmArgs { algorithm: AlgorithmName::Native, no_secondary_compression: false };
            let options = level::options(&args.level, &format, files)?;
            let relieve = || [&old, &new].into_iter().for_each(MappedImage::release);
            let options = GenerateOptions { relieve: Some(&relieve), progress: Some(&told), ..options };
            let failed = |error| Failure::io("temporary file", ExitStatus::System, &error);
            let mut file = tempfile::tempfile().map_err(failed)?;
            generate(old.bytes(), new.bytes(), &options, &mut file)
                .map_err(|error| Failure::delta(files, &error))?;
            file.rewind().map_err(failed)?;
            Box::new(file)
        }
    };
    let options = ApplyOptions { progress: Some(&told), ..ApplyOptions::default() };
    let explained = mender_delta::explain::explain(old.bytes(), new.bytes(), &mut delta, &options)
        .map_err(|error| Failure::delta(files, &error))?;
    drop(progress);
    if let Some(page) = &args.html {
        write_page(page, &args.new, &explained)?;
    }
    let beside = args.html.as_deref().unwrap_or(made);
    report::print_beside(
        beside,
        &if args.json { explain::json_text(&explained) } else { explain::text(&explained, args.top) },
    )
}

fn write_page(page: &Path, new: &Path, explained: &Explanation) -> Result<(), Failure> {
    let mut output = Output::create(page)?;
    let text = explain::page(explained, &new.display().to_string());
    output.write_all(text.as_bytes()).map_err(|error| Failure::io(page, ExitStatus::Output, &error))?;
    output.commit()
}

/// The delta at `path` from its first byte on; refuses formats of other programs.
fn native(path: &Path, mut delta: Box<dyn Read>) -> Result<Box<dyn Read>, Failure> {
    let mut begin = Vec::new();
    let failed = |error| Failure::io(path, ExitStatus::System, &error);
    delta.by_ref().take(8).read_to_end(&mut begin).map_err(failed)?;
    if FOREIGN.iter().any(|magic| begin.starts_with(magic)) {
        let message = "expected a delta of --algorithm native, found another format";
        return Err(Failure::about(path, ExitStatus::Unsupported, message));
    }
    Ok(Box::new(Cursor::new(begin).chain(delta)))
}
