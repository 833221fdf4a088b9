//! Makes a BSDIFF40 patch of two images, and proves it.

use super::header::Header;
use super::writer::write;
use crate::apply::bsdiff::apply_stream;
use crate::apply::file::{ApplyOptions, WriteTarget};
use crate::error::Error;
use crate::generate::{Composition, in_pool, operations};
use crate::options::GenerateOptions;
use crate::progress::Phase;
use std::io::{Read, Seek, SeekFrom, Write};

/// What making a patch gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BsdiffReport {
    /// The patch's header.
    pub header: Header,
    /// Bytes of the patch.
    pub delta_len: u64,
    /// Where the target comes from.
    pub composition: Composition,
    /// Whether both images' file systems could be read.
    pub file_systems_read: bool,
}

/// Writes a BSDIFF40 patch that turns `old` into `new` to `out`, from its start on, applies it, and compares.
/// `options.layout` is of no matter.
///
/// # Errors
/// As [`crate::generate::generate`].
pub fn generate(
    old: &[u8],
    new: &[u8],
    options: &GenerateOptions<'_>,
    out: &mut (impl Read + Write + Seek + Send),
) -> Result<BsdiffReport, Error> {
    let output = |source| Error::Io { action: "use the delta", path: "output".into(), source };
    in_pool(options, || {
        let found = operations(old, new, options)?;
        let tick = |done| options.tick(Phase::Pack, done, new.len() as u64);
        out.seek(SeekFrom::Start(0)).map_err(output)?;
        let delta_len = write(&found.ops, old, new, out, &tick)?;
        let prove = |_, done, total| drop(options.tick(Phase::Prove, done, total));
        let applying =
            ApplyOptions { progress: Some(&prove), cancel: options.cancel, ..ApplyOptions::default() };
        let mut nowhere = WriteTarget(std::io::sink());
        let (mut base, base_size) = (old, old.len() as u64);
        let applied = apply_stream(out, &mut base, base_size, &mut nowhere, &applying)?;
        if applied.target_sha256 != found.sha256[1] {
            let (expected, found) = (found.sha256[1], applied.target_sha256);
            return Err(Error::TargetDigest { expected, found });
        }
        let (composition, file_systems_read) = (found.composition, found.file_systems_read);
        Ok(BsdiffReport { header: applied.header, delta_len, composition, file_systems_read })
    })
}
