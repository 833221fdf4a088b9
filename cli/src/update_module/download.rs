//! `Download`: the delta comes in, and the inactive partition holds a verified image when it is over.

use std::fmt;
use std::path::{Path, PathBuf};

use super::base_image::BaseImage;
use super::block_io::ReadBlocks as _;
use super::boot_env::BootEnv;
use super::boot_states;
use super::config::Config;
use super::delta_apply::{self, Conditions};
use super::delta_stream::DeltaStream;
use super::error::Error;
use super::image_writer::{Counts, ImageWriter};
use super::inactive_linux::InactivePartition;
use super::medium_linux::Medium;
use super::memory::Budget;
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
    counts: Counts,
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partition = self.partition.display();
        write!(
            f,
            "a delta of {} bytes gave an image of {} bytes, which {partition} holds: {} bytes written, {} were there",
            self.delta_bytes, self.image_bytes, self.counts.written, self.counts.kept
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

    let headers = DeltaMetaData::read(tree)?;
    let config = Config::load(sysroot)?;
    let slots = Slots::detect(&config, sysroot)?;
    boot_states::require_settled(&BootEnv::open()?, &slots)?;
    receipt::remove(tree)?;
    let mut base = BaseImage::new(Medium::open(&slots.active.path)?);
    let partition = InactivePartition::open(&slots.inactive)?;

    let budget = Budget::of(config.memory_limit_bytes, sysroot);
    let conditions = Conditions { headers, budget, partition_bytes: partition.size_bytes() };
    let mut checkpoint = |_durable| {};
    let mut target = ImageWriter::new(partition, &mut checkpoint);
    let mut stream = answer.open()?;
    let path = stream.path().to_owned();
    let applied =
        delta_apply::apply(&conditions, DeltaStream::new(&mut stream, &path), &mut base, &mut target)
            .and_then(|image| stream.check_size().map(|()| image));
    let image = match applied {
        Ok(image) => image,
        Err(error) => return Err(Failure { error, unsettled: Some(Box::new((stream_next, stream))) }),
    };
    let delta_bytes = stream.taken;
    drop(stream);
    stream_next.end()?;

    let counts = target.finish(image.sha256)?;
    receipt::leave(tree, &slots.inactive)?;
    Ok(Installed { image_bytes: image.bytes, delta_bytes, partition: slots.inactive.path, counts })
}
