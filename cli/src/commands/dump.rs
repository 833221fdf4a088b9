//! `dump ARTIFACT`: takes an Artifact apart into files, and prints the arguments that make such an Artifact of them.

mod command_line;
mod files;
mod made_folders;
mod quoting;

use crate::args::dump::DumpArgs;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::Input;
use crate::report;
use command_line::Dumped;
use files::{Folder, PayloadFiles};
use mender_artifact::header::ArtifactHeader;
use mender_artifact::read::{PayloadSink, ReadOptions, read_artifact};
use serde_json::Value;

/// Mode of scripts, which are there to be run.
const SCRIPT_MODE: u32 = 0o755;

pub(crate) fn run(args: &DumpArgs) -> Result<(), Failure> {
    let folder = |path: &Option<_>| path.as_ref().map(Folder::make).transpose();
    let input = Input::open(&args.artifact)?;
    let mut scripts = folder(&args.scripts)?;
    let mut meta_data = folder(&args.meta_data)?;
    let mut payload = PayloadFiles::new(folder(&args.files)?);

    // Nothing gets its name before the whole Artifact has been found sound.
    let read = read_artifact(input, &ReadOptions::default(), &mut payload as &mut dyn PayloadSink);
    let header = match (read, payload.failure.take()) {
        (_, Some(failure)) => return Err(failure),
        (Err(error), None) => return Err(Failure::artifact(&args.artifact, &error)),
        (Ok(read), None) => read.header,
    };
    let mut dumped = Dumped::default();
    if let Some(folder) = &mut scripts {
        for script in &header.scripts {
            dumped.scripts.push(folder.put(&script.name, &script.contents, SCRIPT_MODE)?);
        }
    }
    if let Some(folder) = &mut meta_data {
        dump_meta_data(&header, folder, &mut dumped)?;
    }
    dumped.files = payload.set_times_and_modes(&header)?;
    // As late as can be, so that a command line that cannot be given leaves nothing behind.
    let line = if args.print_cmdline || args.print0_cmdline {
        let words = command_line::words(&header, &dumped);
        Some(words.map_err(|message| Failure::about(&args.artifact, ExitStatus::Unsupported, message))?)
    } else {
        None
    };
    files::keep([scripts, meta_data, payload.into_folder()].into_iter().flatten())?;
    match line {
        Some(words) if args.print0_cmdline => report::print(&quoting::ended_by_nul(&words)),
        Some(words) => report::print(&quoting::for_shell(&words)),
        None => Ok(()),
    }
}

/// Minified, a file for each payload that has any; of an augmented Artifact one for each header.
fn dump_meta_data(header: &ArtifactHeader, folder: &mut Folder, dumped: &mut Dumped) -> Result<(), Failure> {
    const MODE: u32 = 0o644;
    let mut put = |name: String, value: &Option<Value>| match value {
        Some(value) if value.as_object().is_some_and(|object| !object.is_empty()) => {
            folder.put(&name, format!("{value}\n").as_bytes(), MODE).map(Some)
        }
        _ => Ok(None),
    };
    for (index, payload) in header.payloads.iter().enumerate() {
        let augment = header.augments.get(index);
        let signed = augment.map_or(payload, |augment| &augment.signed);
        dumped.meta_data = put(format!("{index:04}.meta-data"), &signed.meta_data)?;
        if let Some(augment) = augment {
            let added = &augment.added.meta_data;
            dumped.augment_meta_data = put(format!("{index:04}.meta-data-augment"), added)?;
        }
    }
    Ok(())
}
