//! `write bootstrap-artifact`.

use super::{choices, plan, write};
use crate::args::output::CompressionName;
use crate::args::write::BootstrapArgs;
use crate::failure::Failure;
use mender_artifact::format_version::FormatVersion;
use mender_artifact::write::plan::PayloadPlan;

pub(crate) fn run(args: BootstrapArgs, compression: Option<CompressionName>) -> Result<(), Failure> {
    let plan = plan(&args.release, &[], &[FormatVersion::V3])?;
    // As for rootfs-image, and other than for module-image.
    if plan.artifact_name.contains(char::is_whitespace) {
        return Err(Failure::usage("--artifact-name: expected a name without white space"));
    }
    let payload = PayloadPlan::bootstrap(choices(&args.release, None)?);
    write(plan, payload, &args.output, compression, None)
}
