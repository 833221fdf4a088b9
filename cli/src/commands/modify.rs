//! `modify ARTIFACT`: changes what an Artifact says about itself, and nothing that was not asked for.

use super::rewriting::{Opened, write};
use super::write::{compression, key_values, read_scripts};
use crate::args::modify::{InsideArgs, ModifyArgs};
use crate::args::output::CompressionName;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::{STANDARD, read_small};
use crate::key;
use crate::progress::Progress;
use crate::report::warn;
use mender_artifact::compression::Compression;
use mender_artifact::header::ArtifactHeader;
use mender_artifact::modify::{Changes, ModifyReport, SignatureFate, modify};
use mender_artifact::rewrite::{Original, Recompression};
use mender_artifact::sign::Signer;
use mender_artifact::write::plan::ROOTFS_IMAGE;
use mender_artifact::write::progress::OnProgress;
use serde_json::Value;
use std::num::NonZeroUsize;
use std::path::Path;

/// As much meta-data as a reader takes.
const META_DATA_MAX_BYTES: u64 = 1 << 20;
/// Where an ext4 file system has the two bytes that tell it.
const EXT_MAGIC_OFFSET: usize = 1024 + 56;
const EXT_MAGIC: [u8; 2] = [0x53, 0xef];

pub(crate) fn run(args: &ModifyArgs) -> Result<(), Failure> {
    refuse_what_is_inside(&args.inside)?;
    let key = key::private(&args.key)?;
    let mut changes = changes(args)?;
    changes.signer = key.as_ref().map(|key| key as &dyn Signer);

    let path = &args.artifact;
    let about = |error| Failure::artifact(path, &error);
    let mut opened = Opened::open(path)?;
    let mut original = opened.read(path)?;
    let there = [Some(original.front().compression()), original.payload_compression()];
    let wanted = args.compression.filter(|name| there.iter().flatten().any(|there| is_other(*name, *there)));
    changes.compression = wanted.map(compression);
    let report = modify(&mut original, &changes).map_err(about)?;
    let image_has_name = is_renamed(&report) && has_ext_image(&mut original, &report.after).map_err(about)?;

    let temporary = args.tmp.clone().unwrap_or_else(std::env::temp_dir);
    if let Some((compression, effort)) = changes.compression {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let progress = Progress::new();
        let tell = |done, total| progress.tell("recompressing", done, total);
        let on_progress: Option<OnProgress<'_>> = Some(&tell);
        let how = Recompression { compression, effort, threads, spool_directory: &temporary, on_progress };
        write(path, args.output_path.as_deref(), |target| original.write_recompressed(target, &how))?;
    } else if report.changed || args.output_path.is_some() || path == Path::new(STANDARD) {
        write(path, args.output_path.as_deref(), |target| original.write(target))?;
    }
    tell(path, &report, image_has_name);
    Ok(())
}

/// What the flags ask for, except for key and compression.
fn changes(args: &ModifyArgs) -> Result<Changes<'static>, Failure> {
    let values =
        |flag, words: &Option<Vec<String>>| words.as_ref().map(|words| key_values(flag, words)).transpose();
    Ok(Changes {
        artifact_name: args.artifact_name.clone().or_else(|| args.name.clone()),
        depends_names: args.artifact_name_depends.clone(),
        provides_group: args.provides_group.clone(),
        depends_groups: args.depends_groups.clone(),
        provides: values("--provides", &args.provides)?,
        depends: values("--depends", &args.depends)?,
        meta_data: args.meta_data.as_deref().map(meta_data).transpose()?,
        add_clears: args.clears_provides.clone(),
        remove_clears: args.delete_clears_provides.clone(),
        add_scripts: read_scripts(&args.script)?,
        ..Changes::default()
    })
}

fn refuse_what_is_inside(inside: &InsideArgs) -> Result<(), Failure> {
    let given = [
        ("--server-uri", inside.server_uri.is_some()),
        ("--tenant-token", inside.tenant_token.is_some()),
        ("--server-cert", inside.server_cert.is_some()),
        ("--verification-key", inside.verification_key.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Failure::plain(
            ExitStatus::Unsupported,
            format!("{flag}: changing the file system inside of an image is not supported"),
        )),
        None => Ok(()),
    }
}

fn meta_data(path: &Path) -> Result<Value, Failure> {
    let text = read_small(path, META_DATA_MAX_BYTES, ExitStatus::OpenInput)?;
    if text.trim_ascii().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(&text).map_err(|error| Failure::about(path, ExitStatus::Usage, error))
}

/// Whether a compression is another than the one that is there. Of zstd the level is not known.
fn is_other(name: CompressionName, there: Compression) -> bool {
    let (wanted, _) = compression(name);
    wanted != there || wanted == Compression::Zstd
}

fn is_renamed(report: &ModifyReport) -> bool {
    report.before.artifact_name != report.after.artifact_name
}

/// Whether the payload is an image that may hold the name of the release, too.
fn has_ext_image(
    original: &mut Original<'_>,
    header: &ArtifactHeader,
) -> Result<bool, mender_artifact::error::Error> {
    if header.payloads.first().and_then(|payload| payload.payload_type.as_deref()) != Some(ROOTFS_IMAGE) {
        return Ok(false);
    }
    let bytes = original.first_payload_bytes(EXT_MAGIC_OFFSET + EXT_MAGIC.len())?;
    Ok(bytes.get(EXT_MAGIC_OFFSET..) == Some(&EXT_MAGIC))
}

/// What somebody should know of a change that was made.
fn tell(path: &Path, report: &ModifyReport, image_has_name: bool) {
    let name = path.display();
    if report.signature == SignatureFate::Removed {
        warn(&format!(
            "{name}: the signature does not belong to what was changed and was taken out; sign it again"
        ));
    }
    if image_has_name {
        warn(&format!("{name}: /etc/mender/artifact_info inside of the image was left as it is"));
    }
    if report.has_lost_checksum() {
        warn(&format!(
            "{name}: --provides stands for all provides; the checksum of the image is not among them"
        ));
    }
    for pattern in &report.clears_not_found {
        warn(&format!("{name}: --delete-clears-provides: there is no '{}'", pattern.escape_default()));
    }
}
