//! The image that those of all devices are copies of, and digests of copies that differ from it in a few places.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use mender_image::block_device::{BlockDevice, FileDevice};
use mender_image::error::Error;
use sha2::{Digest, Sha256};
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes that are hashed at once.
const CHUNK_LEN_BYTES: usize = 1 << 20;
/// Most states of the digest that are kept, of some hundred bytes each.
const STATES_MAX: u64 = 4096;

/// The image that is copied. It must not change while it is used.
pub(crate) struct Template {
    path: PathBuf,
    file: File,
    changed: Option<SystemTime>,
    pub(crate) len_bytes: u64,
    /// SHA-256 of all of it.
    pub(crate) sha256: [u8; 32],
    /// States of the digest: the one at `i` has seen `i * step_len_bytes` bytes.
    states: Vec<Sha256>,
    step_len_bytes: u64,
}

impl Template {
    /// Opens and reads it. `tell` hears how many bytes have been read, and how many there are.
    ///
    /// # Errors
    /// When it cannot be read, is empty, or no regular file.
    pub(crate) fn open(path: &Path, tell: impl Fn(u64, u64)) -> Result<Self, Failure> {
        let failed = |error: &std::io::Error| Failure::io(path, ExitStatus::OpenInput, error);
        let file = File::open(path).map_err(|error| failed(&error))?;
        let about = file.metadata().map_err(|error| failed(&error))?;
        if !about.is_file() || about.len() == 0 {
            return Err(Failure::about(
                path,
                ExitStatus::OpenInput,
                "expected a file with an image, found none",
            ));
        }
        let len_bytes = about.len();
        let step_len_bytes = step_len_bytes(len_bytes);
        let device = device(&file).map_err(|error| image_failure(path, &error))?;
        let (mut states, mut digest) = (Vec::new(), Sha256::new());
        let mut offset = 0;
        while offset < len_bytes {
            states.push(digest.clone());
            let end = offset.saturating_add(step_len_bytes).min(len_bytes);
            hash(&device, offset..end, &mut digest).map_err(|error| image_failure(path, &error))?;
            offset = end;
            tell(offset, len_bytes);
        }
        let changed = changed(&about);
        let sha256 = digest.finalize().into();
        Ok(Self { path: path.to_path_buf(), file, changed, len_bytes, sha256, states, step_len_bytes })
    }

    /// The file, to be copied from.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Where it is, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A device of its own to read it.
    pub(crate) fn device(&self) -> Result<FileDevice, Failure> {
        device(&self.file).map_err(|error| image_failure(&self.path, &error))
    }

    /// SHA-256 of a copy that is like the template before `first_changed`; what stands there is not read again.
    pub(crate) fn digest_of_copy(
        &self,
        copy: &dyn BlockDevice,
        first_changed: u64,
    ) -> Result<[u8; 32], Error> {
        let last = self.states.len().saturating_sub(1);
        let step = usize::try_from(first_changed / self.step_len_bytes).unwrap_or(usize::MAX).min(last);
        let mut digest = self.states.get(step).cloned().unwrap_or_default();
        let begin = (step as u64).saturating_mul(self.step_len_bytes).min(copy.len_bytes());
        hash(copy, begin..copy.len_bytes(), &mut digest)?;
        Ok(digest.finalize().into())
    }

    /// Whether it is still what it was when it was opened, as far as length and time tell.
    ///
    /// # Errors
    /// When it has changed: copies of it may be half of one and half of the other.
    pub(crate) fn check_unchanged(&self) -> Result<(), Failure> {
        let about = self.file.metadata();
        let about = about.map_err(|error| Failure::io(&self.path, ExitStatus::System, &error))?;
        if about.len() == self.len_bytes && changed(&about) == self.changed {
            return Ok(());
        }
        let message = "expected a template that stays as it is, found it changed meanwhile";
        Err(Failure::about(&self.path, ExitStatus::System, message))
    }
}

/// What went wrong with an image.
pub(super) fn image_failure(path: &Path, error: &Error) -> Failure {
    let failure = Failure::image(path, error);
    match error {
        Error::Io(error) if error.writing => failure.with_status(ExitStatus::Output),
        _ => failure,
    }
}

fn changed(about: &Metadata) -> Option<SystemTime> {
    about.modified().ok()
}

fn device(file: &File) -> Result<FileDevice, Error> {
    FileDevice::new(file.try_clone().map_err(Error::Content)?)
}

/// Whole blocks of the digest, and not more than [`STATES_MAX`] of them.
fn step_len_bytes(len_bytes: u64) -> u64 {
    let chunk = CHUNK_LEN_BYTES as u64;
    len_bytes.div_ceil(STATES_MAX).div_ceil(chunk).max(1).saturating_mul(chunk)
}

fn hash(device: &dyn BlockDevice, range: std::ops::Range<u64>, digest: &mut Sha256) -> Result<(), Error> {
    let mut buffer = vec![0u8; CHUNK_LEN_BYTES];
    let mut offset = range.start;
    while offset < range.end {
        let len = usize::try_from(range.end - offset).unwrap_or(usize::MAX).min(buffer.len());
        device.read_at(offset, &mut buffer[..len])?;
        digest.update(&buffer[..len]);
        offset = offset.saturating_add(len as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_a_copy_is_the_digest_of_all_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("template");
        let mut bytes: Vec<u8> = (0..(5 << 20) + 77u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        std::fs::write(&path, &bytes).unwrap();
        let template = Template::open(&path, |_, _| {}).unwrap();
        assert_eq!(template.sha256[..], Sha256::digest(&bytes)[..]);
        assert_eq!(template.digest_of_copy(&&bytes[..], u64::MAX).unwrap(), template.sha256);
        for at in [0, 1, (1 << 20) - 1, 1 << 20, (3 << 20) + 5, bytes.len() - 1] {
            bytes[at] ^= 1;
            let digest = template.digest_of_copy(&&bytes[..], at as u64).unwrap();
            assert_eq!(digest[..], Sha256::digest(&bytes)[..], "{at}");
            bytes[at] ^= 1;
        }
    }

    #[test]
    fn few_states_are_kept_of_large_images() {
        assert_eq!(step_len_bytes(1), 1 << 20);
        assert_eq!(step_len_bytes(4096 << 20), 1 << 20);
        assert_eq!(step_len_bytes((4096 << 20) + 1), 2 << 20);
        assert!((8u64 << 40).div_ceil(step_len_bytes(8 << 40)) <= STATES_MAX);
    }

    #[test]
    fn a_template_that_changes_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("template");
        std::fs::write(&path, [1u8; 100]).unwrap();
        let template = Template::open(&path, |_, _| {}).unwrap();
        template.check_unchanged().unwrap();
        std::fs::write(&path, [1u8; 99]).unwrap();
        assert!(template.check_unchanged().is_err());
        assert!(Template::open(folder.path(), |_, _| {}).is_err());
        std::fs::write(&path, []).unwrap();
        assert!(Template::open(&path, |_, _| {}).is_err());
    }
}
