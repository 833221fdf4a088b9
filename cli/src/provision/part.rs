//! Images that are being made: files with a private key in them, which must not stay anywhere but in the finished image.

use super::copy::copy;
use super::template::{Template, image_failure};
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::interrupt;
use mender_image::block_device::{BlockDevice, FileDevice, WritableDevice};
use mender_image::error::Error;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes that are compared or overwritten at once.
const CHUNK_LEN_BYTES: usize = 64 * 1024;
/// What the names of these files end with.
pub(crate) const SUFFIX: &str = ".part";

/// What has been done to an image. Locked while its bytes change: nothing is written once it has been overwritten.
type Written = Arc<Mutex<State>>;

#[derive(Default)]
struct State {
    /// Which bytes have been written.
    ranges: Vec<Range<u64>>,
    /// Whether it has been overwritten and removed.
    gone: bool,
}

/// An image that is being made, or another file with a key. Dropped before it gets its name, what was written into it is
/// overwritten and the file removed; a signal that ends the process does that, too.
pub(crate) struct Part {
    path: PathBuf,
    file: Option<File>,
    written: Written,
    at_signal: Option<interrupt::Guard>,
}

impl Part {
    /// A file of its own with these bytes, which are secret. `path` must not exist.
    ///
    /// # Errors
    /// When it cannot be made, for want of room or whatever else.
    pub(crate) fn of(secret: &[u8], path: &Path) -> Result<Self, Failure> {
        let part = Self::begin(path)?;
        part.file()?
            .set_len(secret.len() as u64)
            .map_err(|error| Failure::io(path, ExitStatus::Output, &error))?;
        part.device()?.write_at(0, secret).map_err(|error| image_failure(path, &error))?;
        Ok(part)
    }

    /// A copy of the template. `path` must not exist.
    ///
    /// # Errors
    /// When it cannot be made, for want of room or whatever else.
    pub(crate) fn copy_of(template: &Template, path: &Path) -> Result<Self, Failure> {
        let part = Self::begin(path)?;
        copy(template.file(), part.file()?, template.len_bytes)
            .map_err(|error| Failure::io(path, ExitStatus::Output, &error))?;
        Ok(part)
    }

    /// An empty file that only its owner may read.
    fn begin(path: &Path) -> Result<Self, Failure> {
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = Written::default();
        let at_signal = {
            let (path, written) = (path.to_path_buf(), Arc::clone(&written));
            interrupt::undo_with(move || remove(&path, &mut locked(&written)))
        };
        let file = options.open(path).map_err(|error| Failure::io(path, ExitStatus::Output, &error))?;
        Ok(Self { path: path.to_path_buf(), file: Some(file), written, at_signal: Some(at_signal) })
    }

    /// The image, to be changed.
    pub(crate) fn device(&self) -> Result<RecordedDevice, Failure> {
        let file = self.file()?.try_clone();
        let file = file.map_err(|error| Failure::io(&self.path, ExitStatus::System, &error))?;
        let device = FileDevice::new(file).map_err(|error| image_failure(&self.path, &error))?;
        Ok(RecordedDevice { device, written: Arc::clone(&self.written) })
    }

    /// SHA-256 of all of it.
    pub(crate) fn digest(&self, template: &Template) -> Result<[u8; 32], Failure> {
        let first = locked(&self.written).ranges.iter().map(|range| range.start).min();
        let digest = template.digest_of_copy(&self.device()?, first.unwrap_or(template.len_bytes));
        digest.map_err(|error| image_failure(&self.path, &error))
    }

    /// Returns when all of it will stay.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        self.file()?.sync_all().map_err(|error| Failure::io(&self.path, ExitStatus::Output, &error))
    }

    /// Gives it its name.
    pub(crate) fn persist(mut self, name: &Path) -> Result<(), Failure> {
        // Waits for ever if a signal has come: what is being overwritten must not get a name. If one comes from now on,
        // and there is no name yet, the next start does it.
        drop(self.at_signal.take());
        std::fs::rename(&self.path, name).map_err(|error| Failure::io(name, ExitStatus::Output, &error))?;
        self.file = None;
        Ok(())
    }

    fn file(&self) -> Result<&File, Failure> {
        self.file
            .as_ref()
            .ok_or_else(|| Failure::about(&self.path, ExitStatus::System, "has its name already"))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            remove(&self.path, &mut locked(&self.written));
        }
    }
}

/// An image that remembers which of its bytes were written.
pub(crate) struct RecordedDevice {
    device: FileDevice,
    written: Written,
}

impl BlockDevice for RecordedDevice {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.device.read_at(offset, buffer)
    }
}

impl WritableDevice for RecordedDevice {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        // Held until it is written: a signal may come in between.
        let mut state = locked(&self.written);
        if state.gone {
            return Err(Error::Content(io::Error::other("the image has been given up")));
        }
        state.ranges.push(offset..offset.saturating_add(bytes.len() as u64));
        self.device.write_at(offset, bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        // Once is enough, when all is written.
        Ok(())
    }
}

/// Overwrites what an earlier process left of an image that it was making, as far as it differs from the template, and
/// removes it.
pub(crate) fn shred_left_over(path: &Path, template: &Template) -> Result<(), Failure> {
    let failed = |error: Error| image_failure(path, &error);
    let file = File::options().read(true).write(true).open(path);
    let file = file.map_err(|error| Failure::io(path, ExitStatus::System, &error))?;
    let mut left = FileDevice::new(file).map_err(failed)?;
    let original = template.device()?;
    let (mut one, mut other) = (vec![0u8; CHUNK_LEN_BYTES], vec![0u8; CHUNK_LEN_BYTES]);
    let mut offset = 0;
    while offset < left.len_bytes() {
        let len = usize::try_from(left.len_bytes() - offset).unwrap_or(usize::MAX).min(CHUNK_LEN_BYTES);
        left.read_at(offset, &mut one[..len]).map_err(failed)?;
        // Another template may have been shorter.
        let same = offset.saturating_add(len as u64) <= original.len_bytes() && {
            original.read_at(offset, &mut other[..len]).map_err(failed)?;
            one[..len] == other[..len]
        };
        if !same && one[..len].iter().any(|byte| *byte != 0) {
            one.fill(0);
            left.write_at(offset, &one[..len]).map_err(failed)?;
        }
        offset = offset.saturating_add(len as u64);
    }
    left.flush().map_err(failed)?;
    std::fs::remove_file(path).map_err(|error| Failure::io(path, ExitStatus::System, &error))
}

/// Overwrites what was written into a file with zeros, as far as that is possible, and removes it.
fn remove(path: &Path, state: &mut State) {
    state.gone = true;
    let overwrite = || -> Option<()> {
        let mut device = FileDevice::new(File::options().write(true).open(path).ok()?).ok()?;
        let zeros = vec![0u8; CHUNK_LEN_BYTES];
        for range in &state.ranges {
            let mut offset = range.start;
            let end = range.end.min(device.len_bytes());
            while offset < end {
                let len = usize::try_from(end - offset).unwrap_or(usize::MAX).min(zeros.len());
                device.write_at(offset, &zeros[..len]).ok()?;
                offset = offset.saturating_add(len as u64);
            }
        }
        device.flush().ok()
    };
    // There is nobody to tell, and the file goes in any case.
    let _ = overwrite();
    let _ = std::fs::remove_file(path);
}

fn locked(written: &Written) -> MutexGuard<'_, State> {
    written.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use std::fs;

    fn template(folder: &Path) -> Template {
        let path = folder.join("template");
        let bytes: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8 + 1).collect();
        fs::write(&path, bytes).unwrap();
        Template::open(&path, |_, _| {}).unwrap()
    }

    /// The part under a second name, which keeps its bytes readable after it is removed.
    fn witness(path: &Path) -> PathBuf {
        let other = path.with_extension("witness");
        fs::hard_link(path, &other).unwrap();
        other
    }

    #[test]
    fn a_finished_image_has_its_digest_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let template = template(folder.path());
        let part = Part::copy_of(&template, &folder.path().join("a.part")).unwrap();
        part.device().unwrap().write_at(200_000, b"key").unwrap();
        let digest = part.digest(&template).unwrap();
        part.sync().unwrap();
        let name = folder.path().join("image");
        part.persist(&name).unwrap();
        let bytes = fs::read(&name).unwrap();
        assert_eq!(Sha256::digest(&bytes)[..], digest);
        assert_eq!(&bytes[200_000..200_003], b"key");
        assert!(!folder.path().join("a.part").exists());
    }

    #[test]
    fn nothing_is_left_of_a_key_in_an_image_that_nobody_finished() {
        let folder = tempfile::tempdir().unwrap();
        let template = template(folder.path());
        let path = folder.path().join("a.part");
        let part = Part::copy_of(&template, &path).unwrap();
        part.device().unwrap().write_at(200_000, b"-----BEGIN PRIVATE KEY-----").unwrap();
        let witness = witness(&path);
        drop(part);
        assert!(!path.exists());
        assert!(fs::read(witness).unwrap()[200_000..200_027].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn nothing_is_written_into_an_image_that_was_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let template = template(folder.path());
        let path = folder.path().join("a.part");
        let part = Part::copy_of(&template, &path).unwrap();
        let mut device = part.device().unwrap();
        let witness = witness(&path);
        // As a signal does while another thread is at work.
        remove(&path, &mut locked(&part.written));
        assert!(device.write_at(200_000, b"-----BEGIN PRIVATE KEY-----").is_err());
        assert_eq!(fs::read(witness).unwrap(), fs::read(template.path()).unwrap());
    }

    #[test]
    fn a_key_of_its_own_stays_only_under_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.part");
        let part = Part::of(b"secret", &path).unwrap();
        let name = folder.path().join("key");
        part.persist(&name).unwrap();
        assert_eq!(fs::read(&name).unwrap(), b"secret");
        let part = Part::of(b"secret", &path).unwrap();
        let witness = witness(&path);
        drop(part);
        assert_eq!(fs::read(witness).unwrap(), [0; 6]);
        assert!(!path.exists());
    }

    #[test]
    fn nothing_is_left_of_what_a_killed_process_left() {
        let folder = tempfile::tempdir().unwrap();
        let template = template(folder.path());
        for len in [300_000, 250_000, 310_000] {
            let path = folder.path().join("b.part");
            fs::copy(template.path(), &path).unwrap();
            let file = File::options().read(true).write(true).open(&path).unwrap();
            file.set_len(len).unwrap();
            FileDevice::new(file).unwrap().write_at(len - 20, b"secret").unwrap();
            let witness = witness(&path);
            shred_left_over(&path, &template).unwrap();
            assert!(!path.exists());
            let bytes = fs::read(&witness).unwrap();
            fs::remove_file(witness).unwrap();
            assert!(!bytes.windows(6).any(|six| six == b"secret"), "{len}");
            // What is the template's is no secret.
            assert_eq!(bytes[..1000], fs::read(template.path()).unwrap()[..1000]);
        }
    }
}
