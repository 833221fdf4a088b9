//! `write module-image --augment-…`: the header that stands beside the signed one.

use super::module_image::read_meta_data;
use super::{key_values, payload_file};
use crate::args::write_augment::AugmentArgs;
use crate::failure::Failure;
use mender_artifact::header::PayloadHeader;
use mender_artifact::write::plan::AugmentPlan;

/// What the flags put beside the payload: nothing, or one plan.
pub(super) fn plan(args: &AugmentArgs, stdin_name: &str) -> Result<Vec<AugmentPlan<'static>>, Failure> {
    let Some(flag) = args.given() else { return Ok(Vec::new()) };
    let payload_type = args.augment_type.clone().filter(|payload_type| !payload_type.is_empty());
    if payload_type.is_none() {
        return Err(Failure::usage(format!("{flag}: needs a name with --augment-type")));
    }
    let header = PayloadHeader {
        payload_type,
        provides: key_values("--augment-provides", &args.augment_provides)?,
        depends: key_values("--augment-depends", &args.augment_depends)?,
        meta_data: args.augment_meta_data.as_deref().map(read_meta_data).transpose()?,
        ..PayloadHeader::default()
    };
    let files = args.augment_file.iter().map(|path| payload_file(path, stdin_name));
    Ok(vec![AugmentPlan { header, files: files.collect::<Result<_, _>>()? }])
}
