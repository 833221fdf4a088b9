//! `write`: what all kinds of Artifact have in common.

mod augment;
pub(crate) mod bootstrap;
pub(crate) mod delta_image;
pub(crate) mod module_image;
pub(crate) mod rootfs_image;
mod size_limit;
mod version_2;

use crate::args::output::{CompressionName, OutputArgs};
use crate::args::write_release::{PackageArgs, ReleaseArgs, SoftwareArgs};
use crate::exit_code::ExitStatus;
use crate::failure::{Failure, broken_pipe, chain};
use crate::input::{STANDARD, standard};
use crate::key;
use crate::output::{Output, is_no_input};
use crate::progress::Progress;
use crate::report::warn;
use mender_artifact::compression::Compression;
use mender_artifact::compression::encoder::Effort;
use mender_artifact::error::Category;
use mender_artifact::format_version::FormatVersion;
use mender_artifact::header::TypeInfoValue;
use mender_artifact::write::defaults::{PayloadChoices, SoftwareVersion};
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::script::ScriptInput;
use mender_artifact::write::{WriteOptions, write_artifact};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Checks what the flags say about the release and turns it into a plan without payload, in one of these formats.
fn plan(
    release: &ReleaseArgs,
    scripts: &[PathBuf],
    formats: &[FormatVersion],
) -> Result<ArtifactPlan<'static>, Failure> {
    let format = FormatVersion::from_number(release.version.into()).filter(|found| formats.contains(found));
    let Some(format) = format else {
        let known: Vec<_> = formats.iter().map(|format| format.number().to_string()).collect();
        let message = format!("expected {}, found {}", known.join(" or "), release.version);
        return Err(Failure::about("format version", ExitStatus::FormatVersion, message));
    };
    if !release.device_type.is_empty() {
        warn("--device-type is the old name of --compatible-types");
    }
    Ok(ArtifactPlan {
        format,
        artifact_name: release.artifact_name.clone(),
        // The reference tool takes an empty group for none.
        artifact_group: release.provides_group.clone().filter(|group| !group.is_empty()),
        compatible_types: [release.compatible_types.as_slice(), &release.device_type].concat(),
        depends_names: release.artifact_name_depends.clone(),
        depends_groups: release.depends_groups.clone(),
        scripts: read_scripts(scripts)?,
        ..ArtifactPlan::default()
    })
}

pub(super) fn read_scripts(paths: &[PathBuf]) -> Result<Vec<ScriptInput>, Failure> {
    let mut scripts = Vec::new();
    for path in paths {
        let read = if path.is_dir() {
            ScriptInput::from_directory(path)
        } else {
            ScriptInput::from_path(path).map(|script| vec![script])
        };
        scripts.extend(read.map_err(|error| asked_for(&error))?);
    }
    Ok(scripts)
}

/// A file to be put into the Artifact; `-` is standard input under this name.
fn payload_file(path: &Path, stdin_name: &str) -> Result<PayloadInput<'static>, Failure> {
    if path == Path::new(STANDARD) {
        return Ok(PayloadInput::from_reader(stdin_name, None, standard()?));
    }
    let path = crate::input::existing_file(path)?;
    PayloadInput::from_path(path).map_err(|error| asked_for(&error))
}

fn choices(release: &ReleaseArgs, software: Option<SoftwareArgs>) -> Result<PayloadChoices, Failure> {
    let mut choices = PayloadChoices {
        provides: key_values("--provides", &release.provides)?,
        depends: key_values("--depends", &release.depends)?,
        clears: release.clears_provides.clone(),
        ..PayloadChoices::default()
    };
    if let Some(software) = software {
        choices.no_default_clears = software.no_default_clears_provides;
        choices.software = SoftwareVersion {
            filesystem: software.software_filesystem,
            name: software.software_name,
            version: software.software_version,
            no_default: software.no_default_software_version,
            overrides_provides: software.behind_provides,
        };
    }
    Ok(choices)
}

/// `KEY:VALUE` words, split at the first colon. Of one key the last word counts.
pub(super) fn key_values(flag: &str, words: &[String]) -> Result<BTreeMap<String, TypeInfoValue>, Failure> {
    words
        .iter()
        .map(|word| match word.split_once(':') {
            Some((key, value)) => Ok((key.to_owned(), TypeInfoValue::One(value.to_owned()))),
            None => Err(Failure::usage(format!("{flag}: expected KEY:VALUE, found '{word}'"))),
        })
        .collect()
}

/// Writes the Artifact with this payload.
fn write(
    plan: ArtifactPlan<'static>,
    payload: PayloadPlan<'static>,
    output_args: &OutputArgs,
    default_compression: Option<CompressionName>,
    package: Option<&PackageArgs>,
) -> Result<(), Failure> {
    let limit = |flag, text: Option<&String>| text.map(|text| size_limit::parse(flag, text)).transpose();
    let maximum =
        limit("--max-artifact-size", package.and_then(|package| package.max_artifact_size.as_ref()))?;
    let warning =
        limit("--warn-artifact-size", package.and_then(|package| package.warn_artifact_size.as_ref()))?;
    let key = key::private(&output_args.key)?;
    // From here on it borrows the key, too.
    let mut plan: ArtifactPlan<'_> = plan;
    plan.payloads = vec![payload];
    (plan.compression, plan.effort) =
        compression(output_args.compression.or(default_compression).unwrap_or(CompressionName::Gzip));
    plan.signer = key.as_ref().map(|key| key as _);
    plan.check().map_err(|error| asked_for(&error))?;

    let inputs: Vec<&Path> = plan
        .payloads
        .iter()
        .flat_map(|payload| &payload.files)
        .chain(plan.augment.iter().flat_map(|augment| &augment.files))
        .filter_map(|file| Some(file.path()?.as_path()))
        .collect();
    is_no_input(&output_args.output_path, &inputs)?;
    let mut output = Output::create(&output_args.output_path)?;
    if output.is_standard() && (maximum.is_some() || warning.is_some()) {
        warn("limits on the size have no effect on standard output");
    }
    let progress = Progress::new();
    let told = |done, total| progress.tell("writing", done, total);
    let options = WriteOptions {
        source_date_epoch: source_date_epoch()?,
        on_progress: Some(&told),
        ..WriteOptions::default()
    };
    write_artifact(plan, &mut output, &options).map_err(|error| {
        if broken_pipe(&error) {
            return Failure::artifact(&output_args.output_path, &error);
        }
        Failure::unnamed_artifact(&error)
    })?;
    if output.is_standard() {
        return output.commit();
    }
    let written = output.written();
    size_limit::check(&output_args.output_path, written, maximum)?;
    output.commit()?;
    if let Some(warning) = warning.filter(|warning| written > *warning) {
        let name = output_args.output_path.display();
        warn(&format!("{name}: larger than --warn-artifact-size: {written} bytes, not {warning}"));
    }
    Ok(())
}

pub(super) fn compression(name: CompressionName) -> (Compression, Effort) {
    match name {
        CompressionName::None => (Compression::None, Effort::default()),
        CompressionName::Gzip => (Compression::Gzip, Effort::default()),
        CompressionName::Lzma => (Compression::Xz, Effort::default()),
        CompressionName::ZstdBest => (Compression::Zstd, Effort::Best),
        CompressionName::ZstdBetter => (Compression::Zstd, Effort::Better),
        CompressionName::ZstdFast => (Compression::Zstd, Effort::Fast),
        CompressionName::ZstdFastest => (Compression::Zstd, Effort::Fastest),
    }
}

/// The time that stands for "now" in what is written.
pub(super) fn source_date_epoch() -> Result<Option<i64>, Failure> {
    const NAME: &str = "SOURCE_DATE_EPOCH";
    let Some(text) = std::env::var_os(NAME).filter(|text| !text.is_empty()) else { return Ok(None) };
    let seconds = text.to_str().and_then(|text| text.parse().ok()).filter(|seconds: &i64| *seconds >= 0);
    match seconds {
        Some(seconds) => Ok(Some(seconds)),
        None => Err(Failure::usage(format!(
            "{NAME}: expected seconds since 1970, found '{}'",
            text.to_string_lossy()
        ))),
    }
}

/// What is wrong with something that the command line asks for: never a wrong Artifact, there is none yet.
fn asked_for(error: &mender_artifact::error::Error) -> Failure {
    let status = match error.category() {
        Category::Io => ExitStatus::OpenInput,
        Category::Limit => ExitStatus::Limit,
        Category::Unsupported => ExitStatus::Unsupported,
        _ => ExitStatus::Usage,
    };
    Failure::plain(status, chain(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_at_the_first_colon() {
        let words = ["a:b:c".to_owned(), ":v".to_owned(), "k:".to_owned(), "k:2".to_owned()];
        let values = key_values("--provides", &words).unwrap();
        assert_eq!(values["a"], TypeInfoValue::One("b:c".into()));
        assert_eq!(values[""], TypeInfoValue::One("v".into()));
        assert_eq!(values["k"], TypeInfoValue::One("2".into()));
        let error = key_values("--provides", &["none".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "--provides: expected KEY:VALUE, found 'none'");
    }
}
