//! Writes operations as a native delta.

#![allow(clippy::cast_possible_truncation, reason = "positions are inside of mapped images, so they fit")]

use super::cut::{Cutter, Images};
use super::header::{Codec, HISTORY, Header, IO_BLOCK, MAX_OPERATIONS};
use super::pack::Packers;
use super::window::WindowHeader;
use crate::entropy::mixing::architecture::Architecture;
use crate::entropy::mixing::model::{LINES_LOG2, line_bytes};
use crate::error::Error;
use crate::op::Op;
use crate::options::Stop;
use crate::proof::Proof;
use crate::reading::PIECE;
use std::io::{Seek, SeekFrom, Write};

/// What a delta may cost the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// How streams are packed.
    pub codec: Codec,
    /// Most history of the control, difference and literal streams, in bytes; powers of two from 4 KiB on. With
    /// [`Codec::Mixed`] the first is the most that the model's table of contexts takes.
    pub history: [u32; 3],
    /// Most operations of a window, from 1 on; each takes 40 bytes of memory with [`Codec::Mixed`].
    pub operations: u32,
    /// Most bytes that a window's operations store together before they are packed.
    pub window_room: u32,
    /// Piece in which base is read and target written, in bytes.
    pub io_block: u32,
}

impl Default for Layout {
    /// Under 16 MiB to apply: what [`Layout::within`] gives for that.
    fn default() -> Self {
        Layout {
            codec: Codec::Mixed,
            history: [4 << 20, 0, 4 << 20],
            operations: 1 << 14,
            window_room: 1 << 21,
            io_block: 1 << 16,
        }
    }
}

impl Layout {
    /// Larger, but applied in a fraction of the time; under 16 MiB, too.
    pub fn quick_to_apply() -> Self {
        Layout { codec: Codec::Lzma2, history: [1 << 20, 4 << 20, 8 << 20], ..Layout::default() }
    }

    /// # Errors
    /// `Usage` when no delta can be laid out like this.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let without = if self.codec == Codec::Mixed { 2 } else { 0 };
        let usable = |history: &u32| history.is_power_of_two() && HISTORY.contains(history);
        if !self.history.iter().skip(without).all(usable) {
            return Err(Error::Usage("the histories must be powers of two from 4 KiB to 256 MiB"));
        }
        if !(1..=MAX_OPERATIONS).contains(&self.operations) {
            return Err(Error::Usage("a window must have 1 to 1048576 operations"));
        }
        if !WINDOW_ROOM.contains(&self.window_room) {
            return Err(Error::Usage("a window must have room for 512 bytes to 32 MiB"));
        }
        if !IO_BLOCK.contains(&self.io_block) {
            return Err(Error::Usage("the piece to read and write must be 512 bytes to 1 MiB"));
        }
        Ok(())
    }

    /// The history that streams of these lengths can use.
    fn history_for(&self, lens: [u64; 3]) -> [u32; 3] {
        let fit = |most: u32, len: u64| {
            let len = len.clamp(1 << 12, most.max(1 << 12).into()).next_power_of_two();
            u32::try_from(len).unwrap_or(most)
        };
        let [control, difference, literal] = lens;
        match self.codec {
            Codec::Lzma2 | Codec::Lean => [
                fit(self.history[0], control),
                fit(self.history[1], difference),
                fit(self.history[2], literal),
            ],
            Codec::Mixed => {
                let table = fit(self.history[0], difference)
                    .clamp(line_bytes(*LINES_LOG2.start()), line_bytes(*LINES_LOG2.end()));
                [table, 0, fit(self.history[2], literal)]
            }
        }
    }
}

/// Smallest and largest `window_room`; bytes that cannot be packed still fit into the largest window body.
const WINDOW_ROOM: std::ops::RangeInclusive<u32> = 1 << 9..=1 << 25;
/// Windows that are packed before they are written; bounds the memory of packing.
const BATCH: usize = 4;

/// Where files may begin in an image, in bytes.
const FILE_ALIGNMENT: usize = 1 << 12;
/// How files of machine code begin, and where they say whose: `e_machine` of the ELF specification.
const ELF: &[u8] = b"\x7fELF";
const MACHINE: std::ops::Range<usize> = 18..20;

/// The architecture of most ELF files in `image`, which is gone through; `read` is told how much of it.
fn architecture(image: &[u8], read: impl Fn(u64) -> Result<(), Error>) -> Result<Architecture, Error> {
    let mut files = [0_usize; 3];
    for piece in image.chunks(PIECE) {
        for block in piece.chunks_exact(FILE_ALIGNMENT).filter(|block| block.starts_with(ELF)) {
            let [low, high] = [block[MACHINE.start], block[MACHINE.start + 1]];
            files[Architecture::of_elf(u16::from_le_bytes([low, high])) as usize] += 1;
        }
        read(piece.len() as u64)?;
    }
    Ok(match files {
        [_, 0, 0] => Architecture::None,
        [_, aarch64, x86_64] if aarch64 >= x86_64 => Architecture::Aarch64,
        _ => Architecture::X86_64,
    })
}

/// Bytes that the streams of `ops` have before packing, about.
fn plain_lens(ops: &[Op]) -> [u64; 3] {
    ops.iter().fold([0; 3], |[control, difference, literal], op| match op {
        Op::Add { len, .. } => [control + 8, difference + len, literal],
        Op::Literal { len } => [control + 8, difference, literal + len],
        _ => [control + 8, difference, literal],
    })
}

/// What stands before the windows of a delta of unfolded images.
pub(crate) struct Front {
    /// Sizes of the images as they are.
    pub(crate) sizes: [u64; 2],
    /// The fold, and the memory that it needs.
    pub(crate) fold: Vec<u8>,
    pub(crate) memory: u32,
}

/// What a delta is written of, besides operations.
pub(crate) struct Written<'i> {
    /// The images that the operations are about.
    pub(crate) images: Images<'i>,
    pub(crate) front: Option<Front>,
    pub(crate) layout: &'i Layout,
    pub(crate) stop: Stop<'i>,
}

/// Writes a delta of `ops`, which cover the target from front to back, at the position of `out`; returns its header
/// and its length. `proof` is told of each piece, and `tick` is called with the target bytes done and
/// those of the last window, and may end the work with an error.
///
/// # Errors
/// `Io` when memory is short or from `out`, and those of `tick`.
pub(crate) fn write(
    ops: Vec<Op>,
    written: &Written<'_>,
    out: &mut (impl Write + Seek),
    proof: &mut Proof<'_>,
    tick: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<(Header, u64), Error> {
    let Written { images, front, layout, stop } = written;
    let failed = |source| Error::Io { action: "write the delta", path: "output".into(), source };
    let (sizes, fold, fold_memory) = match front {
        Some(Front { sizes, fold, memory }) => (*sizes, &fold[..], *memory),
        None => ([images.old.len() as u64, images.new.len() as u64], &[][..], 0),
    };
    let mut header = Header {
        base_size: sizes[0],
        target_size: sizes[1],
        base_sha256: images.sha256[0],
        target_sha256: images.sha256[1],
        memory: 0,
        codec: layout.codec,
        history: layout.history_for(plain_lens(&ops)),
        architecture: architecture(images.new, |len| tick(0, len))?,
        window_body: 0,
        io_block: layout.io_block,
        fold_len: fold.len() as u32,
        fold_memory,
    };
    let start = out.stream_position().map_err(failed)?;
    // Written again at the end, when the largest window is known.
    out.write_all(&header.encode()).and_then(|()| out.write_all(fold)).map_err(failed)?;
    let (mut len, mut done) = ((Header::LEN + fold.len()) as u64, 0);
    let windows = Cutter::new(ops, layout.window_room, layout.operations as usize);
    let mixed = layout.codec == Codec::Mixed;
    let most = if mixed { layout.operations } else { header.history[1] };
    let history = [header.history[0], most, header.history[2]];
    // What is packed badly grows a little.
    let window_body = layout.window_room + layout.window_room / 4 + (1 << 16);
    let mut most = Header { history, window_body, ..header };
    most.memory = most.memory_needed();
    proof.front(&most, fold)?;
    Packers::new(&most)?.pack(windows, *images, layout.io_block, BATCH, *stop, |cut, packed| {
        let body: Vec<u8> = packed.iter().flat_map(|stream| &stream.bytes).copied().collect();
        let mut window = WindowHeader {
            target_len: cut.len,
            plain: std::array::from_fn(|i| packed[i].plain),
            packed: std::array::from_fn(|i| packed[i].bytes.len() as u32),
            check: 0,
        };
        window.check = window.check_of(&body);
        let bytes = [&window.encode()[..], &body].concat();
        out.write_all(&bytes).map_err(failed)?;
        proof.window(bytes)?;
        if mixed {
            header.history[1] = header.history[1].max(window.plain[0]);
        }
        header.window_body = header.window_body.max(body.len() as u32);
        len += (WindowHeader::LEN + body.len()) as u64;
        done += cut.len;
        tick(done, cut.len)
    })?;
    header.memory = header.memory_needed();
    out.seek(SeekFrom::Start(start)).map_err(failed)?;
    out.write_all(&header.encode()).map_err(failed)?;
    out.seek(SeekFrom::Start(start + len)).map_err(failed)?;
    Ok((header, len))
}
