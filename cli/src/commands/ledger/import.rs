//! `ledger ingest` and `ledger import-s3`: events out of files and streams.

use super::{failed, open};
use crate::args::ledger::{BadLinesName, LedgerImportArgs};
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::STANDARD;
use crate::report;
use mender_delta::fleet::ledger::import::{BadLines, Format, ImportError, ImportOptions, Outcome};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub(super) fn run(args: &LedgerImportArgs, format: Format) -> Result<(), Failure> {
    // Before a ledger is made for nothing.
    let inputs = args.files.iter().map(|path| Ok((path.as_path(), input(path)?)));
    let inputs: Vec<(&Path, Box<dyn Read + Send>)> = inputs.collect::<Result<_, Failure>>()?;
    let mut ledger = open(&args.which, true, args.max_bytes)?;
    let mut options = ImportOptions::default();
    options.batch = usize::try_from(args.batch).unwrap_or(options.batch);
    options.bad_lines = match args.bad_lines {
        BadLinesName::Refuse => BadLines::Refuse,
        BadLinesName::Skip => BadLines::Skip,
    };
    for (path, input) in inputs {
        let mut gone = Ok(());
        let outcome = ledger.tenant(&args.which.tenant).import(input, format, &options, &mut |outcome| {
            if args.acknowledge && gone.is_ok() {
                gone = report::print(&format!("{}\n", acknowledged(path, outcome)));
            }
        });
        let outcome = outcome.map_err(|error| match &error {
            ImportError::Ledger(error) => failed(&args.which, error),
            ImportError::Read { source, .. } => Failure::io(path, ExitStatus::System, source),
            _ => Failure::about(path, ExitStatus::Invalid, &error),
        })?;
        gone?;
        tell(path, &outcome);
        if args.json {
            report::print(&format!("{}\n", value(path, &outcome)))?;
        } else if !args.acknowledge {
            report::print(&text(path, &outcome))?;
        }
    }
    Ok(())
}

fn input(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if path == Path::new(STANDARD) {
        return Ok(Box::new(io::stdin()));
    }
    let failed = |error: &io::Error| Failure::io(path, ExitStatus::OpenInput, error);
    let file = File::open(path).map_err(|error| failed(&error))?;
    if file.metadata().map_err(|error| failed(&error))?.is_dir() {
        return Err(Failure::about(path, ExitStatus::OpenInput, "is a directory"));
    }
    Ok(Box::new(file))
}

/// What is on the medium: lines up to this one.
fn acknowledged(path: &Path, outcome: &Outcome) -> Value {
    json!({
        "file": path.display().to_string(),
        "acknowledged_lines": outcome.lines,
        "new": outcome.new,
        "duplicates": outcome.duplicates,
        "refused": outcome.refused_lines(),
    })
}

fn value(path: &Path, outcome: &Outcome) -> Value {
    json!({
        "file": path.display().to_string(),
        "lines": outcome.lines,
        "new": outcome.new,
        "duplicates": outcome.duplicates,
        "refused": outcome.refused,
        "passed_over": outcome.passed_over,
        "torn_line": outcome.torn.map(|torn| torn.line),
        "odd_times": outcome.odd_times,
    })
}

fn text(path: &Path, outcome: &Outcome) -> String {
    let mut text = format!("{}: {} new, {} there before", path.display(), outcome.new, outcome.duplicates);
    for (verb, counts) in [("refused", &outcome.refused), ("passed over", &outcome.passed_over)] {
        for (code, count) in counts {
            text.push_str(&format!(", {count} {verb} ({code})"));
        }
    }
    text.push('\n');
    text
}

/// What a person should look at.
fn tell(path: &Path, outcome: &Outcome) {
    let path = path.display();
    for refused in &outcome.first_refused {
        report::warn(&format!("{path}: {refused}").replace(char::is_control, " "));
    }
    let told = outcome.first_refused.len() as u64;
    if outcome.refused_lines() > told {
        report::warn(&format!("{path}: {} more lines were not taken", outcome.refused_lines() - told));
    }
    if let Some(torn) = outcome.torn {
        report::warn(&format!(
            "{path}: line {} has no end ({} bytes): left out; import it again when it is whole",
            torn.line, torn.len_bytes
        ));
    }
    if outcome.odd_times > 0 {
        report::warn(&format!("{path}: {} events of before 2010 or of after tomorrow", outcome.odd_times));
    }
}
