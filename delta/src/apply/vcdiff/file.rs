//! The applier of VCDIFF over files.

use super::memory::Need;
use super::{Applier, Base, Known, Target};
use crate::apply::file::{ApplyOptions, FileBase, WriteTarget};
use crate::error::{CallerError, Error};
use crate::progress::Phase;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::sync::atomic::Ordering;

/// What applying gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Bytes of the target.
    pub target_size: u64,
    /// SHA-256 of the target.
    pub target_sha256: [u8; 32],
    /// Memory that the delta took.
    pub need: Need,
}

/// Applies `delta` to `base`, of which `base_size` bytes may be read; `target` gets the new image front to back.
///
/// The memory that the options allow is taken at once, and touched as far as the delta needs it.
///
/// # Errors
/// As [`Applier::push`] and [`Applier::finish`]; `Io` when reading fails; `Cancelled`.
pub fn apply_stream(
    delta: &mut dyn Read,
    base: &mut dyn Base,
    base_size: u64,
    target: &mut dyn Target,
    options: &ApplyOptions<'_>,
) -> Result<Applied, Error> {
    let limit = usize::try_from(options.memory_limit).unwrap_or(usize::MAX).min(isize::MAX as usize);
    let mut arena = vec![0; limit];
    let known = Known { base_size, target_size: None, histories: [u64::MAX; 3] };
    let mut applier = Applier::new(known, &mut arena)?;
    let mut target = Watched { target, options, written: 0, digest: Sha256::new(), cancelled: false };
    let mut piece = vec![0; 1 << 16];
    loop {
        let len = match delta.read(&mut piece) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(source) => {
                return Err(Error::Io { action: "read the delta", path: "input".into(), source });
            }
        };
        match applier.push(&piece[..len], base, &mut target) {
            Err(_) if target.cancelled => return Err(Error::Cancelled),
            pushed => pushed?,
        }
    }
    applier.finish()?;
    let (target_size, need) = (applier.written(), applier.needed());
    Ok(Applied { target_size, target_sha256: target.digest.finalize().into(), need })
}

/// A target that is hashed, tells how far it is, and can be cancelled.
struct Watched<'t> {
    target: &'t mut dyn Target,
    options: &'t ApplyOptions<'t>,
    written: u64,
    digest: Sha256,
    cancelled: bool,
}

impl Target for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        self.cancelled = self.options.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed));
        if self.cancelled {
            return Err(CallerError { action: "cancelled", code: 0 });
        }
        self.target.write(bytes)?;
        self.digest.update(bytes);
        self.written += bytes.len() as u64;
        if let Some(progress) = self.options.progress {
            // How long the target will be is not told beforehand.
            progress(Phase::Apply, self.written, 0);
        }
        Ok(())
    }
}

/// Applies the delta in `delta` to the image `base` and writes the new image to `output`, which the caller puts in
/// place when this returns without error. A base that is another one shows by a window whose check value is wrong.
///
/// # Errors
/// As [`apply_stream`]; `Io` when the base cannot be opened.
pub fn apply_files(
    base: &Path,
    delta: &mut dyn Read,
    output: &mut dyn Write,
    options: &ApplyOptions<'_>,
) -> Result<Applied, Error> {
    let failed = |action| move |source| Error::Io { action, path: base.into(), source };
    let mut file = FileBase::new(File::open(base).map_err(failed("open"))?);
    let base_size = file.size().map_err(failed("find the size"))?;
    apply_stream(delta, &mut file, base_size, &mut WriteTarget(output), options)
}
