//! Where the image goes: into the partition itself, or through a program.

use mender_delta::apply::{CallerError, Target};
use mender_delta::error::Error as DeltaError;

use super::block_io::ReadBlocks as _;
use super::error::{Error, SlotProblem};
use super::flash_tool::{FlashTool, FlashWriter};
use super::image_writer::{Checkpoint, Counts, ImageWriter, Pace};
use super::inactive_linux::InactivePartition;
use super::slots::{Slot, SlotKind};

/// A destination that is ready, and how much room it has.
pub(crate) struct Destination<'c> {
    way: Way<'c>,
    /// Bytes.
    pub(crate) room: u64,
}

enum Way<'c> {
    Partition(ImageWriter<'c, InactivePartition>),
    Program(Program),
}

struct Program {
    writer: FlashWriter,
    /// Kept open, so that nobody mounts it.
    _partition: Option<InactivePartition>,
}

impl<'c> Destination<'c> {
    /// Nothing is written yet.
    ///
    /// # Errors
    ///
    /// The partition is in use or cannot be opened; a UBI volume without a program for it, or the other way round; the
    /// program is not installed.
    pub(crate) fn open(
        slot: &Slot,
        tool: Option<FlashTool>,
        image_bytes: u64,
        checkpoint: &'c mut Checkpoint<'c>,
    ) -> Result<Self, Error> {
        let problem = |problem| Err(Error::Slots(problem));
        let path = || slot.path.clone();
        match (slot.kind, tool) {
            (SlotKind::Ubi { .. }, None) => problem(SlotProblem::UbiWithoutTool { path: path() }),
            (SlotKind::Ubi { room }, Some(tool)) => {
                let writer = FlashWriter::new(tool, &slot.path, image_bytes)?;
                Ok(Self { way: Way::Program(Program { writer, _partition: None }), room })
            }
            (SlotKind::Block, Some(FlashTool::UbiUpdateVol)) => problem(SlotProblem::NotUbi { path: path() }),
            (SlotKind::Block, Some(tool)) => {
                let writer = FlashWriter::new(tool, &slot.path, image_bytes)?;
                let partition = InactivePartition::open(slot)?;
                let room = partition.size_bytes();
                Ok(Self { way: Way::Program(Program { writer, _partition: Some(partition) }), room })
            }
            (SlotKind::Block, None) => {
                let partition = InactivePartition::open(slot)?;
                let room = partition.size_bytes();
                Ok(Self {
                    way: Way::Partition(ImageWriter::new(partition, Pace::default(), checkpoint)),
                    room,
                })
            }
        }
    }

    /// Brings what is left to the medium, and reads the image back from there.
    ///
    /// # Errors
    ///
    /// Something cannot be written, or the medium does not hold an image with this digest.
    pub(crate) fn finish(self, image_bytes: u64, sha256: [u8; 32]) -> Result<Counts, Error> {
        match self.way {
            Way::Partition(writer) => writer.finish(sha256),
            Way::Program(program) => {
                program.writer.finish(sha256)?;
                Ok(Counts { written: image_bytes, kept: 0 })
            }
        }
    }

    /// The better reason behind an error that the applier has passed on.
    pub(crate) fn reason(&mut self, error: Error) -> Error {
        match (&mut self.way, &error) {
            (Way::Program(program), Error::Delta(DeltaError::Target(_))) => {
                program.writer.end().err().unwrap_or(error)
            }
            _ => error,
        }
    }
}

impl Target for Destination<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        match &mut self.way {
            Way::Partition(writer) => writer.write(bytes),
            Way::Program(program) => program.writer.write(bytes),
        }
    }
}
