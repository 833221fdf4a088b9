//! Makes a VCDIFF delta of two images, and proves it.

use super::writer::{VcdiffOptions, write};
use crate::apply::file::WriteTarget;
use crate::apply::vcdiff::inspect::{VcdiffInfo, inspect};
use crate::apply::vcdiff::{Applier, Known};
use crate::error::Error;
use crate::generate::{Composition, in_pool, operations};
use crate::options::GenerateOptions;
use crate::progress::Phase;
use sha2::{Digest, Sha256};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};

/// What making a VCDIFF delta gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VcdiffReport {
    /// What the delta says of itself.
    pub info: VcdiffInfo,
    /// Where the target comes from, before resembling stretches are cut.
    pub composition: Composition,
    /// Whether both images' file systems could be read.
    pub file_systems_read: bool,
}

/// Writes a VCDIFF delta that turns `old` into `new` to `out`, applies it in the memory that it needs, and compares.
/// `options.layout` is of no matter.
///
/// # Errors
/// As [`crate::generate::generate`], and `Usage` for options that cannot be.
pub fn generate(
    old: &[u8],
    new: &[u8],
    options: &GenerateOptions<'_>,
    vcdiff: &VcdiffOptions<'_>,
    out: &mut (impl Read + Write + Seek + Send),
) -> Result<VcdiffReport, Error> {
    in_pool(options, || {
        let start = out.stream_position().map_err(output)?;
        let found = operations(old, new, options)?;
        let tick = |done| options.tick(Phase::Pack, done, new.len() as u64);
        let mut buffered = BufWriter::with_capacity(1 << 18, &mut *out);
        let len = write(found.ops, old, new, vcdiff, &mut buffered, &tick)?;
        buffered.flush().map_err(output)?;
        drop(buffered);
        out.seek(SeekFrom::Start(start)).map_err(output)?;
        let info = inspect(&mut (&mut *out).take(len))?;
        out.seek(SeekFrom::Start(start)).map_err(output)?;
        prove(old, new.len() as u64, found.sha256[1], &info, &mut (&mut *out).take(len), options)?;
        Ok(VcdiffReport { info, composition: found.composition, file_systems_read: found.file_systems_read })
    })
}

fn output(source: std::io::Error) -> Error {
    Error::Io { action: "use the delta", path: "output".into(), source }
}

/// Applies the delta in the memory that it says, and compares digests.
fn prove(
    mut old: &[u8],
    target_len: u64,
    expected: [u8; 32],
    info: &VcdiffInfo,
    delta: &mut dyn Read,
    options: &GenerateOptions<'_>,
) -> Result<(), Error> {
    let wanted = info.need.memory();
    let memory = usize::try_from(wanted).map_err(|_| Error::Limit {
        what: "memory to apply",
        wanted,
        limit: usize::MAX as u64,
    })?;
    let mut arena = vec![0; memory];
    let base_size = old.len() as u64;
    let known = Known { base_size, target_size: Some(target_len), histories: info.need.histories };
    let mut applier = Applier::new(known, &mut arena)?;
    let mut digest = WriteTarget(Sha256::new());
    let mut piece = vec![0; 1 << 18];
    loop {
        let len = match delta.read(&mut piece) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(output(error)),
        };
        applier.push(&piece[..len], &mut old, &mut digest)?;
        options.tick(Phase::Prove, applier.written(), target_len)?;
    }
    applier.finish()?;
    let found: [u8; 32] = digest.0.finalize().into();
    if found != expected {
        return Err(Error::TargetDigest { expected, found });
    }
    Ok(())
}
