//! `Download`: the delta comes in, and the inactive partition holds a verified image when it is over.

use std::fmt;
use std::path::{Path, PathBuf};

use mender_delta::error::Error as DeltaError;

use super::boot_env::BootEnv;
use super::boot_states;
use super::config::Config;
use super::delta_native::{self, Conditions};
use super::error::{Error, PayloadProblem};
use super::inactive_linux::InactivePartition;
use super::medium_linux::Medium;
use super::meta_data::DeltaMetaData;
use super::receipt;
use super::slots::Slots;
use super::stream_next::{Stream, StreamNext};
use super::sysroot::Sysroot;

/// What a download has done, for the client's log.
pub(crate) struct Installed {
    image_bytes: u64,
    delta_bytes: u64,
    partition: PathBuf,
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partition = self.partition.display();
        write!(
            f,
            "a delta of {} bytes gave an image of {} bytes, which {partition} holds",
            self.delta_bytes, self.image_bytes
        )
    }
}

/// A download that has failed.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Where the client still has to be brought to a place where it notices.
    pub(crate) unsettled: Option<Box<(StreamNext, Stream)>>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, unsettled: None }
    }
}

/// Installs the one payload file into the inactive partition. `with_size`: the client announces sizes.
///
/// # Errors
///
/// Any. The boot loader still starts the running system then, and the active partition was only read.
pub(crate) fn download(tree: &Path, sysroot: &Sysroot, with_size: bool) -> Result<Installed, Failure> {
    let stream_next = StreamNext::new(tree);
    // First of all, even before anything that fails: see `stream_next`.
    let answer = stream_next.first(with_size)?;

    let meta_data = DeltaMetaData::read(tree)?;
    let config = Config::load(sysroot)?;
    let slots = Slots::detect(&config, sysroot)?;
    boot_states::require_settled(&BootEnv::open()?, &slots)?;
    receipt::remove(tree)?;
    let mut base = Medium::open(&slots.active.path)?;
    let mut target = InactivePartition::open(&slots.inactive)?;

    let conditions = Conditions { meta_data, memory_limit_bytes: config.memory_limit_bytes };
    let mut stream = answer.open()?;
    let header = match delta_native::apply(&conditions, &mut stream, &mut base, &mut target) {
        Ok(header) => header,
        Err(error) => return Err(Failure { error, unsettled: Some(Box::new((stream_next, stream))) }),
    };
    let delta_bytes = stream.taken;
    drop(stream);
    stream_next.end()?;

    target.finish()?;
    let found = Medium::open(&slots.inactive.path)?.sha256(header.target_size)?;
    if found != header.target_sha256 {
        let error = DeltaError::TargetDigest { expected: header.target_sha256, found };
        return Err(
            Error::Payload(PayloadProblem::Medium { path: slots.inactive.path, source: error }).into()
        );
    }
    receipt::leave(tree, &slots.inactive)?;
    Ok(Installed { image_bytes: header.target_size, delta_bytes, partition: slots.inactive.path })
}
