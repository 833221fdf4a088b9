//! Is this a sound Artifact, and signed by whom it should be?

use crate::error::{Defect, Entry, Error};
use crate::limits::Limits;
use crate::read::push::Told;
use crate::read::stream::{ReadOptions, ReadReport, read_artifact, read_telling};
use crate::read::verify::{SignatureRule, SignatureStatus, Verify};
use std::io::Read;
use std::sync::{Mutex, PoisonError};

/// Most problems of one Artifact that are kept; the rest are counted.
pub const PROBLEMS_MAX: usize = 100;

/// Reads an Artifact to its end and checks everything: order, names, documents, every checksum
/// and the signature. Ends at the first problem.
///
/// A key is needed exactly when the Artifact is signed: a key and no signature is as wrong as a
/// signature and no key. Whoever wants to look at signed Artifacts without a key uses
/// [`read_artifact`].
///
/// # Errors
/// Whatever is wrong; [`Defect::Unsigned`], [`Defect::NoKey`] and [`Defect::Signature`] for the
/// signature.
pub fn validate<R: Read>(input: R, key: Option<&dyn Verify>, limits: &Limits) -> Result<ReadReport, Error> {
    let report = read_artifact(input, &options(key, limits), &mut ())?;
    if let SignatureStatus::NotChecked = report.signature {
        return Err(no_key());
    }
    Ok(report)
}

/// What [`examine`] found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Examination {
    /// Everything that is wrong, in the order in which it came up, at most [`PROBLEMS_MAX`]; empty if
    /// the Artifact is sound. The first is not always what [`validate`] says: that looks at a missing
    /// key only in the end.
    pub problems: Vec<Error>,
    /// How many more problems there are than `problems` holds.
    pub more: usize,
    /// Whether the Artifact was read to its end. If not, the last problem kept it from that, and
    /// there may be others behind it.
    pub complete: bool,
    /// What the Artifact says; only if nothing is wrong with it.
    pub report: Option<ReadReport>,
}

/// As [`validate`], but goes on after what is wrong with one part as long as the rest still means
/// something: wrong checksums, files missing or unknown, malformed lines and documents, names that
/// are not allowed, the signature. Damage to an archive or to a compressed stream, input that ends too
/// early and everything beyond `limits` end it.
pub fn examine<R: Read>(input: R, key: Option<&dyn Verify>, limits: &Limits) -> Examination {
    let heard = Heard::default();
    let outcome = read_telling(input, &options(key, limits), &mut (), Some(&heard));
    let complete = outcome.is_ok();
    let report = match outcome {
        Ok(report) => {
            if let Some(SignatureStatus::NotChecked) = report.as_ref().map(|report| &report.signature) {
                heard.problem(no_key());
            }
            report
        }
        Err(error) => {
            heard.last(error);
            None
        }
    };
    let Found { problems, more } = heard.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    let report = report.filter(|_| problems.is_empty());
    Examination { problems, more, complete, report }
}

fn options<'v>(key: Option<&'v dyn Verify>, limits: &Limits) -> ReadOptions<'v> {
    let signature = key.map_or(SignatureRule::NotChecked, SignatureRule::Require);
    ReadOptions { limits: limits.clone(), signature, skip_script_contents: true }
}

fn no_key() -> Error {
    Error::new(Defect::NoKey, Entry::ManifestSig)
}

/// Keeps the problems that a reader tells of.
#[derive(Default)]
struct Heard(Mutex<Found>);

#[derive(Default)]
struct Found {
    problems: Vec<Error>,
    more: usize,
}

impl Told for Heard {
    fn problem(&self, error: Error) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if found.problems.len() < PROBLEMS_MAX {
            found.problems.push(error);
        } else {
            found.more += 1;
        }
    }
}

impl Heard {
    /// The problem that ended everything is kept in any case.
    fn last(&self, error: Error) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if found.problems.len() == PROBLEMS_MAX {
            found.problems.pop();
            found.more += 1;
        }
        found.problems.push(error);
    }
}
