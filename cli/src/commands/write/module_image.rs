//! `write module-image`.

use super::{augment, choices, payload_file, plan, write};
use crate::args::output::CompressionName;
use crate::args::write::ModuleImageArgs;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::read_small_or_standard;
use mender_artifact::format_version::FormatVersion;
use mender_artifact::limits::Limits;
use mender_artifact::write::plan::PayloadPlan;
use serde_json::Value;
use std::path::Path;

pub(crate) fn run(args: ModuleImageArgs, compression: Option<CompressionName>) -> Result<(), Failure> {
    let mut plan = plan(&args.release, &args.package.script, &[FormatVersion::V3])?;
    plan.augment = augment::plan(&args.augment, &args.package.stdin_name)?;
    let choices = choices(&args.release, Some(args.software))?;
    let meta_data = args.meta_data.as_deref().map(read_meta_data).transpose()?;
    let files = args
        .file
        .iter()
        .map(|path| payload_file(path, &args.package.stdin_name))
        .collect::<Result<_, _>>()?;
    let payload =
        PayloadPlan::module_image(&args.release.artifact_name, &args.payload_type, files, meta_data, choices);
    write(plan, payload, &args.output, compression, Some(&args.package))
}

pub(super) fn read_meta_data(path: &Path) -> Result<Value, Failure> {
    let text = read_small_or_standard(path, Limits::computer().json_bytes as u64, ExitStatus::Usage)?;
    let value: Value = serde_json::from_slice(&text)
        .map_err(|error| Failure::about(path, ExitStatus::Usage, format!("malformed JSON: {error}")))?;
    if !value.is_object() {
        return Err(Failure::about(path, ExitStatus::Usage, "expected a JSON object, found something else"));
    }
    Ok(value)
}
