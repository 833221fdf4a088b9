//! `write rootfs-image`.

use super::{asked_for, choices, payload_file, plan, version_2, write};
use crate::args::output::CompressionName;
use crate::args::write::RootfsImageArgs;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::snapshot::address::Address;
use crate::snapshot::{self, Snapshot};
use mender_artifact::format_version::FormatVersion;
use mender_artifact::header::TypeInfoValue;
use mender_artifact::write::defaults::ChecksumProvide;
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::PayloadPlan;
use std::time::{SystemTime, UNIX_EPOCH};

/// The name in the Artifact of an image that comes from a device.
const SNAPSHOT_NAME: &str = "rootfs.img";

pub(crate) fn run(args: RootfsImageArgs, compression: Option<CompressionName>) -> Result<(), Failure> {
    let mut plan = plan(&args.release, &args.package.script, &[FormatVersion::V2, FormatVersion::V3])?;
    let is_version_2 = plan.format == FormatVersion::V2;
    if is_version_2 {
        version_2::check(&args.release, &args.software)?;
    }
    let checksum = match (args.no_checksum_provide, args.legacy_rootfs_image_checksum) {
        (true, _) => ChecksumProvide::None,
        (false, true) => ChecksumProvide::Legacy,
        (false, false) => ChecksumProvide::Standard,
    };
    let choices = choices(&args.release, Some(args.software))?;
    let device = Address::in_place_of_file(&args.file)?;
    let image = match &device {
        Some(_) => PayloadInput::from_reader(SNAPSHOT_NAME, None, std::io::empty()),
        None => payload_file(&args.file, &args.package.stdin_name)?,
    };
    let mut payload = PayloadPlan::rootfs_image(&args.release.artifact_name, image, choices, checksum);
    if is_version_2 {
        payload = version_2::only_image(payload);
    }
    // Kept until the Artifact is written.
    let _snapshot = match &device {
        Some(device) => {
            // What is wrong without the image is wrong before somebody waits for it.
            plan.payloads = vec![payload];
            plan.check().map_err(|error| asked_for(&error))?;
            let Some(checked) = plan.payloads.pop() else { return Ok(()) };
            payload = checked;
            let folder = args.snapshot.tmp.unwrap_or_else(std::env::temp_dir);
            let snapshot = snapshot::take(device, &args.snapshot.ssh_args, &folder)?;
            put_into(&mut payload, &snapshot)?;
            if is_version_2 {
                payload = version_2::only_image(payload);
            }
            Some(snapshot)
        }
        None => None,
    };
    write(plan, payload, &args.output, compression, Some(&args.package))
}

/// The image of the device, and what it provides and nobody has said otherwise.
fn put_into(payload: &mut PayloadPlan<'static>, snapshot: &Snapshot) -> Result<(), Failure> {
    let image = snapshot.image.reopen();
    let image = image.map_err(|error| Failure::io(snapshot.image.path(), ExitStatus::System, &error))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    payload.files = vec![
        PayloadInput::from_reader(SNAPSHOT_NAME, Some(snapshot.size_bytes), image)
            .with_modified(i64::try_from(now).unwrap_or(i64::MAX)),
    ];
    for (key, value) in &snapshot.provides {
        if payload.checksum_provide.as_ref() != Some(key) {
            let value = TypeInfoValue::One(value.clone());
            payload.header.provides.entry(key.clone()).or_insert(value);
        }
    }
    Ok(())
}
