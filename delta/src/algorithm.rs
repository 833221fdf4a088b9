//! The formats of deltas behind one front: which one to make, which one is there.

use crate::apply::file::ApplyOptions;
use crate::apply::vcdiff::inspect::VcdiffInfo;
use crate::apply::{bsdiff, file, vcdiff};
use crate::error::Error;
use crate::format::bsdiff::header as bsdiff_header;
use crate::format::vcdiff::header as vcdiff_header;
use crate::format::vcdiff::writer::VcdiffOptions;
use crate::generate::Composition;
use crate::inspect::DeltaInfo;
use crate::options::GenerateOptions;
use crate::reading::Reading;
use std::fs::File;
use std::io::{Cursor, Read, Seek, Write};
use std::path::Path;

/// How a delta is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm<'a> {
    /// The native format, which this project's Update Module applies: by far the smallest.
    #[default]
    Native,
    /// VCDIFF, which xdelta3 and Mender's own Update Module apply.
    Xdelta3(VcdiffOptions<'a>),
    /// BSDIFF40, which bspatch applies; it takes both images in memory for it.
    Bsdiff,
}

/// What making a delta gave, in any format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Bytes of the delta.
    pub delta_len: u64,
    /// Bytes of the target.
    pub target_size: u64,
    /// Memory that applying takes: of this project's applier, for BSDIFF40 that of bspatch.
    pub memory: u64,
    /// Where the target comes from.
    pub composition: Composition,
    /// Whether both images' file systems could be read.
    pub file_systems_read: bool,
}

/// Writes a delta that turns `old` into `new` to `out`, which is empty, applies it, and compares.
///
/// # Errors
/// As [`crate::generate::generate`], and `Usage` for options that cannot be.
pub fn generate(
    old: &[u8],
    new: &[u8],
    options: &GenerateOptions<'_>,
    algorithm: &Algorithm<'_>,
    out: &mut (impl Read + Write + Seek + Send),
) -> Result<Made, Error> {
    let target_size = new.len() as u64;
    // The native format has the digests of both images, and looks after them itself.
    let is_native = matches!(algorithm, Algorithm::Native);
    let before = (!is_native).then(|| digests(old, new, options)).transpose()?;
    let made = match algorithm {
        Algorithm::Native => {
            let made = crate::generate::generate(old, new, options, out)?;
            Made {
                delta_len: made.delta_len,
                target_size,
                memory: made.header.memory,
                composition: made.composition,
                file_systems_read: made.file_systems_read,
            }
        }
        Algorithm::Xdelta3(vcdiff) => {
            let made = crate::format::vcdiff::generate::generate(old, new, options, vcdiff, out)?;
            Made {
                delta_len: made.info.delta_len,
                target_size,
                memory: made.info.need.memory(),
                composition: made.composition,
                file_systems_read: made.file_systems_read,
            }
        }
        Algorithm::Bsdiff => {
            let made = crate::format::bsdiff::generate::generate(old, new, options, out)?;
            Made {
                delta_len: made.delta_len,
                target_size,
                memory: old.len() as u64 + target_size,
                composition: made.composition,
                file_systems_read: made.file_systems_read,
            }
        }
    };
    if let Some(before) = before {
        let after = digests(old, new, options)?;
        let changed = ["old image", "new image"].into_iter().enumerate();
        if let Some((_, image)) = changed.into_iter().find(|&(i, _)| before[i] != after[i]) {
            return Err(Error::Changed { image });
        }
    }
    Ok(made)
}

/// SHA-256 of both images.
fn digests(old: &[u8], new: &[u8], options: &GenerateOptions<'_>) -> Result<[[u8; 32]; 2], Error> {
    let reading = Reading::of(options);
    let (old, new) = rayon::join(|| reading.sha256(old), || reading.sha256(new));
    Ok([old?, new?])
}

/// What an applied delta gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Bytes of the base that were found to be the right ones; none where the format has no digest of it.
    pub checked_base: Option<u64>,
    /// Bytes of the target.
    pub target_size: u64,
    /// SHA-256 of the target.
    pub target_sha256: [u8; 32],
}

/// What a delta says of itself, by its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Info {
    /// The native format.
    Native(DeltaInfo),
    /// VCDIFF.
    Vcdiff(VcdiffInfo),
    /// BSDIFF40: its header, and its length.
    Bsdiff(bsdiff_header::Header, u64),
}

/// Formats that are not the native one.
enum Foreign {
    Vcdiff,
    Bsdiff,
}

/// Bytes that tell the format.
const BEGIN: u64 = 8;

fn reading(source: std::io::Error) -> Error {
    Error::Io { action: "read the delta", path: "input".into(), source }
}

/// What the delta is if it is not native, and its bytes again from the first one on.
fn recognised(delta: &mut dyn Read) -> Result<(Option<Foreign>, impl Read), Error> {
    let mut begin = Vec::new();
    delta.take(BEGIN).read_to_end(&mut begin).map_err(reading)?;
    let format = if begin.starts_with(&vcdiff_header::MAGIC[..3]) {
        Some(Foreign::Vcdiff)
    } else if begin == bsdiff_header::MAGIC {
        Some(Foreign::Bsdiff)
    } else {
        None
    };
    Ok((format, Cursor::new(begin).chain(delta)))
}

/// The bytes in a file without a name, where they can be read at any place.
fn seekable(delta: &mut dyn Read) -> Result<File, Error> {
    let failed = |source| Error::Io { action: "use the spool file", path: "temporary file".into(), source };
    let mut file = tempfile::tempfile().map_err(failed)?;
    std::io::copy(delta, &mut file).map_err(failed)?;
    file.rewind().map_err(failed)?;
    Ok(file)
}

/// Applies the delta in `delta`, of any format, to the image `base` and writes the new image to `output`, which the
/// caller puts in place when this returns without error.
///
/// # Errors
/// Those of the format's applier.
pub fn apply_files(
    base: &Path,
    delta: &mut dyn Read,
    output: &mut dyn Write,
    options: &ApplyOptions<'_>,
) -> Result<Applied, Error> {
    let (foreign, mut delta) = recognised(delta)?;
    let (checked_base, target_size, target_sha256) = match foreign {
        None => {
            let header = file::apply_files(base, &mut delta, output, options)?;
            (Some(header.base_size), header.target_size, header.target_sha256)
        }
        Some(Foreign::Vcdiff) => {
            let applied = vcdiff::file::apply_files(base, &mut delta, output, options)?;
            (None, applied.target_size, applied.target_sha256)
        }
        Some(Foreign::Bsdiff) => {
            let applied = bsdiff::apply_files(base, &mut seekable(&mut delta)?, output, options)?;
            (None, applied.header.target_size, applied.target_sha256)
        }
    };
    Ok(Applied { checked_base, target_size, target_sha256 })
}

/// Reads a delta of any format to its end and checks its structure, not its operations.
///
/// # Errors
/// Those of the format.
pub fn inspect(delta: &mut dyn Read) -> Result<Info, Error> {
    let (foreign, mut delta) = recognised(delta)?;
    Ok(match foreign {
        None => Info::Native(crate::inspect::inspect(&mut delta)?),
        Some(Foreign::Vcdiff) => Info::Vcdiff(vcdiff::inspect::inspect(&mut delta)?),
        Some(Foreign::Bsdiff) => {
            let mut file = seekable(&mut delta)?;
            let header = bsdiff::read_header(&mut file)?;
            Info::Bsdiff(header, file.seek(std::io::SeekFrom::End(0)).map_err(reading)?)
        }
    })
}
