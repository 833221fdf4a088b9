//! From a delta and the base to the image, in whichever format the delta's first bytes show.

use mender_delta::apply::Target;
use mender_delta::format::vcdiff::header::MAGIC;

use super::base_image::BaseImage;
use super::block_io::ReadBlocks;
use super::delta_stream::DeltaStream;
use super::error::{Error, PayloadProblem};
use super::memory::Budget;
use super::meta_data::DeltaMetaData;
use super::repaired_base::RepairedBase;
use super::{delta_native, delta_xdelta3};

/// What must hold before the first byte is written.
pub(crate) struct Conditions {
    /// From the Artifact's headers.
    pub(crate) headers: DeltaMetaData,
    pub(crate) budget: Budget,
    /// Bytes that the inactive partition has room for.
    pub(crate) partition_bytes: u64,
}

/// An image that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) bytes: u64,
    pub(crate) sha256: [u8; 32],
}

/// Reads the whole delta and gives the image to `target`.
///
/// # Errors
///
/// Everything that can be known beforehand — sizes, memory, a base that is not the right one — comes before the first
/// write. A damaged or short delta and failing writes come while writing.
pub(crate) fn apply(
    conditions: &Conditions,
    mut delta: DeltaStream<'_>,
    base: &mut BaseImage<RepairedBase<impl ReadBlocks>>,
    target: &mut dyn Target,
) -> Result<Image, Error> {
    let (image, partition) = (conditions.headers.rootfs_file_size, conditions.partition_bytes);
    // The fourth byte is the version, which is for the reader of the header to refuse.
    let is_vcdiff = delta.begin(MAGIC.len())?.starts_with(&MAGIC[..3]);
    if image > partition {
        return Err(Error::Payload(PayloadProblem::NoSpace { image, partition }));
    }
    if is_vcdiff {
        delta_xdelta3::apply(conditions, delta, base, target)
    } else {
        delta_native::apply(conditions, delta, base, target)
    }
}
