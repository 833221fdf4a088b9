//! Changes an image or Artifact: in memory first, and then all or nothing.

use super::artifact::{OpenImage, is_artifact, tell_signature};
use super::read;
use crate::args::inside::{ChangeArgs, PartArgs};
use crate::commands::claim::Claim;
use crate::exit_code::ExitStatus;
use crate::failure::{self, Failure};
use crate::interrupt;
use crate::key;
use mender_artifact::modify::Changes;
use mender_artifact::sign::Signer;
use mender_image::block_device::{FileDevice, WritableDevice};
use mender_image::edit::image::{Found, ImageEditor};
use mender_image::edit::route::{Purpose, Route};
use mender_image::limits::Limits;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// An image that is being changed.
pub(in crate::commands) struct Changing {
    name: PathBuf,
    editor: ImageEditor<Box<dyn WritableDevice>>,
    in_artifact: bool,
}

impl Changing {
    /// Opens an image. Large changes wait in the folder `tmp`.
    pub(in crate::commands) fn open(
        name: &Path,
        device: Box<dyn WritableDevice>,
        in_artifact: bool,
        tmp: Option<&Path>,
    ) -> Result<Self, Failure> {
        let about = |error| Failure::image(name, &error);
        let editor = ImageEditor::open(device, &Limits::default()).map_err(about)?;
        let folder = tmp.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let editor = editor.spill_with(move || {
            tempfile::tempfile_in(&folder).map_err(|error| {
                let message = format!("{}: {}", folder.display(), failure::plain(&error));
                io::Error::new(error.kind(), message)
            })
        });
        Ok(Self { name: name.to_path_buf(), editor, in_artifact })
    }

    /// Finds the partitions that a path means.
    pub(in crate::commands) fn route(
        &self,
        path: &[u8],
        part: &PartArgs,
        purpose: Purpose,
    ) -> Result<Route, Failure> {
        read::refuse_other_partitions(&self.name, self.in_artifact, path, part)?;
        self.about(self.editor.route(path, read::choice(part), purpose))
    }

    /// Does something with the editor.
    pub(in crate::commands) fn edit<T>(
        &mut self,
        change: impl FnOnce(&mut ImageEditor<Box<dyn WritableDevice>>) -> Result<T, mender_image::error::Error>,
    ) -> Result<T, Failure> {
        let done = change(&mut self.editor);
        self.about(done)
    }

    /// The whole content of a small file, which `path` names in messages; `None` where there is none.
    pub(in crate::commands) fn content(
        &self,
        route: &Route,
        path: &[u8],
        limit_bytes: u64,
    ) -> Result<Option<(Found, Vec<u8>)>, Failure> {
        let Some(found) = self.about(self.editor.look_up(route))? else { return Ok(None) };
        if found.len_bytes > limit_bytes {
            let path = path.escape_ascii();
            let message =
                format!("path {path}: expected at most {limit_bytes} bytes, found {}", found.len_bytes);
            return Err(Failure::about(&self.name, ExitStatus::Limit, message));
        }
        let mut content = Vec::new();
        let sink: &mut dyn Write = &mut content;
        self.about(self.editor.read_file(route, sink))?;
        Ok(Some((found, content)))
    }

    /// Writes the changes into the image, and says where it is different now.
    pub(in crate::commands) fn commit(&mut self) -> Result<Vec<Range<u64>>, Failure> {
        let done = self.editor.commit();
        self.about(done)
    }

    fn about<T>(&self, done: Result<T, mender_image::error::Error>) -> Result<T, Failure> {
        done.map_err(|error| Failure::image(&self.name, &error))
    }
}

/// Opens the image or Artifact `path`, lets `change` change it, and keeps what it did. Whatever fails, the file is as it
/// was.
pub(in crate::commands) fn change(
    path: &Path,
    args: &ChangeArgs,
    change: impl FnOnce(&mut Changing) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let key = key::private(&args.key)?;
    let failed = |error: &io::Error| Failure::io(path, ExitStatus::OpenInput, error);
    let file = File::open(path).map_err(|error| failed(&error))?;
    if file.metadata().map_err(|error| failed(&error))?.is_dir() {
        return Err(Failure::about(path, ExitStatus::OpenInput, "is a directory"));
    }
    if !is_artifact(&file).map_err(|error| failed(&error))? {
        if key.is_some() {
            let message = "expected an Artifact to be signed with the key, found an image";
            return Err(Failure::about(path, ExitStatus::Usage, message));
        }
        return change_image(path, args.part.tmp.as_deref(), change);
    }
    let claim = Claim::take(path, &file)?;
    let artifact = OpenImage::open(path, &file, args.part.tmp.as_deref())?;
    let mut changing = Changing::open(path, artifact.device()?, true, args.part.tmp.as_deref())?;
    change(&mut changing)?;
    let changed = changing.commit()?;
    let signer = key.as_ref().map(|key| key as &dyn Signer);
    let report = artifact.write(Changes { signer, ..Changes::default() }, &changed, None, Some(&claim))?;
    tell_signature(path, &report);
    Ok(())
}

/// Changes a plain image in its place.
pub(in crate::commands) fn change_image(
    path: &Path,
    tmp: Option<&Path>,
    change: impl FnOnce(&mut Changing) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let file = File::options().read(true).write(true).open(path);
    let file = file.map_err(|error| Failure::io(path, ExitStatus::Output, &error))?;
    let _claim = Claim::take(path, &file)?;
    let device = FileDevice::new(file).map_err(|error| Failure::image(path, &error))?;
    let mut changing = Changing::open(path, Box::new(device), false, tmp)?;
    change(&mut changing)?;
    interrupt::uninterrupted(|| changing.commit()).map(drop)
}
