//! From the client's stream to the inactive partition, through the native applier.

use std::io::Read as _;

use mender_delta::apply::{Applier, Header, Status};
use mender_delta::error::Error as DeltaError;

use super::error::{Error, PayloadProblem};
use super::inactive_linux::InactivePartition;
use super::medium_linux::Medium;
use super::meta_data::DeltaMetaData;
use super::stream_next::Stream;

/// How much of the delta is read at once: what a pipe holds.
const READ_BYTES: usize = 64 << 10;

/// What must hold before the first byte is written.
pub(crate) struct Conditions {
    /// From the Artifact's headers.
    pub(crate) meta_data: DeltaMetaData,
    /// The most memory that a delta may ask for.
    pub(crate) memory_limit_bytes: u64,
}

/// Reads the whole stream and writes the image. What is written is on its way to the medium, not checked there yet.
///
/// # Errors
///
/// Everything that can be known beforehand — sizes, memory, a base that is not the right one — comes before the first
/// write. A damaged or short delta and failing writes come while writing.
pub(crate) fn apply(
    conditions: &Conditions,
    stream: &mut Stream,
    base: &mut Medium,
    target: &mut InactivePartition,
) -> Result<Header, Error> {
    let header = read_header(stream)?;
    check(conditions, &header, base, target)?;
    let mut arena = arena(header.memory_needed())?;
    let mut applier = Applier::new(&header, &mut arena)?;
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = read(stream, &mut buffer)?;
        if count == 0 {
            break;
        }
        // `Done` is not the end: bytes after it are an error of the next push.
        let _status: Status = applier.push(&buffer[..count], base, target)?;
    }
    applier.finish()?;
    match stream.announced {
        Some(announced) if announced != stream.taken => {
            Err(Error::Payload(PayloadProblem::StreamSize { announced, found: stream.taken }))
        }
        _ => Ok(header),
    }
}

/// Memory for the applier; to have too little is no reason to abort.
fn arena(wanted: u64) -> Result<Vec<u8>, Error> {
    let no_memory = || Error::Payload(PayloadProblem::NoMemory { wanted });
    let length = usize::try_from(wanted).map_err(|_| no_memory())?;
    let mut arena = Vec::new();
    arena.try_reserve_exact(length).map_err(|_| no_memory())?;
    arena.resize(length, 0);
    Ok(arena)
}

fn read_header(stream: &mut Stream) -> Result<Header, Error> {
    let mut bytes = [0; Header::LEN];
    let mut filled = 0;
    while filled < bytes.len() {
        match read(stream, &mut bytes[filled..])? {
            0 => return Err(DeltaError::Truncated { offset: filled as u64 }.into()),
            count => filled += count,
        }
    }
    Ok(Header::parse(&bytes)?)
}

fn read(stream: &mut Stream, buffer: &mut [u8]) -> Result<usize, Error> {
    stream.read(buffer).map_err(|error| Error::io("read", stream.path(), error))
}

/// Everything that can be known before the first write.
fn check(
    conditions: &Conditions,
    header: &Header,
    base: &Medium,
    target: &InactivePartition,
) -> Result<(), Error> {
    let announced = conditions.meta_data.rootfs_file_size;
    if header.target_size != announced {
        return Err(Error::Payload(PayloadProblem::TargetSize { announced, found: header.target_size }));
    }
    if header.target_size > target.size_bytes() {
        let (image, partition) = (header.target_size, target.size_bytes());
        return Err(Error::Payload(PayloadProblem::NoSpace { image, partition }));
    }
    if header.memory_needed() > conditions.memory_limit_bytes {
        return Err(memory_limit(conditions, header));
    }
    if header.base_size > base.size_bytes() {
        return Err(DeltaError::BaseSize { expected: header.base_size, found: base.size_bytes() }.into());
    }
    let found = base.sha256(header.base_size)?;
    if found != header.base_sha256 {
        return Err(DeltaError::BaseDigest { expected: header.base_sha256, found }.into());
    }
    Ok(())
}

fn memory_limit(conditions: &Conditions, header: &Header) -> Error {
    let (wanted, limit) = (header.memory_needed(), conditions.memory_limit_bytes);
    DeltaError::Limit { what: "memory to apply the delta", wanted, limit }.into()
}
