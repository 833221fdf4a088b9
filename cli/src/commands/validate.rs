//! `validate ARTIFACT`: whether an Artifact is sound and signed as it should be, and all that is wrong with it.

use crate::args::validate::ValidateArgs;
use crate::failure::Failure;
use crate::input::Input;
use crate::key;
use crate::progress::{Counted, Progress};
use crate::report;
use crate::report::json;
use crate::report::validation::validation;
use mender_artifact::check::{Examination, examine};
use mender_artifact::limits::Limits;
use mender_artifact::read::verify::Verify;
use std::path::Path;

pub(crate) fn run(args: &ValidateArgs) -> Result<(), Failure> {
    let key = key::public(&args.key)?;
    let input = Input::open(&args.artifact)?;
    let size = input.size;
    let input = Counted::new(input, "checking", size, Progress::new());
    let found = examine(input, key.as_ref().map(|key| key as &dyn Verify), &Limits::computer());
    let failure = tell_all_but_last(&args.artifact, &found, !args.json);
    if args.json {
        let printed = report::print(&json::text(&validation(&found)));
        // A reader that goes away does not make the Artifact sound.
        return failure.map_or(printed, |failure| Err(failure.already_told()));
    }
    match failure {
        Some(failure) => Err(failure),
        None => {
            if let Some(read) = &found.report {
                report::warn_if_augmented(&args.artifact, &read.header);
            }
            report::print_success(&format!(
                "Artifact file '{}' validated successfully\n",
                args.artifact.display()
            ))
        }
    }
}

/// A line for each problem; that of the last is what the command fails with, in the kind of the first.
fn tell_all_but_last(path: &Path, found: &Examination, aloud: bool) -> Option<Failure> {
    let mut failures = found.problems.iter().map(|problem| Failure::artifact(path, problem)).peekable();
    let status = failures.peek()?.status;
    let mut last = None;
    for failure in failures {
        if let Some(before) = last.replace(failure).filter(|_| aloud) {
            report::complain(&before);
        }
    }
    if found.more > 0 {
        if let Some(before) = last.replace(Failure::about(path, status, more(found.more))).filter(|_| aloud) {
            report::complain(&before);
        }
    }
    last.map(|last| last.with_status(status))
}

fn more(count: usize) -> String {
    format!("{count} more problems")
}
