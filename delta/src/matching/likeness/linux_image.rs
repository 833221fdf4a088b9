//! The Linux kernel for 64-bit ARM as it boots (Documentation/arch/arm64/booting.rst): code, tables and data in one
//! piece that nothing else describes. What looks like code is cleared as code; tables of addresses are known by their
//! pattern.

use super::elf::Section;
use super::{LONG_PRINT, PRINT, btf, code, eight, four, print, put};

/// What stands where in the header.
const MAGIC: (usize, &[u8]) = (56, b"ARM\x64");
/// `e_machine` of ELF for AArch64.
const AARCH64: u16 = 183;
/// A relocation has no symbol: `R_AARCH64_RELATIVE`.
const RELATIVE: u64 = 0x403;
const RELOCATION: usize = 24;
/// The upper half of addresses of the kernel.
const KERNEL: u64 = 0xffff;
/// The kernel begins at a multiple of this, and is smaller.
const ROOM: u64 = 1 << 27;
/// How type information begins (Documentation/bpf/btf.rst): magic, version, flags, length of the header; and where in
/// the header its last part is told.
const BTF: [u8; 8] = [0x9f, 0xeb, 1, 0, 24, 0, 0, 0];
const BTF_HEADER: usize = 24;
const BTF_STRINGS: usize = 16;
/// Words that say how far something is behind them are at least this far below zero, or have a neighbour that is;
const BACKWARD: i32 = -0x1000;
/// above zero they are at least this.
const FORWARD: i32 = 0x1_0000;
/// Neighbours on either side, in words.
const NEIGHBOURS: usize = 3;
/// Numbers that grow are offsets of functions if there are so many.
const LEAST_OFFSETS: usize = 1 << 10;

/// Whether `file` is such a kernel.
pub(super) fn is(file: &[u8]) -> bool {
    let (at, magic) = MAGIC;
    file.get(at..).is_some_and(|rest| rest.starts_with(magic))
}

/// The likeness of such a kernel.
pub(super) fn likeness(file: &[u8]) -> Vec<u8> {
    let mut out = file.to_vec();
    code::clear(AARCH64, file, &mut out, &Section::piece(0, file.len()));
    let code = out.clone();
    let print = |at: u64, len| usize::try_from(at).map_or(0, |at| print(&code, at, len));
    distances(file, &mut out, |at| print(at, PRINT));
    relocations(file, &mut out, |at| print(at, PRINT));
    offsets(file, &mut out, |at| print(at, LONG_PRINT));
    types(file, &mut out);
    out
}

/// What is referred to instead of how far behind the word it is.
fn distances(file: &[u8], out: &mut [u8], print: impl Fn(u64) -> u32) {
    let word = |at: usize| four(file, at).unwrap_or(0) as i32;
    let target = |at: usize| u64::try_from(i64::try_from(at).ok()? + i64::from(word(at))).ok();
    let inside = |at: usize| target(at).filter(|&target| target < file.len() as u64);
    let is_backward = |at: usize| word(at) <= BACKWARD && inside(at).is_some();
    for at in (0..file.len()).step_by(4) {
        let around = (at.saturating_sub(4 * NEIGHBOURS)..=at + 4 * NEIGHBOURS).step_by(4);
        if is_backward(at) || word(at) >= FORWARD && around.into_iter().any(is_backward) {
            if let Some(target) = inside(at) {
                put(out, at, &print(target).to_le_bytes());
            }
        }
    }
}

/// Type information, which begins and ends where it says; there is none inside of it.
fn types(file: &[u8], out: &mut [u8]) {
    let mut at = 0;
    while let Some(rest) = file.get(at..).filter(|rest| rest.len() > BTF_HEADER) {
        let field = |offset| four(rest, offset).map_or(0, |field| field as usize);
        let told = BTF_HEADER.saturating_add(field(BTF_STRINGS)).saturating_add(field(BTF_STRINGS + 4));
        let len = if rest.starts_with(&BTF) && told <= rest.len() { told } else { 0 };
        if len > 0 {
            btf::clear(file, out, &Section::piece(at, len));
        }
        at += len.next_multiple_of(8).max(8);
    }
}

/// Relocations without places, and with what is referred to instead of its address.
fn relocations(file: &[u8], out: &mut [u8], print: impl Fn(u64) -> u32) {
    let mut at = 0;
    while let (Some(place), Some(kind), Some(target)) =
        (eight(file, at), eight(file, at + 8), eight(file, at + 16))
    {
        if kind == RELATIVE && place >> 48 == KERNEL && target >> 48 == KERNEL {
            put(out, at, &[0; 8]);
            put(out, at + 16, &u64::from(print(target % ROOM)).to_le_bytes());
            at += RELOCATION;
        } else {
            at += 8;
        }
    }
}

/// The offsets of all functions, in order: what is there instead.
fn offsets(file: &[u8], out: &mut [u8], print: impl Fn(u64) -> u32) {
    let inside = |value: u32| value > 0 && u64::from(value) < ROOM;
    let mut at = 0;
    while let Some(first) = four(file, at) {
        let (mut end, mut last) = (at + 4, first);
        while let Some(next) = four(file, end).filter(|&next| inside(next) && next >= last) {
            (end, last) = (end + 4, next);
        }
        if (end - at) / 4 >= LEAST_OFFSETS && u64::from(last) < ROOM && last - first >= LEAST_OFFSETS as u32 {
            for place in (at..end).step_by(4) {
                let value = four(file, place).unwrap_or(0);
                put(out, place, &print(value.into()).to_le_bytes());
            }
        }
        at = end;
    }
}
