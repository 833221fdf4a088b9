//! `write rootfs-image`.

use super::{choices, payload_file, plan, write};
use crate::args::output::CompressionName;
use crate::args::write::RootfsImageArgs;
use crate::failure::Failure;
use mender_artifact::write::defaults::ChecksumProvide;
use mender_artifact::write::plan::PayloadPlan;

pub(crate) fn run(args: RootfsImageArgs, compression: Option<CompressionName>) -> Result<(), Failure> {
    let plan = plan(&args.release, &args.package.script)?;
    let checksum = match (args.no_checksum_provide, args.legacy_rootfs_image_checksum) {
        (true, _) => ChecksumProvide::None,
        (false, true) => ChecksumProvide::Legacy,
        (false, false) => ChecksumProvide::Standard,
    };
    let choices = choices(&args.release, Some(args.software))?;
    let image = payload_file(&args.file)?;
    let payload = PayloadPlan::rootfs_image(&args.release.artifact_name, image, choices, checksum);
    write(plan, payload, &args.output, compression, Some(&args.package))
}
