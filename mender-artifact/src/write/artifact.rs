//! Puts an Artifact together.

use std::io::{self, Write};

use super::header::GENERATED_MODE;
use super::plan::ArtifactPlan;
use super::progress::Progress;
use super::spool::Packing;
use super::{WriteOptions, WriteReport, header, payload};
use crate::digest::{digest, to_hex};
use crate::error::{Entry, Error};
use crate::header::augment::merge;
use crate::header::{ArtifactHeader, Augment, TypeInfoValue};
use crate::manifest::Part;
use crate::sign::manifest_sig;
use crate::tar::writer::{Member, TarWriter};

/// Writes an Artifact. Nothing is written before all payloads have been read; an
/// output that got only a part must be thrown away, which `OutputFile` does.
///
/// Memory is bounded by threads and scripts, whatever the size of the payloads.
///
/// # Errors
/// When the plan does not pass [`ArtifactPlan::check`], a file cannot be read or changes meanwhile, a
/// checksum is not the one given, the spool folder or output is full, the signer fails, or the
/// caller cancels.
///
/// ```
/// use mender_artifact::write::defaults::PayloadChoices;
/// use mender_artifact::write::input::PayloadInput;
/// use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
/// use mender_artifact::write::{WriteOptions, write_artifact};
///
/// let file = PayloadInput::from_reader("hello.txt", Some(6), &b"hello\n"[..]);
/// let payload =
///     PayloadPlan::module_image("release-1", "single-file", vec![file], None, PayloadChoices::default());
/// let plan = ArtifactPlan {
///     artifact_name: "release-1".into(),
///     compatible_types: vec!["board".into()],
///     payloads: vec![payload],
///     ..ArtifactPlan::default()
/// };
/// let mut artifact = Vec::new();
/// let report = write_artifact(plan, &mut artifact, &WriteOptions::default())?;
/// assert_eq!(report.artifact_len_bytes, artifact.len() as u64);
/// # Ok::<(), mender_artifact::error::Error>(())
/// ```
pub fn write_artifact(
    mut plan: ArtifactPlan<'_>,
    output: &mut dyn Write,
    options: &WriteOptions<'_>,
) -> Result<WriteReport, Error> {
    plan.check()?;
    let signed = plan.payloads.iter_mut().map(|payload| &mut payload.header);
    for header in signed.chain(plan.augment.iter_mut().map(|augment| &mut augment.header)) {
        // An empty object is written as none, and read as none.
        header.meta_data =
            header.meta_data.take().filter(|it| it.as_object().is_none_or(|it| !it.is_empty()));
    }
    plan.scripts.sort_by(|a, b| a.script.name.cmp(&b.script.name));
    for script in &mut plan.scripts {
        script.modified = options.clamp(Some(script.modified));
        script.script.mode &= 0o7777;
    }
    let packing = Packing { compression: plan.compression, effort: plan.effort, threads: options.threads };
    let total = plan
        .payloads
        .iter()
        .flat_map(|payload| &payload.files)
        .chain(plan.augment.iter().flat_map(|augment| &augment.files))
        .try_fold(0_u64, |sum, file| sum.checked_add(file.size_hint()?));
    let mut progress = Progress::new(options.on_progress, options.cancel, total);

    let mut archives = Vec::new();
    let mut manifest = String::new();
    let mut manifest_augment = String::new();
    let mut augments = plan.augment.iter_mut();
    for (index, payload) in (0_u16..).zip(&mut plan.payloads) {
        let mut augment = augments.next();
        let added = augment.iter_mut().flat_map(|augment| &mut augment.files);
        let inputs = payload.files.iter_mut().chain(added);
        let mut packed = payload::pack(index, inputs, packing, options, &mut progress)?;
        let added = packed.files.split_off(payload.files.len());
        for (manifest, files) in [(&mut manifest, &packed.files), (&mut manifest_augment, &added)] {
            for file in files {
                push_manifest_line(manifest, &file.checksum, &format!("data/{index:04}/{}", file.name));
            }
        }
        if let (Some(key), Some(file)) = (payload.checksum_provide.take(), packed.files.first()) {
            payload.header.provides.insert(key, TypeInfoValue::One(to_hex(&file.checksum)));
        }
        payload.header.files = packed.files;
        if let Some(augment) = &mut augment {
            augment.header.files = added;
        }
        archives.push(packed.archive);
    }

    let suffix = plan.compression.suffix();
    let version = format!("{{\"format\":\"mender\",\"version\":{}}}", plan.format.number());
    let header_name = format!("header.tar{suffix}");
    let header = header::pack(&plan, Part::Signed, packing, options.generated_time())?;
    push_manifest_line(&mut manifest, &header.checksum, &header_name);
    push_manifest_line(&mut manifest, &digest(version.as_bytes()), "version");
    let augment_name = format!("header-augment.tar{suffix}");
    let mut header_augment = None;
    if !plan.augment.is_empty() {
        let header = header::pack(&plan, Part::Augment, packing, options.generated_time())?;
        push_manifest_line(&mut manifest_augment, &header.checksum, &augment_name);
        header_augment = Some(header.archive);
    }
    let signature = plan.signer.map(|signer| signer.sign_manifest(manifest.as_bytes())).transpose()?;

    let failed = |error| Error::io(Entry::Artifact, error);
    let modified = options.generated_time();
    let mut tar = TarWriter::new(Counted { output, len: 0 });
    let mut append = |name: &str, contents: &[u8]| {
        tar.append(&generated(name, contents.len() as u64, modified), contents).map_err(failed)
    };
    append("version", version.as_bytes())?;
    append("manifest", manifest.as_bytes())?;
    if let Some(signature) = &signature {
        append("manifest.sig", manifest_sig(signature).as_bytes())?;
    }
    if header_augment.is_some() {
        append("manifest-augment", manifest_augment.as_bytes())?;
    }
    append(&header_name, &header.archive)?;
    if let Some(archive) = &header_augment {
        append(&augment_name, archive)?;
    }
    for (index, mut archive) in (0_u16..).zip(archives) {
        let entry = Entry::Data(index);
        let name = format!("data/{index:04}.tar{suffix}");
        tar.begin(&generated(&name, archive.len(), modified)).map_err(failed)?;
        let copied = archive.read(|chunk| {
            progress.check(entry)?;
            tar.write_all(chunk).map_err(failed)
        });
        copied.map_err(|error| Error::io(entry, error).with_path(&options.spool_directory))??;
    }
    let mut output = tar.finish().map_err(failed)?;
    output.flush().map_err(failed)?;
    Ok(WriteReport {
        artifact_len_bytes: output.len,
        header: described(plan)?,
        manifest: manifest.into_bytes(),
        signed: signature.is_some(),
    })
}

fn generated(name: &str, size: u64, modified: i64) -> Member<'_> {
    Member { name, size, mode: GENERATED_MODE, modified }
}

/// What a reader will find in the Artifact.
fn described(plan: ArtifactPlan<'_>) -> Result<ArtifactHeader, Error> {
    let mut payloads: Vec<_> = plan.payloads.into_iter().map(|payload| payload.header).collect();
    let mut augments = Vec::new();
    for ((index, payload), augment) in (0_u16..).zip(&mut payloads).zip(plan.augment) {
        let augment = Augment { signed: std::mem::take(payload), added: augment.header };
        *payload = merge(index, &augment)?;
        augments.push(augment);
    }
    Ok(ArtifactHeader {
        version: plan.format.number(),
        artifact_name: plan.artifact_name,
        artifact_group: plan.artifact_group,
        compatible_types: plan.compatible_types,
        depends_names: plan.depends_names,
        depends_groups: plan.depends_groups,
        scripts: plan.scripts.into_iter().map(|input| input.script).collect(),
        payloads,
        augments,
    })
}

fn push_manifest_line(manifest: &mut String, checksum: &[u8; 32], name: &str) {
    manifest.push_str(&to_hex(checksum));
    manifest.push_str("  ");
    manifest.push_str(name);
    manifest.push('\n');
}

/// Counts what it passes on.
struct Counted<'o> {
    output: &'o mut dyn Write,
    len: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
