//! `read ARTIFACT`: what an Artifact says about itself.

use crate::args::read::ReadArgs;
use crate::failure::Failure;
use crate::input::Input;
use crate::key;
use crate::progress::{Counted, Progress};
use crate::report;
use crate::report::human::Signature;
use mender_artifact::read::verify::{SignatureRule, SignatureStatus};
use mender_artifact::read::{ReadOptions, read_artifact};

pub(crate) fn run(args: &ReadArgs) -> Result<(), Failure> {
    let key = key::public(&args.key)?;
    let input = Input::open(&args.artifact)?;
    let signature = match &key {
        Some(key) => SignatureRule::Report(key),
        None => SignatureRule::NotChecked,
    };
    let options = ReadOptions { signature, ..ReadOptions::default() };
    let size = input.size;
    let input = Counted::new(input, "reading", size, Progress::new());
    let read =
        read_artifact(input, &options, &mut ()).map_err(|error| Failure::artifact(&args.artifact, &error))?;
    let signature = match read.signature {
        SignatureStatus::Unsigned => Signature::Unsigned,
        SignatureStatus::NotChecked => Signature::NotChecked,
        SignatureStatus::Verified => Signature::Verified,
        SignatureStatus::Failed(_) => Signature::Failed,
    };
    if key.is_some() {
        report::warn_if_augmented(&args.artifact, &read.header);
    }
    report::print(&if args.json {
        report::json::text(&report::json::artifact(&read.header, signature, read.compression))
    } else {
        report::human::artifact(&read.header, signature)
    })
}
