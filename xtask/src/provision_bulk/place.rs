//! Where the images go: a folder, or a file system of their own in a file.

use crate::failure::{Doing, Failure};
use crate::step::{find, fresh_dir, output, program};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Length of the file with the file system. It takes no more room than is used of it.
const XFS_LEN_BYTES: u64 = 64 << 30;

/// A folder; with a file system mounted there until it is dropped.
pub(super) struct Place {
    scratch: PathBuf,
    path: PathBuf,
    mounted: bool,
}

impl Place {
    /// Makes it below the target folder.
    pub(super) fn make(xfs: bool) -> Result<Self, Failure> {
        let scratch = fresh_dir("provision-bulk")?;
        if !xfs {
            return Ok(Self { path: scratch.clone(), scratch, mounted: false });
        }
        let mkfs = find("mkfs.xfs").ok_or_else(|| Failure::new("mkfs.xfs is not installed"))?;
        let (image, path) = (scratch.join("xfs"), scratch.join("mounted"));
        let file = File::create(&image).doing(|| image.display().to_string())?;
        file.set_len(XFS_LEN_BYTES).doing(|| image.display().to_string())?;
        output(program(mkfs).arg("-q").arg(&image))?;
        fs::create_dir(&path).doing(|| path.display().to_string())?;
        output(program("mount").args(["-o", "loop"]).arg(&image).arg(&path))?;
        Ok(Self { scratch, path, mounted: true })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How much of the file system that it is in is used, as `df` tells.
    pub(super) fn used_bytes(&self) -> Result<u64, Failure> {
        output(&mut program("sync"))?;
        let said = output(program("df").args(["-B1", "--output=used"]).arg(&self.path))?;
        said.lines().last().unwrap_or_default().trim().parse().doing(|| format!("df: {said}"))
    }

    /// What kind of file system it is.
    pub(super) fn kind(&self) -> Result<String, Failure> {
        let said = output(program("df").arg("--output=fstype").arg(&self.path))?;
        Ok(said.lines().last().unwrap_or_default().trim().to_owned())
    }

    /// Removes all of it.
    pub(super) fn remove(self) -> Result<(), Failure> {
        let scratch = self.scratch.clone();
        drop(self);
        fs::remove_dir_all(&scratch).doing(|| format!("removing {}", scratch.display()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.mounted {
            // What stays mounted is seen when the folder cannot be removed.
            let _ = output(program("umount").arg(&self.path));
        }
    }
}
