//! What `validate --json` shows.

use crate::failure::chain;
use mender_artifact::check::Examination;
use mender_artifact::error::{Category, Error};
use mender_artifact::read::verify::SignatureStatus;
use serde_json::{Value, json};

/// All that was found.
pub(crate) fn validation(found: &Examination) -> Value {
    let report = found.report.as_ref();
    json!({
        "valid": found.problems.is_empty(),
        "name": report.map(|report| &report.header.artifact_name),
        "version": report.map(|report| report.header.version),
        "signature": report.map(|report| signature_name(&report.signature)),
        "complete": found.complete,
        "problems": found.problems.iter().map(problem).collect::<Vec<_>>(),
        "more_problems": found.more,
    })
}

fn problem(error: &Error) -> Value {
    json!({
        "category": category_name(error.category()),
        "entry": error.entry().to_string(),
        "offset": error.offset(),
        "message": chain(error),
    })
}

/// Of a sound Artifact; a signature that nobody could check makes it unsound here.
fn signature_name(signature: &SignatureStatus) -> &'static str {
    match signature {
        SignatureStatus::Verified => "verified",
        _ => "none",
    }
}

fn category_name(category: Category) -> &'static str {
    match category {
        Category::Format => "format",
        Category::Unsupported => "unsupported",
        Category::Verify => "verify",
        Category::Limit => "limit",
        Category::Usage => "usage",
        _ => "io",
    }
}
