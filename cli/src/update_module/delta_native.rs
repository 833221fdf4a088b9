//! Deltas in the native format (docs/delta-format.md), which name their base, their target and their need of memory.

use mender_delta::apply::{Applier, Header, Status, Target};
use mender_delta::error::Error as DeltaError;

use super::base_image::BaseImage;
use super::block_io::ReadBlocks;
use super::delta_apply::{Conditions, Image};
use super::delta_stream::DeltaStream;
use super::error::{Error, PayloadProblem};
use super::image_digest;
use super::repaired_base::{RepairedBase, Wanted};

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
    let header = Header::parse(&delta.begin(Header::LEN)?[..Header::LEN])?;
    check_headers(conditions, &header)?;
    let mut arena = conditions.budget.take(header.memory_needed())?;
    let memory_bytes = conditions.budget.available_besides(header.memory_needed());
    let wanted = Wanted { sha256: &[header.base_sha256], memory_bytes };
    base.medium.settle(wanted, |medium| check_base(&header, medium))?;
    let mut applier = Applier::new(&header, &mut arena)?;
    delta.for_each(Header::LEN, |bytes| {
        // `Done` is not the end: bytes after it are an error of the next push.
        let _status: Status = applier.push(bytes, base, target)?;
        Ok(())
    })?;
    applier.finish()?;
    Ok(Image { bytes: header.target_size, sha256: header.target_sha256 })
}

/// The Artifact must promise what the delta does.
fn check_headers(conditions: &Conditions, header: &Header) -> Result<(), Error> {
    let headers = &conditions.headers;
    let announced = headers.rootfs_file_size;
    if header.target_size != announced {
        return Err(Error::Payload(PayloadProblem::TargetSize { announced, found: header.target_size }));
    }
    let differs =
        |what, artifact, delta| Err(Error::Payload(PayloadProblem::Checksum { what, artifact, delta }));
    if let Some(provided) = headers.target_sha256.filter(|&provided| provided != header.target_sha256) {
        return differs("provides", provided, header.target_sha256);
    }
    match headers.base_sha256.first() {
        Some(&first) if !headers.base_sha256.contains(&header.base_sha256) => {
            differs("depends on", first, header.base_sha256)
        }
        _ => Ok(()),
    }
}

/// The length of the base, if this is it.
fn check_base(header: &Header, base: &dyn ReadBlocks) -> Result<u64, Error> {
    if header.base_size > base.size_bytes() {
        return Err(DeltaError::BaseSize { expected: header.base_size, found: base.size_bytes() }.into());
    }
    let found = image_digest::sha256(base, header.base_size)?;
    if found != header.base_sha256 {
        return Err(DeltaError::BaseDigest { expected: header.base_sha256, found }.into());
    }
    Ok(header.base_size)
}
