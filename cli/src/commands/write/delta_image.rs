//! `write delta-image --from OLD --to NEW`.

use crate::args::{CompressionName, DeltaImageArgs};
use crate::exit_code::ExitStatus;
use crate::failure::Failure;

pub(crate) fn run(args: &DeltaImageArgs, _compression: Option<CompressionName>) -> Result<(), Failure> {
    Err(Failure::about(&args.to, ExitStatus::Unsupported, "making delta Artifacts is not supported yet"))
}
