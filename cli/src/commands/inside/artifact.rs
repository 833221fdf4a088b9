//! The image that an Artifact carries: unpacked into a nameless file, and put back if it has changed.

use crate::commands::claim::Claim;
use crate::commands::rewriting::write;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::report::warn;
use mender_artifact::compression::encoder::Effort;
use mender_artifact::modify::{Changes, ModifyReport, NewContent, SignatureFate, modify};
use mender_artifact::rewrite::{Original, Recompression, Source, Unpacked};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};

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

/// An Artifact whose image has been unpacked.
pub(in crate::commands) struct UnpackedImage<'f> {
    path: PathBuf,
    original: Original<'f>,
    unpacked: Unpacked,
    spool: File,
    folder: PathBuf,
}

impl<'f> UnpackedImage<'f> {
    /// Unpacks the image of the Artifact in `file`, which `path` names, into a nameless file in `folder`.
    pub(in crate::commands) fn unpack(
        path: &Path,
        file: &'f File,
        folder: Option<&Path>,
    ) -> Result<Self, Failure> {
        let about = |error| Failure::artifact(path, &error);
        let folder = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let spool = tempfile::tempfile_in(&folder)
            .map_err(|error| Failure::io(&folder, ExitStatus::System, &error))?;
        let mut original = Original::read(Source::File(file)).map_err(about)?;
        let unpacked = original.unpack_content(&spool).map_err(about)?;
        Ok(Self { path: path.to_path_buf(), original, unpacked, spool, folder })
    }

    /// The image, to be read and changed.
    pub(in crate::commands) fn image(&self) -> Result<File, Failure> {
        self.spool.try_clone().map_err(|error| Failure::io("temporary file", ExitStatus::System, &error))
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
        if !changed.is_empty() {
            let after = self.unpacked.checksum_now(&self.spool).map_err(about)?;
            let (name, before) = (self.unpacked.name.clone(), self.unpacked.checksum);
            changes.content = Some(NewContent { name, before, after });
        }
        let (compression, effort) =
            changes.compression.unwrap_or((self.unpacked.compression(), Effort::default()));
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
            let (original, unpacked, spool) = (self.original, &self.unpacked, &self.spool);
            write(&self.path, output, claim, |target| {
                original.write_with_content(unpacked, spool, changed, &how, target)
            })?;
        }
        Ok(report)
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
