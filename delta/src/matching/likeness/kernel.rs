//! Sections that only the Linux kernel has: tables of distances to code and of addresses.

use super::elf::{Elf, Section};
use super::{Prints, eight, four, put};

/// Sections of words that say how far behind themselves something is.
const DISTANCES: [&[u8]; 11] = [
    b".orc_unwind_ip",
    b"__ksymtab",
    b"__ksymtab_gpl",
    b"__ex_table",
    b"__bug_table",
    b"__jump_table",
    b".smp_locks",
    b".retpoline_sites",
    b".return_sites",
    b".call_sites",
    b".static_call_sites",
];
/// Bytes in front of a place that tell it from others.
const BEFORE: usize = 8;
/// Numbers that fall are symbols if there are so many.
const LEAST_SYMBOLS: usize = 1 << 10;
/// The upper half of addresses of the kernel.
const UPPER: u64 = 0xffff_ffff;

/// What is referred to instead of where it is, in a section of data.
pub(super) fn table(prints: &Prints<'_>, file: &[u8], out: &mut [u8], section: &Section<'_>) {
    if DISTANCES.contains(&section.name) {
        distances(prints, file, out, section);
    } else {
        addresses(prints, file, out, section);
        symbols(prints, file, out, section);
    }
}

/// In words of four bytes; what lies in the section itself is no distance.
fn distances(prints: &Prints<'_>, file: &[u8], out: &mut [u8], section: &Section<'_>) {
    for (i, word) in section.of(file).chunks_exact(4).enumerate() {
        let place = section.address.wrapping_add(4 * i as u64);
        let distance = four(word, 0).unwrap_or(0) as i32;
        let target = place.wrapping_add_signed(distance.into());
        if target.wrapping_sub(section.address) >= section.len as u64
            && let Some(offset) = prints.elf.offset_of(target)
        {
            put(out, section.at + 4 * i, &prints.at(offset).to_le_bytes());
        }
    }
}

/// In words of eight bytes.
fn addresses(prints: &Prints<'_>, file: &[u8], out: &mut [u8], section: &Section<'_>) {
    let end = section.at + section.len;
    for at in (section.at.next_multiple_of(8)..end.saturating_sub(7)).step_by(8) {
        let value = eight(file, at).filter(|value| value >> 32 == UPPER);
        if let Some(offset) = value.and_then(|value| prints.elf.offset_of(value)) {
            put(out, at, &u64::from(prints.at(offset)).to_le_bytes());
        }
    }
}

/// Calls `found` with the offset of each place that the kernel moves when it begins, and the offset of what says so: behind
/// the last section, the lower half of its address.
fn moved(elf: &Elf<'_>, file: &[u8], mut found: impl FnMut(usize, usize)) {
    let Some(end) = elf.sections.iter().map(|section| section.at + section.len).max() else { return };
    for at in (end.next_multiple_of(4)..file.len()).step_by(4) {
        let address = four(file, at).map(|lower| UPPER << 32 | u64::from(lower));
        if let Some(offset) = address.and_then(|address| elf.offset_of(address)) {
            found(offset, at);
        }
    }
}

/// Clears the places that the kernel moves when it begins: addresses in code, too.
pub(super) fn clear(elf: &Elf<'_>, file: &[u8], out: &mut [u8]) {
    moved(elf, file, |place, _| put(out, place, &[0; 4]));
}

/// What these places look like instead of where they are.
pub(super) fn places(prints: &Prints<'_>, file: &[u8], out: &mut [u8]) {
    moved(prints.elf, file, |place, at| {
        put(out, at, &prints.at(place.saturating_sub(BEFORE)).to_le_bytes());
    });
}

/// The symbols' offsets from the start of code, in order, each as -1 less the offset: what is there instead.
fn symbols(prints: &Prints<'_>, file: &[u8], out: &mut [u8], section: &Section<'_>) {
    let Some(code) = prints.elf.sections.iter().find(|section| section.is_code()) else { return };
    let bytes = section.of(file);
    let word = |i: usize| four(bytes, 4 * i).unwrap_or(0);
    let count = bytes.len() / 4;
    let mut first = 0;
    while first < count {
        let goes_on = |i: &usize| word(*i) <= word(i - 1) && word(*i) >> 31 == 1;
        let end = (first + 1..count).take_while(goes_on).last().map_or(first + 1, |last| last + 1);
        if end - first >= LEAST_SYMBOLS && word(first) - word(end - 1) > LEAST_SYMBOLS as u32 {
            for i in first..end {
                let offset = prints.elf.offset_of(code.address.wrapping_add((!word(i)).into()));
                let print = offset.map_or(0, |offset| prints.function(offset));
                put(out, section.at + 4 * i, &print.to_le_bytes());
            }
        }
        first = end;
    }
}
