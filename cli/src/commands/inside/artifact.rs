//! The image that an Artifact carries: changed where it lies, or unpacked into a nameless file, and put back if it has
//! changed.

use crate::commands::claim::Claim;
use crate::commands::rewriting::write;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::report::warn;
use mender_artifact::compression::encoder::Effort;
use mender_artifact::digest::Digest;
use mender_artifact::modify::{Changes, ModifyReport, NewContent, SignatureFate, modify};
use mender_artifact::rewrite::{NewPlain, Original, Recompression, SeekableContent, Source, Unpacked};
use mender_image::block_device::{BlockDevice, FileDevice, WritableDevice};
use mender_image::error::Error as ImageError;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an Artifact begins with: the name of its first member.
const BEGINNING: &[u8; 8] = b"version\0";

/// Whether a file is an Artifact rather than an image. Its name does not matter.
pub(in crate::commands) fn is_artifact(mut file: &File) -> io::Result<bool> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(BEGINNING.len() as u64).read_to_end(&mut bytes)?;
    file.rewind()?;
    Ok(bytes == BEGINNING)
}

/// Unpacks the image of the Artifact in `file`, which `path` names, into a nameless file in `folder`.
pub(in crate::commands) fn unpacked_image(
    path: &Path,
    file: &File,
    folder: Option<&Path>,
) -> Result<File, Failure> {
    let spool = spool(&folder.map_or_else(std::env::temp_dir, Path::to_path_buf))?;
    let about = |error| Failure::artifact(path, &error);
    let mut original = Original::read(Source::File(file)).map_err(about)?;
    original.unpack_content(&spool).map_err(about)?;
    Ok(spool)
}

fn spool(folder: &Path) -> Result<File, Failure> {
    tempfile::tempfile_in(folder).map_err(|error| Failure::io(folder, ExitStatus::System, &error))
}

/// An Artifact whose image is being changed.
pub(in crate::commands) struct OpenImage<'f> {
    path: PathBuf,
    original: Original<'f>,
    content: Content,
    folder: PathBuf,
}

/// Where the image is.
enum Content {
    /// All of it in a file.
    Spool(File, Box<Unpacked>),
    /// In the Artifact, and its changes elsewhere.
    InPlace(Arc<SeekableContent>),
}

impl<'f> OpenImage<'f> {
    /// Opens the image of the Artifact in `file`, which `path` names. Temporary files are made in `folder`.
    pub(in crate::commands) fn open(
        path: &Path,
        file: &'f File,
        folder: Option<&Path>,
    ) -> Result<Self, Failure> {
        let about = |error| Failure::artifact(path, &error);
        let folder = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let mut original = Original::read(Source::File(file)).map_err(about)?;
        let content = match original.open_content(&folder).map_err(about)? {
            Some(content) => Content::InPlace(Arc::new(content)),
            None => {
                let spool = spool(&folder)?;
                let unpacked = original.unpack_content(&spool).map_err(about)?;
                Content::Spool(spool, Box::new(unpacked))
            }
        };
        Ok(Self { path: path.to_path_buf(), original, content, folder })
    }

    /// The image, to be read and changed.
    pub(in crate::commands) fn device(&self) -> Result<Box<dyn WritableDevice>, Failure> {
        Ok(match &self.content {
            Content::Spool(file, _) => {
                let file = file.try_clone();
                let file = file.map_err(|error| Failure::io("temporary file", ExitStatus::System, &error))?;
                Box::new(FileDevice::new(file).map_err(|error| Failure::image(&self.path, &error))?)
            }
            Content::InPlace(content) => Box::new(InPlace(Arc::clone(content))),
        })
    }

    /// Writes the Artifact with the image as it is now, which differs in the ranges `changed`; and with `changes`. A
    /// signature that does not belong to it any more is taken out. `claim` is that on the Artifact, where it is replaced.
    pub(in crate::commands) fn write(
        mut self,
        mut changes: Changes<'_>,
        changed: &[Range<u64>],
        output: Option<&Path>,
        claim: Option<&Claim>,
    ) -> Result<ModifyReport, Failure> {
        let about = |error| Failure::artifact(&self.path, &error);
        let settled;
        let (unpacked, after, content): (&Unpacked, Digest, NewPlain<'_>) = match &self.content {
            Content::Spool(spool, unpacked) => {
                let is_changed = !changed.is_empty();
                let after =
                    if is_changed { unpacked.checksum_now(spool).map_err(about)? } else { unpacked.checksum };
                (unpacked, after, spool.into())
            }
            Content::InPlace(content) => {
                settled = content.settle().map_err(about)?;
                (&settled.0, settled.1, content.as_ref().into())
            }
        };
        if !changed.is_empty() {
            let (name, before) = (unpacked.name.clone(), unpacked.checksum);
            changes.content = Some(NewContent { name, before, after });
        }
        let (compression, effort) =
            changes.compression.unwrap_or((unpacked.compression(), Effort::default()));
        let report = modify(&mut self.original, &changes).map_err(about)?;
        if report.changed || output.is_some() || changes.compression.is_some() {
            let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
            let how = Recompression {
                compression,
                effort,
                threads,
                spool_directory: &self.folder,
                on_progress: None,
            };
            let original = self.original;
            write(&self.path, output, claim, |target| {
                original.write_with_content(unpacked, content, changed, &how, target)
            })?;
        }
        Ok(report)
    }
}

/// An image in an Artifact as a device. What is written to it is seen by who reads it, and waits for the Artifact to be
/// written.
struct InPlace(Arc<SeekableContent>);

impl BlockDevice for InPlace {
    fn len_bytes(&self) -> u64 {
        self.0.len_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ImageError> {
        self.0.read_at(offset, buffer).map_err(|error| ImageError::io(offset, buffer.len(), error))
    }
}

impl WritableDevice for InPlace {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ImageError> {
        self.0.write_at(offset, bytes).map_err(|error| ImageError::write(offset, bytes.len(), error))
    }

    fn flush(&mut self) -> Result<(), ImageError> {
        Ok(())
    }
}

/// Tells if a signature was taken out.
pub(in crate::commands) fn tell_signature(path: &Path, report: &ModifyReport) {
    if report.signature == SignatureFate::Removed {
        let name = path.display();
        warn(&format!(
            "{name}: the signature does not belong to what was changed and was taken out; sign it again"
        ));
    }
}
