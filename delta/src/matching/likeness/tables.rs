//! Tables of relocations and symbols, without offsets and indices.

use super::elf::{Elf, Section};
use super::{Prints, eight, four, hash, put};

/// Bytes of an entry of either table.
const ENTRY: usize = 24;
/// The kind of a symbol that stands for a section.
const SECTION_SYMBOL: u8 = 3;

/// Names of symbols instead of where their names are; no values.
pub(super) fn symbols(elf: &Elf<'_>, file: &[u8], out: &mut [u8], section: &Section<'_>) {
    for (i, entry) in section.of(file).chunks_exact(ENTRY).enumerate() {
        let at = section.at + ENTRY * i;
        let name = four(entry, 0).map_or(0, |name| hash(elf.string(section.link, name as usize)));
        put(out, at, &name.to_le_bytes());
        // The index of the section, and the value.
        put(out, at + 6, &[0; 10]);
    }
}

/// What is referred to instead of its index and address; no places.
pub(super) fn relocations(prints: &Prints<'_>, file: &[u8], out: &mut [u8], section: &Section<'_>) {
    let elf = prints.elf;
    let symbols = elf.sections.get(section.link);
    for (i, entry) in section.of(file).chunks_exact(ENTRY).enumerate() {
        let (Some(symbol), Some(addend)) = (four(entry, 12), eight(entry, 16)) else { continue };
        let at = section.at + ENTRY * i;
        let symbol_entry = symbols
            .map(|symbols| symbols.of(file))
            .and_then(|symbols| symbols.chunks_exact(ENTRY).nth(symbol as usize));
        let (who, what) = match symbol_entry {
            Some(entry) if symbol != 0 => {
                let of_section = entry[4] & 15 == SECTION_SYMBOL;
                let index = usize::from(u16::from_le_bytes([entry[6], entry[7]]));
                match elf.sections.get(index) {
                    Some(section) if of_section => (hash(section.name), prints.in_section(section, addend)),
                    _ => {
                        let table = symbols.map_or(0, |symbols| symbols.link);
                        let name = four(entry, 0).map_or(0, |name| hash(elf.string(table, name as usize)));
                        // An addend to a name is a place in a structure.
                        (name, addend as u32)
                    }
                }
            }
            _ => (0, prints.at_address(addend)),
        };
        put(out, at, &[0; 8]);
        put(out, at + 12, &who.to_le_bytes());
        put(out, at + 16, &u64::from(what).to_le_bytes());
    }
}
