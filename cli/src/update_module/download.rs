//! `Download`: the delta comes in, and the inactive partition holds a verified image when it is over.

use std::path::Path;

use super::base_image::BaseImage;
use super::boot_env::BootEnv;
use super::boot_states;
use super::config::{Config, RepairFrom};
use super::delta_apply::{self, Conditions};
use super::delta_stream::DeltaStream;
use super::destination_linux::Destination;
use super::error::Error;
use super::journal::Journal;
use super::log::say;
use super::medium_linux::Medium;
use super::memory::Budget;
use super::meta_data::DeltaMetaData;
use super::receipt;
#[cfg(feature = "repair-url")]
use super::repair::fetched::Bounds;
#[cfg(feature = "repair-url")]
use super::repair::image_address::ImageAddress;
use super::repaired_base::{RepairedBase, Spare};
use super::report::{self, Installed};
use super::slots::Slots;
use super::stream_next::{Answer, Stream, StreamNext};
use super::sysroot::Sysroot;

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
    let config = Config::load(sysroot)?;
    let outcome = install(tree, sysroot, &config, stream_next, answer);
    if let Some(path) = &config.report_file {
        let written = report::write(path, outcome.as_ref().map_err(|failure| &failure.error));
        written.unwrap_or_else(|error| say(&format!("cannot write {}: {error}", path.display())));
    }
    outcome
}

fn install(
    tree: &Path,
    sysroot: &Sysroot,
    config: &Config,
    stream_next: StreamNext,
    answer: Answer,
) -> Result<Installed, Failure> {
    let headers = DeltaMetaData::read(tree)?;
    let slots = Slots::detect(config, sysroot)?;
    boot_states::require_settled(&BootEnv::open()?, &slots)?;
    receipt::remove(tree)?;
    let active = Medium::open(&slots.active.path)?;
    let mut base = BaseImage::new(RepairedBase::new(active, spare(config, &slots)));
    let journal = Journal::open(
        config.journal_file.clone(),
        &slots.inactive,
        headers.rootfs_file_size,
        headers.target_sha256,
    );
    if let Some(bytes) = journal.before_bytes {
        say(&format!(
            "going on: an interrupted attempt has brought {bytes} bytes to {}",
            slots.inactive.path.display()
        ));
    }

    let mut checkpoint = journaled(&journal);
    let image_bytes = headers.rootfs_file_size;
    let mut target = Destination::open(&slots.inactive, config.flash_tool, image_bytes, &mut checkpoint)?;
    let budget = Budget::of(config.memory_limit_bytes, sysroot);
    let conditions = Conditions { headers, budget, partition_bytes: target.room };
    let mut stream = answer.open()?;
    let path = stream.path().to_owned();
    let applied =
        delta_apply::apply(&conditions, DeltaStream::new(&mut stream, &path), &mut base, &mut target)
            .and_then(|image| stream.check_size().map(|()| image));
    let image = match applied {
        Ok(image) => image,
        Err(error) => {
            let error = target.reason(error);
            return Err(Failure { error, unsettled: Some(Box::new((stream_next, stream))) });
        }
    };
    let delta_bytes = stream.taken;
    drop(stream);
    stream_next.end()?;

    let counts = target.finish(image.bytes, image.sha256)?;
    receipt::leave(tree, &slots.inactive)?;
    let before_bytes = journal.before_bytes;
    let partition = slots.inactive.path;
    if let Err(error) = journal.close() {
        say(&format!("cannot remove the journal: {error}"));
    }
    Ok(Installed {
        image_bytes: image.bytes,
        delta_bytes,
        partition,
        counts,
        before_bytes,
        repaired_blocks: base.medium.replaced_blocks(),
        fetched_bytes: base.medium.fetched_bytes(),
    })
}

/// What `RepairFrom` names. What cannot be opened is told, and is no reason to stop: the base may be right.
fn spare(config: &Config, slots: &Slots) -> Spare<Medium> {
    let path = match &config.repair_from {
        None => return Spare::None,
        Some(RepairFrom::Address(address)) => return server(config, address),
        Some(RepairFrom::Copy(path)) => path,
    };
    let is_slot = std::fs::canonicalize(path)
        .is_ok_and(|path| [&slots.active.path, &slots.inactive.path].contains(&&path));
    if is_slot {
        say(&format!("RepairFrom {} is one of the two partitions and of no use", path.display()));
        return Spare::None;
    }
    Medium::open(path).map_or_else(
        |error| {
            say(&format!("RepairFrom: {error}"));
            Spare::None
        },
        Spare::Copy,
    )
}

/// Nothing is asked of it unless the base is wrong.
#[cfg(feature = "repair-url")]
fn server(config: &Config, address: &str) -> Spare<Medium> {
    let bounds = Bounds { seconds: config.repair_seconds, most_bytes: config.repair_limit_bytes };
    Spare::Address(ImageAddress::new(address), bounds)
}

#[cfg(not(feature = "repair-url"))]
fn server(_: &Config, _: &str) -> Spare<Medium> {
    say("RepairFrom is an address, but this module is built without the feature repair-url");
    Spare::None
}

/// Notes each checkpoint. A journal that cannot be written is told once, and is no reason to stop.
fn journaled(journal: &Journal) -> impl FnMut(u64) {
    let mut told = false;
    move |durable_bytes| {
        if let Err(error) = journal.note(durable_bytes) {
            if !std::mem::replace(&mut told, true) {
                say(&format!("cannot write the journal: {error}"));
            }
        }
    }
}
