//! `modify ARTIFACT`: changes what an Artifact says about itself, what its image or any other image says of it, and nothing
//! that was not asked for.

mod inside;

use super::claim::Claim;
use super::inside::artifact::{OpenImage, is_artifact};
use super::inside::change::{Changing, change_image};
use super::rewriting::{Opened, write};
use super::write::{compression, key_values, read_scripts};
use crate::args::inside::PartArgs;
use crate::args::modify::ModifyArgs;
use crate::args::output::CompressionName;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::{STANDARD, read_small};
use crate::key;
use crate::progress::Progress;
use crate::report::warn;
use inside::Inside;
use mender_artifact::compression::Compression;
use mender_artifact::modify::{Changes, ModifyReport, SignatureFate, modify};
use mender_artifact::rewrite::{Original, Recompression};
use mender_artifact::sign::Signer;
use mender_artifact::write::plan::ROOTFS_IMAGE;
use mender_artifact::write::progress::OnProgress;
use mender_image::block_device::FileDevice;
use mender_image::probe::{Content, probe};
use serde_json::Value;
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;

/// As much meta-data as a reader takes.
const META_DATA_MAX_BYTES: u64 = 1 << 20;
/// Where an ext4 file system has the two bytes that tell it.
const EXT_MAGIC_OFFSET: usize = 1024 + 56;
const EXT_MAGIC: [u8; 2] = [0x53, 0xef];

pub(crate) fn run(args: &ModifyArgs) -> Result<(), Failure> {
    let inside = Inside::of(args);
    let path = &args.artifact;
    let part = PartArgs { partition: args.partition.clone(), tmp: args.tmp.clone() };
    let plain = plain_file(path)?;
    if let Some(file) = &plain {
        if !is_artifact(file).map_err(|error| Failure::io(path, ExitStatus::OpenInput, &error))?
            && inside_only(args)?
        {
            return change_image(path, args.tmp.as_deref(), |image| inside.apply(image, &part, path));
        }
    }
    let key = key::private(&args.key)?;
    let mut changes = changes(args)?;
    changes.signer = key.as_ref().map(|key| key as &dyn Signer);

    let about = |error| Failure::artifact(path, &error);
    let mut opened = Opened::open(path)?;
    let claim = opened.claim(path, args.output_path.as_deref())?;
    let mut original = opened.read(path)?;
    let there = [Some(original.front().compression()), original.payload_compression()];
    let wanted = args.compression.filter(|name| there.iter().flatten().any(|there| is_other(*name, *there)));
    changes.compression = wanted.map(compression);
    let has_image = !inside.is_empty() && has_ext_image(&mut original).map_err(about)?;
    let editable = has_image && original.front().manifest_augment().is_none();
    match plain {
        Some(file) if editable => {
            drop(original);
            return change_artifact(args, &part, &inside, (&file, claim), changes);
        }
        _ if inside.needs_image() => {
            let found = if has_image { "one that cannot be changed" } else { "another payload" };
            let message = format!("expected a root file system (ext2, ext3, ext4) in a file, found {found}");
            return Err(Failure::about(path, ExitStatus::Unsupported, message));
        }
        _ => {}
    }
    let report = modify(&mut original, &changes).map_err(about)?;

    let temporary = args.tmp.clone().unwrap_or_else(std::env::temp_dir);
    if let Some((compression, effort)) = changes.compression {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let progress = Progress::new();
        let tell = |done, total| progress.tell("recompressing", done, total);
        let on_progress: Option<OnProgress<'_>> = Some(&tell);
        let how = Recompression { compression, effort, threads, spool_directory: &temporary, on_progress };
        write(path, args.output_path.as_deref(), claim.as_ref(), |target| {
            original.write_recompressed(target, &how)
        })?;
    } else if report.changed || args.output_path.is_some() || path == Path::new(STANDARD) {
        write(path, args.output_path.as_deref(), claim.as_ref(), |target| original.write(target))?;
    }
    let image_has_name = has_image && is_renamed(&report);
    tell(path, &report, image_has_name);
    Ok(())
}

/// Changes an Artifact and the image in it. An image that is not changed by what is here keeps the name that it has.
fn change_artifact(
    args: &ModifyArgs,
    part: &PartArgs,
    inside: &Inside,
    (file, claim): (&File, Option<Claim>),
    changes: Changes<'_>,
) -> Result<(), Failure> {
    let path = &args.artifact;
    let artifact = OpenImage::open(path, file, args.tmp.as_deref())?;
    let mut image = Changing::open(path, artifact.device()?, true, args.tmp.as_deref())?;
    let applied = inside.apply(&mut image, part, path).and_then(|()| image.commit());
    let (changed, left) = match applied {
        Ok(changed) => (changed, None),
        Err(failure)
            if !inside.needs_image()
                && matches!(failure.status, ExitStatus::Unsupported | ExitStatus::Invalid) =>
        {
            (Vec::new(), Some(failure))
        }
        Err(failure) => return Err(failure),
    };
    let report = artifact.write(changes, &changed, args.output_path.as_deref(), claim.as_ref())?;
    if let Some(failure) = left.filter(|_| is_renamed(&report)) {
        warn(&format!("{failure}; /etc/mender/artifact_info inside of the image was left as it is"));
    }
    tell(path, &report, false);
    Ok(())
}

/// The file, unless it is a stream.
fn plain_file(path: &Path) -> Result<Option<File>, Failure> {
    let failed = |error: &std::io::Error| Failure::io(path, ExitStatus::OpenInput, error);
    if path == Path::new(STANDARD) {
        return Ok(None);
    }
    let file = File::open(path).map_err(|error| failed(&error))?;
    let meta = file.metadata().map_err(|error| failed(&error))?;
    Ok(meta.is_file().then_some(file))
}

/// Whether all that is asked for is inside of an image; refuses what only an Artifact has where something is inside.
fn inside_only(args: &ModifyArgs) -> Result<bool, Failure> {
    let path = &args.artifact;
    let file = plain_file(path)?;
    let device = file.map(FileDevice::new).transpose().map_err(|error| Failure::image(path, &error))?;
    let Some(device) = device else { return Ok(false) };
    let is_image = probe(&device).is_ok_and(|found| found.content != Content::Unknown);
    if !is_image {
        return Ok(false);
    }
    let only_in_artifacts = [
        ("--artifact-name-depends", args.artifact_name_depends.is_some()),
        ("--provides-group", args.provides_group.is_some()),
        ("--depends-groups", args.depends_groups.is_some()),
        ("--provides", args.provides.is_some()),
        ("--depends", args.depends.is_some()),
        ("--meta-data", args.meta_data.is_some()),
        ("--clears-provides", !args.clears_provides.is_empty()),
        ("--delete-clears-provides", !args.delete_clears_provides.is_empty()),
        ("--script", !args.script.is_empty()),
        ("--compression", args.compression.is_some()),
        ("--output-path", args.output_path.is_some()),
        ("a key", key::private(&args.key)?.is_some()),
    ];
    match only_in_artifacts.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => {
            let message = format!("{flag}: expected an Artifact, found an image");
            Err(Failure::about(path, ExitStatus::Usage, message))
        }
        None => Ok(true),
    }
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
fn has_ext_image(original: &mut Original<'_>) -> Result<bool, mender_artifact::error::Error> {
    let header = original.describe()?;
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
