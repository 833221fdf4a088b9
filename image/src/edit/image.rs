//! An image that is read or changed.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::ops::Range;
use std::sync::Arc;

use super::attributes::Attributes;
pub use super::file_system::Found;
use super::file_system::{Operation, Reader, apply};
use super::layout::{Layout, Part};
use super::route::{Choice, Purpose, Route};
use crate::block_device::{BlockDevice, WritableDevice};
use crate::error::{Error, PathProblem};
use crate::limits::Limits;
use crate::overlay::Overlay;
use crate::spill::MakeFile;

/// Content that can be put into several file systems.
pub trait Content: Read + Seek {}

impl<T: Read + Seek> Content for T {}

/// What is at the first place of `route`; links are followed. `None` when there is nothing.
///
/// # Errors
///
/// As the file system's: [`Error::Path`], [`Error::Format`], [`Error::Unsupported`], [`Error::Limit`], [`Error::Io`].
pub fn look_up(
    device: &dyn BlockDevice,
    layout: &Layout,
    route: &Route,
    limits: &Limits,
) -> Result<Option<Found>, Error> {
    let Some(target) = route.targets().first() else { return Ok(None) };
    let part = layout.readable(target.part)?;
    let window = part.window(device)?;
    Reader::open(part, &window, limits)?.look_up(&target.path)
}

/// Writes the content of the file at the first place of `route` to `output`. Links are followed inside the file system.
///
/// # Errors
///
/// As [`look_up`]; [`Error::Path`] when there is no file; [`Error::Content`] when `output` fails.
pub fn read_file(
    device: &dyn BlockDevice,
    layout: &Layout,
    route: &Route,
    limits: &Limits,
    output: &mut dyn Write,
) -> Result<Found, Error> {
    let target = route.targets().first().ok_or_else(|| Error::path(b"", PathProblem::NotFound))?;
    let part = layout.readable(target.part)?;
    let window = part.window(device)?;
    Reader::open(part, &window, limits)?.copy_out(&target.path, output)
}

/// An image that is being changed. Changes wait until [`ImageEditor::commit`]; dropped, it has changed nothing. An
/// operation that fails in one of several file systems leaves all as they were before it.
///
/// ```no_run
/// use mender_image::block_device::FileDevice;
/// use mender_image::edit::attributes::Attributes;
/// use mender_image::edit::image::ImageEditor;
/// use mender_image::edit::route::{Choice, Purpose};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let image = std::fs::File::options().read(true).write(true).open("mender.sdimg")?;
/// let mut image = ImageEditor::open(FileDevice::new(image)?, &Default::default())?;
/// let route = image.route(b"/data/mender/mender-cert.pem", Choice::ByPath, Purpose::Change)?;
/// let mut certificate = std::fs::File::open("device-cert.pem")?;
/// image.put_file(&route, &mut certificate, &Attributes::of_root(0o644, 1_700_000_000))?;
/// image.commit()?;
/// # Ok(())
/// # }
/// ```
pub struct ImageEditor<D> {
    changes: Overlay<D>,
    layout: Layout,
    limits: Limits,
    spill: Option<MakeFile>,
}

/// Changes in memory before they go to a file.
const MEMORY_MAX_BYTES: u64 = 64 << 20;

impl<D: WritableDevice> ImageEditor<D> {
    /// Opens an image. Nothing is written.
    ///
    /// # Errors
    ///
    /// As [`Layout::read`].
    pub fn open(device: D, limits: &Limits) -> Result<Self, Error> {
        let layout = Layout::read(&device, limits)?;
        let changes = Overlay::new(device).bounded(limits.changes_len_bytes);
        Ok(Self { changes, layout, limits: limits.clone(), spill: None })
    }

    /// Has large contents wait in files that `make` makes, empty and open for reading and writing, instead of in memory.
    /// They are made when they are needed; [`Error::Temporary`] is what comes of one that cannot be made.
    #[must_use]
    pub fn spill_with(self, make: impl Fn() -> io::Result<File> + Send + Sync + 'static) -> Self {
        let make: MakeFile = Arc::new(make);
        let changes = self.changes.spilling_with(Arc::clone(&make), MEMORY_MAX_BYTES);
        Self { changes, spill: Some(make), ..self }
    }

    /// What the image is made of.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Where `path` leads with the changes so far; as [`Layout::route`]. What is changed on the way may make it lead to
    /// another place.
    ///
    /// # Errors
    ///
    /// As [`Layout::route`].
    pub fn route(&self, path: &[u8], choice: Choice<'_>, purpose: Purpose) -> Result<Route, Error> {
        self.layout.route(&self.changes, path, choice, purpose, &self.limits)
    }

    /// What is at `route` with the changes so far; as [`look_up`].
    ///
    /// # Errors
    ///
    /// As [`look_up`].
    pub fn look_up(&self, route: &Route) -> Result<Option<Found>, Error> {
        look_up(&self.changes, &self.layout, route, &self.limits)
    }

    /// Reads with the changes so far; as [`read_file`].
    ///
    /// # Errors
    ///
    /// As [`read_file`].
    pub fn read_file(&self, route: &Route, output: &mut dyn Write) -> Result<Found, Error> {
        read_file(&self.changes, &self.layout, route, &self.limits, output)
    }

    /// Puts the whole of `content` into the file at `route`, in all its places, instead of what is in it if it exists.
    /// The folder must exist. Links are followed inside the file system.
    ///
    /// # Errors
    ///
    /// [`Error::Path`], [`Error::Full`], [`Error::Content`] when `content` fails, [`Error::Unsupported`] for features
    /// that are not written and for file systems that others have to repair first; [`Error::Limit`] where the changes
    /// are larger than [`Limits::changes_len_bytes`] and [`ImageEditor::spill_with`] was not called;
    /// [`Error::Temporary`]; else as [`look_up`].
    pub fn put_file(
        &mut self,
        route: &Route,
        content: &mut dyn Content,
        attributes: &Attributes,
    ) -> Result<(), Error> {
        self.each(route, |part, path, device, limits, spill| {
            content.rewind().map_err(Error::Content)?;
            let spill = spill.cloned();
            let operation = Operation::Put { content: &mut &mut *content, attributes: *attributes, spill };
            apply(part, device, limits, path, operation)
        })
    }

    /// Makes the folder at `route` in all its places. With `parents`, which those above get that are missing, one that
    /// exists is no error and stays as it is.
    ///
    /// # Errors
    ///
    /// As [`ImageEditor::put_file`].
    pub fn make_folder(
        &mut self,
        route: &Route,
        attributes: &Attributes,
        parents: Option<&Attributes>,
    ) -> Result<(), Error> {
        self.each(route, |part, path, device, limits, _| {
            let operation = Operation::MakeFolder { attributes: *attributes, parents: parents.copied() };
            apply(part, device, limits, path, operation)
        })
    }

    /// Removes the file, link or empty folder at `route` from all its places; with `recursive` a folder with all that
    /// is in it.
    ///
    /// # Errors
    ///
    /// As [`ImageEditor::put_file`].
    pub fn remove(&mut self, route: &Route, recursive: bool) -> Result<(), Error> {
        self.each(route, |part, path, device, limits, _| {
            apply(part, device, limits, path, Operation::Remove { recursive })
        })
    }

    /// Does something in each part, and keeps it if it could be done in all.
    fn each(
        &mut self,
        route: &Route,
        mut change: impl FnMut(
            &Part,
            &[u8],
            &mut dyn WritableDevice,
            &Limits,
            Option<&MakeFile>,
        ) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let together = Overlay::new(&mut self.changes);
        let mut together = match &self.spill {
            Some(make) => together.spilling_with(Arc::clone(make), MEMORY_MAX_BYTES),
            None => together.bounded(self.limits.changes_len_bytes),
        };
        for target in route.targets() {
            let part = self.layout.readable(target.part)?;
            let mut window = part.window(&mut together)?;
            change(part, &target.path, &mut window, &self.limits, self.spill.as_ref())?;
        }
        together.hand_over()
    }

    /// How many bytes [`ImageEditor::commit`] writes at most.
    #[must_use]
    pub fn changed_bytes(&self) -> u64 {
        self.changes.changed_bytes()
    }

    /// Writes the changes to the device, and nothing else. Returns the ranges that are different now, in bytes of the
    /// image, sorted and without overlap.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Temporary`]; as of [`Overlay::commit`].
    pub fn commit(&mut self) -> Result<Vec<Range<u64>>, Error> {
        self.changes.commit()
    }

    /// The device, without changes that were not committed.
    #[must_use]
    pub fn into_device(self) -> D {
        self.changes.into_device()
    }
}
