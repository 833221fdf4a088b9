//! `delta info DELTA`: what a delta says about itself, its structure checked to the end.

use super::source;
use crate::args::delta::DeltaInfoArgs;
use crate::failure::{DeltaFiles, Failure};
use crate::report;
use mender_delta::algorithm::inspect;

pub(crate) fn run(args: &DeltaInfoArgs) -> Result<(), Failure> {
    let files = DeltaFiles { base: &args.delta, delta: &args.delta, output: &args.delta };
    let mut input = source::open(&args.delta)?;
    let info = inspect(&mut input).map_err(|error| Failure::delta(files, &error))?;
    report::print(&if args.json { report::delta::json_of(&info) } else { report::delta::text_of(&info) })
}
