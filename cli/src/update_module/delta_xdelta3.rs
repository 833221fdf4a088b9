//! Deltas of the xdelta3 algorithm (VCDIFF), as Mender's own Update Module applies them.
//!
//! The format names neither base nor target nor its need of memory. The first two are in what the Artifact depends on
//! and provides; the last follows from the first window, since xdelta3 makes all windows alike.

use mender_delta::apply::vcdiff::memory::Need;
use mender_delta::apply::vcdiff::{Applier, Known};
use mender_delta::apply::{CallerError, Target};
use mender_delta::error::Error as DeltaError;
use mender_delta::format::vcdiff::header::{FileHeader, Secondary, WindowHeader};
use sha2::{Digest as _, Sha256};

use super::base_image::BaseImage;
use super::block_io::ReadBlocks;
use super::delta_apply::{Conditions, Image};
use super::delta_stream::DeltaStream;
use super::error::{Error, PayloadProblem};
use super::image_digest;
use super::repaired_base::{RepairedBase, Wanted};

/// xdelta3 puts two file names and two words there.
const APPLICATION_HEADER_LIMIT_BYTES: u64 = 32 << 10;
/// What instructions and addresses may add to a window of new bytes alone.
const WINDOW_SLACK_BYTES: u64 = 256 << 10;
/// What is kept of the base where there is memory for it: xdelta3 copies small pieces from far apart.
const BASE_CACHE_BYTES: usize = 8 << 20;
/// History of the packed data, instructions and addresses: 256 KiB each for xdelta3, this for our own deltas.
const HISTORY_BYTES: [u64; 3] = [4 << 20, 1 << 20, 1 << 20];

/// As `delta_apply::apply`.
///
/// # Errors
///
/// As there.
pub(crate) fn apply(
    conditions: &Conditions,
    mut delta: DeltaStream<'_>,
    base: &mut BaseImage<RepairedBase<impl ReadBlocks>>,
    target: &mut dyn Target,
) -> Result<Image, Error> {
    let headers = &conditions.headers;
    let size = headers.rootfs_file_size;
    let expected =
        headers.target_sha256.ok_or(Error::Payload(PayloadProblem::NoChecksum { list: "provides" }))?;
    if headers.base_sha256.is_empty() {
        return Err(Error::Payload(PayloadProblem::NoChecksum { list: "depends on" }));
    }
    let need = need(&mut delta, size)?;
    let mut arena = conditions.budget.take(need.memory())?;
    let memory_bytes = conditions.budget.available_besides(need.memory());
    let wanted = Wanted { sha256: &headers.base_sha256, memory_bytes };
    let base_size = base.medium.settle(wanted, |medium| {
        let (expected, partition) = (headers.base_sha256[0], medium.size_bytes());
        let none = || Error::Payload(PayloadProblem::NoBase { expected, partition });
        image_digest::find_image(medium, &headers.base_sha256, size)?.ok_or_else(none)
    })?;
    let left = usize::try_from(conditions.budget.left(need.memory() + base.medium.kept_bytes()))
        .unwrap_or(usize::MAX);
    base.keep(left.min(BASE_CACHE_BYTES));
    let known = Known { base_size, target_size: Some(size), histories: [u64::MAX; 3] };
    let mut applier = Applier::new(known, &mut arena)?;
    let mut target = Hashed { target, digest: Sha256::new() };
    delta.for_each(0, |bytes| Ok(applier.push(bytes, base, &mut target)?))?;
    applier.finish()?;
    let found: [u8; 32] = target.digest.finalize().into();
    if found != expected {
        return Err(DeltaError::TargetDigest { expected, found }.into());
    }
    Ok(Image { bytes: size, sha256: found })
}

/// What the delta may take, from its first window.
fn need(delta: &mut DeltaStream<'_>, target_size: u64) -> Result<Need, Error> {
    let file = header(delta, 0, FileHeader::MAX_LEN, FileHeader::parse)?;
    let wanted = file.application_header_len;
    if wanted > APPLICATION_HEADER_LIMIT_BYTES {
        let (what, limit) = ("application header of the delta", APPLICATION_HEADER_LIMIT_BYTES);
        return Err(DeltaError::Limit { what, wanted, limit }.into());
    }
    let secondary = file.secondary;
    let mut need = Need { window: 0, histories: [0; 3], secondary };
    if target_size == 0 {
        return Ok(need);
    }
    // At most the limit, which fits.
    let at = file.len + usize::try_from(wanted).unwrap_or(0);
    let window =
        header(delta, at, WindowHeader::MAX_LEN, |bytes| WindowHeader::parse(bytes, secondary, at as u64))?;
    let whole = |sections: u64| window.target_len.saturating_add(sections);
    need.window = whole(window.body_len().max(whole(WINDOW_SLACK_BYTES)));
    if secondary == Some(Secondary::Lzma) {
        need.histories = HISTORY_BYTES.map(|history| history.min(target_size));
    }
    Ok(need)
}

/// The header that begins `at` bytes behind the start.
fn header<T>(
    delta: &mut DeltaStream<'_>,
    at: usize,
    most: usize,
    parse: impl Fn(&[u8]) -> Result<Option<T>, DeltaError>,
) -> Result<T, Error> {
    for end in at + 1..=at + most {
        if let Some(header) = parse(&delta.begin(end)?[at..end])? {
            return Ok(header);
        }
    }
    // `most` is what the longest header takes.
    Err(DeltaError::Truncated { offset: (at + most) as u64 }.into())
}

/// A target whose bytes are hashed on their way.
struct Hashed<'t> {
    target: &'t mut dyn Target,
    digest: Sha256,
}

impl Target for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        self.digest.update(bytes);
        self.target.write(bytes)
    }
}
