//! `provision bulk`: images for many devices, and a manifest of them.

use crate::args::provision::BulkArgs;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::provision::authority::Authority;
use crate::provision::bulk;
use crate::provision::folder::Folder;
use crate::provision::record::Record;
use crate::provision::template::Template;
use crate::provision::{device_list, preauthorize};
use crate::report;
use std::io::Write;
use std::path::Path;

pub(crate) fn run(args: &BulkArgs) -> Result<(), Failure> {
    let devices = device_list::read(&args.devices, args.id_column.as_deref())?;
    let authority = Authority::open(&args.issuer)?;
    let template = {
        let progress = Progress::new();
        Template::open(&args.template, |done, total| progress.tell("reading", done, Some(total)))?
    };
    let folder = Folder::open(&args.out, &args.template)?;
    let summary = bulk::run(args, &devices, &authority, &folder, &template)?;
    let devices = &summary.devices;
    folder.write_certificates(devices.iter().map(|one| (&*one.record.device, &*one.certificates)))?;
    let records = || devices.iter().map(|one| &one.record);
    let with_identity = records().filter(|record| !record.identity.is_empty());
    write(&folder.file("preauthorize.jsonl"), with_identity.map(preauthorize::line))?;
    // The manifest comes last: where it is, all is.
    write(&folder.file("manifest.jsonl"), records().map(Record::to_line))?;
    let (all, made) = (devices.len(), summary.made);
    report::print_success(&format!("{}: {all} devices, {made} of them made now\n", args.out.display()))
}

fn write(path: &Path, lines: impl Iterator<Item = String>) -> Result<(), Failure> {
    let mut output = Output::create(path)?;
    for line in lines {
        let written = output.write_all(line.as_bytes());
        written.map_err(|error| Failure::io(path, ExitStatus::Output, &error))?;
    }
    output.commit()
}
