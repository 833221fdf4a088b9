//! `validate ARTIFACT`: whether an Artifact is sound and signed as it should be.

use crate::args::validate::ValidateArgs;
use crate::failure::Failure;
use crate::input::Input;
use crate::key;
use crate::progress::{Counted, Progress};
use crate::report;
use mender_artifact::check::validate;
use mender_artifact::limits::Limits;
use mender_artifact::read::verify::Verify;

pub(crate) fn run(args: &ValidateArgs) -> Result<(), Failure> {
    let key = key::public(&args.key)?;
    let input = Input::open(&args.artifact)?;
    let size = input.size;
    let input = Counted::new(input, "checking", size, Progress::new());
    validate(input, key.as_ref().map(|key| key as &dyn Verify), &Limits::computer())
        .map_err(|error| Failure::artifact(&args.artifact, &error))?;
    report::print_success(&format!("Artifact file '{}' validated successfully\n", args.artifact.display()))
}
