//! Puts the files of a device into its image.

use super::template::image_failure;
use crate::failure::Failure;
use mender_image::block_device::WritableDevice;
use mender_image::edit::attributes::Attributes;
use mender_image::edit::image::ImageEditor;
use mender_image::edit::route::{Choice, Purpose};
use mender_image::error::Error;
use mender_image::limits::Limits;
use std::io::Cursor;
use std::path::Path;

/// Mode of folders that are missing on the way.
const FOLDER_MODE: u16 = 0o755;

/// A file that is to be put into an image.
pub(crate) struct NewFile<'a> {
    pub(crate) path: &'a str,
    pub(crate) contents: &'a [u8],
    pub(crate) mode: u16,
}

/// Where files go in an image.
pub(crate) struct Target<'a> {
    /// Partition by number or label; by the path where there is none.
    pub(crate) partition: Option<&'a str>,
    /// Time that the files get, in seconds since 1970.
    pub(crate) modified: i64,
}

impl Target<'_> {
    /// Puts the files into the image, which belong to root there, and the folders that they need. Either all of it is
    /// done or nothing. `name` stands in messages.
    pub(crate) fn put(
        &self,
        name: &Path,
        device: &mut dyn WritableDevice,
        files: &[NewFile<'_>],
    ) -> Result<(), Failure> {
        let mut image = self.edited(device, files).map_err(|error| image_failure(name, &error))?;
        image.commit().map(drop).map_err(|error| image_failure(name, &error))
    }

    /// Whether it could be done. Changes nothing.
    pub(crate) fn try_out(
        &self,
        name: &Path,
        device: &mut dyn WritableDevice,
        files: &[NewFile<'_>],
    ) -> Result<(), Failure> {
        self.edited(device, files).map(drop).map_err(|error| image_failure(name, &error))
    }

    fn edited<'d>(
        &self,
        device: &'d mut dyn WritableDevice,
        files: &[NewFile<'_>],
    ) -> Result<ImageEditor<&'d mut dyn WritableDevice>, Error> {
        let choice = self.partition.map_or(Choice::ByPath, Choice::Partition);
        let mut image = ImageEditor::open(device, &Limits::default())?;
        for file in files {
            let route = image.route(file.path.as_bytes(), choice, Purpose::Change)?;
            if let Some(folder) = route.folder() {
                let attributes = Attributes::of_root(FOLDER_MODE, self.modified);
                image.make_folder(&folder, &attributes, Some(&attributes))?;
            }
            let attributes = Attributes::of_root(file.mode, self.modified);
            image.put_file(&route, &mut Cursor::new(file.contents), &attributes)?;
        }
        Ok(image)
    }
}
