//! Changes what an Artifact says about itself. The payload is neither unpacked nor copied by this process, and of the
//! header only what was asked for becomes different: everything else keeps its bytes, its place and its time.
//!
//! In an augmented Artifact both headers change as far as they have to, so that a reader finds what was asked for.

pub(crate) mod archive;
pub(crate) mod describe;
mod documents;

use std::collections::BTreeMap;

use archive::HeaderFiles;
use describe::describe;

use crate::compression::Compression;
use crate::compression::encoder::Effort;
use crate::digest::Digest;
use crate::entry_name::check_text;
use crate::error::{Defect, Entry, Error};
use crate::header::{ArtifactHeader, TypeInfoValue};
use crate::rewrite::{Front, Original};
use crate::sign::Signer;
use crate::write::plan::ROOTFS_IMAGE;
use crate::write::script::ScriptInput;

/// The provides that hold the SHA-256 of a root file system.
const CHECKSUM_PROVIDES: [&str; 2] = ["rootfs-image.checksum", "rootfs_image_checksum"];

/// What to change; `None` and empty leave things as they are.
#[derive(Default)]
pub struct Changes<'a> {
    /// The name of the release.
    pub artifact_name: Option<String>,
    /// The releases one of which the device must run. Empty: any.
    pub depends_names: Option<Vec<String>>,
    /// The group that the device belongs to after the update. Empty: none.
    pub provides_group: Option<String>,
    /// The groups in one of which the device must be. Empty: any.
    pub depends_groups: Option<Vec<String>>,
    /// All provides of the payload, instead of those that are there.
    pub provides: Option<BTreeMap<String, TypeInfoValue>>,
    /// All depends of the payload, instead of those that are there.
    pub depends: Option<BTreeMap<String, TypeInfoValue>>,
    /// The meta-data of the payload, a JSON object. An empty one takes it away.
    pub meta_data: Option<serde_json::Value>,
    /// Other content of the only file of the only payload. Its checksum follows in the manifest and in the provides
    /// that hold it; the content itself is the business of [`Original::write_with_content`].
    pub content: Option<NewContent>,
    /// Patterns to be added to what the payload clears; those that are there already are not added again.
    pub add_clears: Vec<String>,
    /// Patterns to be taken away.
    pub remove_clears: Vec<String>,
    /// State scripts to be added.
    pub add_scripts: Vec<ScriptInput>,
    /// Another compression of the header archives, and how hard it tries. The payload is the business of
    /// [`Original::write_recompressed`].
    pub compression: Option<(Compression, Effort)>,
    /// Signs the Artifact, also where nothing else changes.
    pub signer: Option<&'a dyn Signer>,
}

/// Other content of a payload file.
#[derive(Clone, Debug)]
pub struct NewContent {
    /// Name of the file.
    pub name: String,
    /// SHA-256 of what was in it.
    pub before: Digest,
    /// SHA-256 of what is in it.
    pub after: Digest,
}

/// What became of the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFate {
    /// There was none and there is none.
    None,
    /// It is as it was: what it signs has not changed.
    Kept,
    /// It belonged to what has changed and was taken away.
    Removed,
    /// The signer has signed.
    Signed,
}

/// What changing did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ModifyReport {
    /// Whether anything is different from before.
    pub changed: bool,
    /// What became of the signature.
    pub signature: SignatureFate,
    /// The Artifact as it was; of payload files only names and checksums.
    pub before: ArtifactHeader,
    /// The Artifact as it is; of payload files only names and checksums.
    pub after: ArtifactHeader,
    /// Patterns that were to be taken away from the clears and were not there.
    pub clears_not_found: Vec<String>,
}

impl ModifyReport {
    /// Whether the payload has provided its SHA-256 and no longer does, as given provides stand for all.
    #[must_use]
    pub fn has_lost_checksum(&self) -> bool {
        let has = |header: &ArtifactHeader| {
            let mut payloads = header.payloads.iter();
            payloads.any(|payload| CHECKSUM_PROVIDES.iter().any(|key| payload.provides.contains_key(*key)))
        };
        has(&self.before) && !has(&self.after)
    }
}

/// Changes the front of `original`; nothing is written yet.
///
/// # Errors
/// When the Artifact is not sound, something cannot be changed in an Artifact of its kind, or would make it one that
/// readers refuse; when the signer fails.
pub fn modify(original: &mut Original<'_>, changes: &Changes<'_>) -> Result<ModifyReport, Error> {
    let front = original.front_mut();
    let before = describe(front)?;
    check(front, &before, changes)?;
    let (old, old_manifest) = (front.to_bytes()?, front.manifest().to_vec());

    let mut headers = Headers {
        signed: HeaderFiles::unpack(front.header(), Entry::Header)?,
        added: front.header_augment().map(|it| HeaderFiles::unpack(it, Entry::Header)).transpose()?,
    };
    let mut clears_not_found = Vec::new();
    if front.version() == 2 {
        documents::change_version_2(&mut headers.signed, changes)?;
    } else {
        documents::change_info(&mut headers.signed, changes)?;
        clears_not_found = headers.change_payload(changes)?;
    }
    if let (Some(content), 3) = (&changes.content, front.version()) {
        documents::change_checksum(&mut headers.signed, content, changes.provides.is_none())?;
    }
    headers.change_meta_data(changes)?;
    documents::add_scripts(&mut headers.signed, changes)?;
    if let Some(content) = &changes.content {
        front.set_payload_checksum(&content.name, &content.after)?;
    }
    headers.put(front, changes)?;

    let signature = match changes.signer {
        Some(signer) => {
            let signature = signer.sign_manifest(front.manifest())?;
            front.set_signature(&signature)?;
            SignatureFate::Signed
        }
        None if !front.is_signed() => SignatureFate::None,
        None if front.manifest() == old_manifest => SignatureFate::Kept,
        None => {
            front.remove_signature();
            SignatureFate::Removed
        }
    };
    let after = describe(front)?;
    let changed = front.to_bytes()? != old;
    Ok(ModifyReport { changed, signature, before, after, clears_not_found })
}

/// The header, and what an augmented Artifact has beside it without a signature. Devices go by both together.
struct Headers {
    signed: HeaderFiles,
    added: Option<HeaderFiles>,
}

impl Headers {
    /// Changes what is said about release and payload. Provides and depends then stand in the signed header alone;
    /// clears are changed in the added one if it has any, as these are the ones that count. Gives the patterns that were
    /// to be taken away and are not there.
    fn change_payload(&mut self, changes: &Changes<'_>) -> Result<Vec<String>, Error> {
        documents::change_values(&mut self.signed, changes)?;
        let Some(added) = &mut self.added else { return documents::change_clears(&mut self.signed, changes) };
        documents::change_info(added, changes)?;
        documents::remove_values(added, changes)?;
        let counts = if documents::has_clears(added)? { added } else { &mut self.signed };
        documents::change_clears(counts, changes)
    }

    /// Meta-data stands in the signed header, unless only the added one has any.
    fn change_meta_data(&mut self, changes: &Changes<'_>) -> Result<(), Error> {
        let Some(value) = &changes.meta_data else { return Ok(()) };
        match &mut self.added {
            Some(added) if documents::has_meta_data(added) && !documents::has_meta_data(&self.signed) => {
                documents::change_meta_data(added, value)
            }
            added => {
                if let Some(added) = added {
                    documents::change_meta_data(added, &serde_json::Value::Null)?;
                }
                documents::change_meta_data(&mut self.signed, value)
            }
        }
    }

    /// Puts the archives that have changed in the place of the old ones.
    fn put(&self, front: &mut Front, changes: &Changes<'_>) -> Result<(), Error> {
        let was = front.header().compression;
        if let Some((compression, archive)) = self.signed.pack_changed(was, changes.compression)? {
            front.set_header(compression, archive)?;
        }
        let was = front.header_augment().map_or(was, |archive| archive.compression);
        let added = self.added.as_ref().map(|added| added.pack_changed(was, changes.compression));
        if let Some((compression, archive)) = added.transpose()?.flatten() {
            front.set_header_augment(compression, archive)?;
        }
        Ok(())
    }
}

/// Refuses what cannot be in an Artifact of this kind.
fn check(front: &Front, header: &ArtifactHeader, changes: &Changes<'_>) -> Result<(), Error> {
    let is_rootfs = |kind: &Option<String>| kind.as_deref() == Some(ROOTFS_IMAGE);
    if let Some(name) = &changes.artifact_name {
        check_text(name)?;
        let rootfs = header.payloads.iter().any(|payload| is_rootfs(&payload.payload_type));
        if rootfs && name.contains(char::is_whitespace) {
            let error = Error::new(Defect::Name, Entry::HeaderInfo).named(name.as_bytes());
            return Err(error.expected("an artifact name without white space"));
        }
    }
    let lists = [&changes.depends_names, &changes.depends_groups];
    let texts = lists.into_iter().flatten().flatten().chain(&changes.provides_group);
    texts.filter(|text| !text.is_empty()).try_for_each(|text| check_text(text))?;

    let about_clears = !changes.add_clears.is_empty() || !changes.remove_clears.is_empty();
    let about_type_info = changes.provides.is_some() || changes.depends.is_some() || about_clears;
    let about_payload = about_type_info || changes.meta_data.is_some();
    if about_payload && header.payloads.len() != 1 {
        let error = Error::new(Defect::Misuse, Entry::HeaderInfo).named(b"payloads");
        let error = error.expected("exactly one payload where something of a payload is to change");
        return Err(error.found(header.payloads.len()));
    }
    let about_dependencies = changes.depends_names.is_some()
        || changes.depends_groups.is_some()
        || changes.provides_group.is_some()
        || about_payload;
    if about_dependencies && front.version() == 2 {
        let error = Error::new(Defect::Version, Entry::Version);
        return Err(error.expected("3 where more than name and scripts is to change").found(2_u64));
    }
    let has_type = header.payloads.iter().all(|payload| payload.payload_type.is_some());
    match &changes.meta_data {
        Some(value) if !value.is_object() => {
            Err(Error::new(Defect::Value, Entry::MetaData(0)).expected("a JSON object"))
        }
        Some(value) if !has_type && value.as_object().is_some_and(|object| !object.is_empty()) => {
            let error = Error::new(Defect::Misuse, Entry::MetaData(0));
            Err(error.expected("no meta-data in a bootstrap Artifact"))
        }
        _ => Ok(()),
    }
}
