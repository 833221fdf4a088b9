//! `write rootfs-image -v 2`: what format version 2 can say, and what it cannot.

use crate::args::write_release::{ReleaseArgs, SoftwareArgs};
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use mender_artifact::header::PayloadHeader;
use mender_artifact::write::plan::{PayloadPlan, ROOTFS_IMAGE};

/// Fails for flags that ask for what there is no place for. The reference tool passes over them, and the update is
/// then installed on devices that it is not for.
pub(super) fn check(release: &ReleaseArgs, software: &SoftwareArgs) -> Result<(), Failure> {
    let flags = [
        ("--artifact-name-depends", !release.artifact_name_depends.is_empty()),
        ("--provides-group", release.provides_group.is_some()),
        ("--depends-groups", !release.depends_groups.is_empty()),
        ("--provides", !release.provides.is_empty()),
        ("--depends", !release.depends.is_empty()),
        ("--clears-provides", !release.clears_provides.is_empty()),
        ("--software-name", software.software_name.is_some()),
        ("--software-version", software.software_version.is_some()),
        ("--software-filesystem", software.software_filesystem.is_some()),
    ];
    match flags.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Failure::about(flag, ExitStatus::Usage, "not in format version 2")),
        None => Ok(()),
    }
}

/// The image and nothing that is provided with it.
pub(super) fn only_image(payload: PayloadPlan<'_>) -> PayloadPlan<'_> {
    let header = PayloadHeader { payload_type: Some(ROOTFS_IMAGE.into()), ..PayloadHeader::default() };
    PayloadPlan { header, files: payload.files, checksum_provide: None }
}
