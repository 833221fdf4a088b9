//! Layouts by what they are wanted for: quick or small, within the memory that a device has.

use super::header::{Codec, HISTORY, IO_BLOCK};
use super::writer::Layout;
use crate::entropy::mixing::architecture::Architecture;
use crate::entropy::mixing::model::{LINES_LOG2, Shape, line_bytes};
use crate::error::Error;

/// What a delta is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// Quick to apply: LZMA2 throughout.
    Fast,
    /// Small.
    #[default]
    Default,
    /// As small as the memory allows.
    Max,
}

/// Least and most memory that a layout can be made for, in bytes.
pub const MEMORY: core::ops::RangeInclusive<u64> = 48 << 10..=256 << 20;
/// Memory that [`Level::Default`] takes no more than, whatever there is.
const ENOUGH: u64 = 16 << 20;

/// Memory below which every stream has one coder of literals.
const LITTLE: u64 = 512 << 10;
/// What else an applier takes: margins and alignment.
const MARGINS: u64 = 128;
/// What is packed badly is larger than before by less than this part of it.
const EXPANSION: u64 = 8;

impl Layout {
    /// A layout whose deltas, as long as nothing has to be unpacked, are applied in `memory` bytes.
    ///
    /// With little memory [`Level::Default`] and [`Level::Max`] become [`Level::Fast`]: the model alone takes over 3 MiB.
    ///
    /// # Errors
    /// `Limit` when `memory` is not within [`MEMORY`].
    pub fn within(level: Level, memory: u64) -> Result<Layout, Error> {
        if !MEMORY.contains(&memory) {
            let limit = if memory < *MEMORY.start() { *MEMORY.start() } else { *MEMORY.end() };
            return Err(Error::Limit { what: "memory to lay a delta out for", wanted: memory, limit });
        }
        let memory = if level == Level::Max { memory } else { memory.min(ENOUGH) };
        let io_block = power_of_two(memory / 128).clamp(*IO_BLOCK.start(), 1 << 16);
        let buffers = 2 * u64::from(io_block);
        let shape =
            |lines_log2, operations| Shape { lines_log2, operations, architecture: Architecture::None };
        let model = 4 * shape(*LINES_LOG2.start(), 0).words() as u64 + decoders(Codec::Mixed, 1) + buffers;
        if level != Level::Fast && memory >= model + (model >> 2) {
            let left = memory - model;
            let operations = u32::try_from(left / (8 * 40)).unwrap_or(u32::MAX).min(1 << 14);
            let table =
                power_of_two(left / 3).clamp(line_bytes(*LINES_LOG2.start()), line_bytes(*LINES_LOG2.end()));
            let literal = power_of_two(left / 3).max(*HISTORY.start());
            let left = left - u64::from(operations) * 40 - u64::from(table) - u64::from(literal);
            let history = [table.max(*HISTORY.start()), 0, literal];
            return Ok(Layout {
                codec: Codec::Mixed,
                history,
                operations,
                window_room: room(left),
                io_block,
            });
        }
        if memory < LITTLE {
            return Ok(Self::lean(memory, io_block));
        }
        let left = memory - decoders(Codec::Lzma2, 3) - buffers;
        let [control, difference] =
            [memory / 16, memory / 4].map(|part| power_of_two(part).max(*HISTORY.start()));
        // Literals gain the most from history; a window needs some room, too.
        let others = u64::from(control) + u64::from(difference);
        let fits = |literal: &u32| others + u64::from(*literal) + memory / 16 <= left;
        let halves = [2, 4, 8].map(|part| power_of_two(memory / part).max(*HISTORY.start()));
        let literal = halves.into_iter().find(fits).unwrap_or(*HISTORY.start());
        let history = [control, difference, literal];
        let left = left.saturating_sub(others + u64::from(literal));
        let operations = Layout::default().operations;
        Ok(Layout { codec: Codec::Lzma2, history, operations, window_room: room(left), io_block })
    }

    /// A layout for `memory` bytes, which are few.
    fn lean(memory: u64, io_block: u32) -> Layout {
        let [others, literal] = [16, 4].map(|part| power_of_two(memory / part).max(*HISTORY.start()));
        let history = [others, others, literal];
        let taken =
            decoders(Codec::Lean, 3) + 2 * u64::from(io_block) + history.map(u64::from).iter().sum::<u64>();
        let operations = Layout::default().operations;
        Layout { codec: Codec::Lean, history, operations, window_room: room(memory - taken), io_block }
    }
}

/// What `streams` decoders of LZMA2 chunks take besides their histories.
fn decoders(codec: Codec, streams: u64) -> u64 {
    streams * 2 * codec.probabilities() as u64 + MARGINS
}

/// Room of a window whose body fits into `left` bytes, however badly it packs.
fn room(left: u64) -> u32 {
    let most = Layout::default().window_room;
    u32::try_from(left - left / EXPANSION).unwrap_or(most).min(most)
}

/// The largest power of two up to `bytes`.
fn power_of_two(bytes: u64) -> u32 {
    1 << bytes.clamp(1, 1 << 28).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::Header;

    #[test]
    fn the_worst_window_fits() {
        for memory in [
            48 << 10,
            64 << 10,
            100_000,
            192 << 10,
            300_000,
            1 << 20,
            3 << 20,
            4 << 20,
            5 << 20,
            16 << 20,
            64 << 20,
            256 << 20,
        ] {
            for level in [Level::Fast, Level::Default, Level::Max] {
                let layout = Layout::within(level, memory).unwrap();
                layout.check().unwrap();
                let mut history = layout.history;
                if layout.codec == Codec::Mixed {
                    history[1] = layout.operations;
                }
                let header = Header {
                    base_size: 0,
                    target_size: 0,
                    base_sha256: [0; 32],
                    target_sha256: [0; 32],
                    memory: 0,
                    codec: layout.codec,
                    history,
                    architecture: Architecture::None,
                    window_body: layout.window_room + layout.window_room / 8,
                    io_block: layout.io_block,
                    fold_len: 0,
                    fold_memory: 0,
                };
                assert!(header.memory_needed() <= memory, "{level:?} {memory}: {}", header.memory_needed());
                assert!(header.memory_needed() > memory.min(ENOUGH) / 4, "{level:?} {memory}");
            }
        }
        assert!(Layout::within(Level::Fast, 100).is_err() && Layout::within(Level::Max, 1 << 30).is_err());
    }

    #[test]
    fn levels() {
        let codec = |level, memory| Layout::within(level, memory).unwrap().codec;
        assert_eq!(codec(Level::Default, 16 << 20), Codec::Mixed);
        assert_eq!(codec(Level::Default, 1 << 20), Codec::Lzma2);
        assert_eq!(codec(Level::Fast, 64 << 20), Codec::Lzma2);
        assert_eq!(codec(Level::Max, 64 << 10), Codec::Lean);
        assert_eq!(Layout::within(Level::Default, 256 << 20).unwrap(), Layout::default());
        assert_eq!(Layout::within(Level::Default, 16 << 20).unwrap(), Layout::default());
        assert_eq!(Layout::within(Level::Fast, 16 << 20).unwrap(), Layout::quick_to_apply());
    }
}
