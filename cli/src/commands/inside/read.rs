//! Looks into an image or Artifact. Nothing is written but temporary files.

use super::address::Address;
use super::artifact::{is_artifact, unpacked_image};
use crate::args::inside::PartArgs;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use mender_image::block_device::FileDevice;
use mender_image::edit::image::{Found, look_up, read_file};
use mender_image::edit::layout::Layout;
use mender_image::edit::route::{Choice, Mount, Purpose, Route, mount_of};
use mender_image::error::{Error, PathProblem};
use mender_image::limits::Limits;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// An image that is open for reading.
pub(in crate::commands) struct Image {
    name: PathBuf,
    device: FileDevice,
    pub(in crate::commands) layout: Layout,
    limits: Limits,
    pub(in crate::commands) in_artifact: bool,
}

impl Image {
    /// Opens an image, or unpacks that of an Artifact.
    pub(in crate::commands) fn open(path: &Path, part: &PartArgs) -> Result<Self, Failure> {
        let failed = |error: &std::io::Error| Failure::io(path, ExitStatus::OpenInput, error);
        let file = File::open(path).map_err(|error| failed(&error))?;
        if file.metadata().map_err(|error| failed(&error))?.is_dir() {
            return Err(Failure::about(path, ExitStatus::OpenInput, "is a directory"));
        }
        let in_artifact = is_artifact(&file).map_err(|error| failed(&error))?;
        let file = if in_artifact { unpacked_image(path, &file, part.tmp.as_deref())? } else { file };
        let about = |error| Failure::image(path, &error);
        let device = FileDevice::new(file).map_err(about)?;
        let limits = Limits::default();
        let layout = Layout::read(&device, &limits).map_err(about)?;
        Ok(Self { name: path.to_path_buf(), device, layout, limits, in_artifact })
    }

    fn failure(&self, error: &Error) -> Failure {
        Failure::image(&self.name, error)
    }

    /// Finds the partition that a path means.
    pub(in crate::commands) fn route(&self, path: &[u8], part: &PartArgs) -> Result<Route, Failure> {
        refuse_other_partitions(&self.name, self.in_artifact, path, part)?;
        let route = self.layout.route(&self.device, path, choice(part), Purpose::Read, &self.limits);
        route.map_err(|error| self.failure(&error))
    }

    /// What is at a path, which must be a file.
    pub(in crate::commands) fn file(&self, route: &Route, path: &[u8]) -> Result<Found, Failure> {
        let problem = |problem| Failure::about(&self.name, ExitStatus::Usage, told(path, problem));
        let found = look_up(&self.device, &self.layout, route, &self.limits);
        match found.map_err(|error| self.failure(&error))? {
            None => Err(problem(PathProblem::NotFound)),
            Some(found) if found.is_folder => Err(problem(PathProblem::IsADirectory)),
            Some(found) => Ok(found),
        }
    }

    /// The content of a small file.
    pub(in crate::commands) fn small_file(
        &self,
        route: &Route,
        path: &[u8],
        limit_bytes: u64,
    ) -> Result<Vec<u8>, Failure> {
        let found = self.file(route, path)?;
        if found.len_bytes > limit_bytes {
            let (path, found) = (path.escape_ascii(), found.len_bytes);
            let message = format!("path {path}: expected at most {limit_bytes} bytes, found {found}");
            return Err(Failure::about(&self.name, ExitStatus::Limit, message));
        }
        let mut content = Vec::new();
        self.copy(route, &mut content, &self.name)?;
        Ok(content)
    }

    /// What is at a path in one part of the image; `None` where nothing is.
    pub(in crate::commands) fn optional_file(
        &self,
        part: usize,
        path: &[u8],
        limit_bytes: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let number = self.layout.parts.get(part).and_then(|part| part.partition.as_ref());
        let number = number.map(|partition| partition.number.to_string());
        let choice = number.as_deref().map_or(Choice::ByPath, Choice::Partition);
        let route = match self.layout.route(&self.device, path, choice, Purpose::Read, &self.limits) {
            // Shown where it is.
            Err(Error::Path(error)) if error.problem == PathProblem::Elsewhere => return Ok(None),
            route => route?,
        };
        let found = look_up(&self.device, &self.layout, &route, &self.limits)?;
        if found.is_none_or(|found| found.is_folder || found.len_bytes > limit_bytes) {
            return Ok(None);
        }
        let mut content = Vec::new();
        read_file(&self.device, &self.layout, &route, &self.limits, &mut content)?;
        Ok(Some(content))
    }

    /// The image as it is.
    pub(in crate::commands) fn device(&self) -> &FileDevice {
        &self.device
    }

    /// Writes the content of a file to `output`, which `output_name` names in messages.
    pub(in crate::commands) fn copy(
        &self,
        route: &Route,
        output: &mut dyn Write,
        output_name: &Path,
    ) -> Result<Found, Failure> {
        let read = read_file(&self.device, &self.layout, route, &self.limits, output);
        read.map_err(|error| match &error {
            Error::Content(source) => Failure::io(output_name, ExitStatus::Output, source),
            error => self.failure(error),
        })
    }
}

fn told(path: &[u8], problem: PathProblem) -> String {
    format!("path {}: {problem}", path.escape_ascii())
}

/// Refuses paths of partitions that no Artifact has.
pub(super) fn refuse_other_partitions(
    name: &Path,
    in_artifact: bool,
    path: &[u8],
    part: &PartArgs,
) -> Result<(), Failure> {
    if !in_artifact || part.partition.is_some() || mount_of(path) == Mount::Root {
        return Ok(());
    }
    let message = format!(
        "path {}: expected a path of the root file system, found one of another partition, which no Artifact has",
        path.escape_ascii()
    );
    Err(Failure::about(name, ExitStatus::Usage, message))
}

/// What the flags choose.
pub(in crate::commands) fn choice(part: &PartArgs) -> Choice<'_> {
    part.partition.as_deref().map_or(Choice::ByPath, Choice::Partition)
}

/// Opens the image of an address and finds the file.
pub(in crate::commands) fn open(address: &Address, part: &PartArgs) -> Result<(Image, Route), Failure> {
    let image = Image::open(&address.image, part)?;
    let route = image.route(&address.path, part)?;
    Ok((image, route))
}
