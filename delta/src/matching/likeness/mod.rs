//! What a file looks like when everything is left out that changes by itself as soon as something else moves: the
//! addresses, offsets and indices in executables. Two releases of a file are aligned by their likenesses, which have
//! the length of the files; the operations that follow copy the true bytes.
//!
//! A likeness only decides what is compared with what. One that misleads makes a delta larger, nothing else.

mod btf;
mod code;
mod elf;
mod frames;
mod kernel;
mod linux_image;
mod tables;

use elf::{Elf, Section};

/// Bytes of a file that tell one place in it from another.
const PRINT: usize = 16;
/// The same for functions, which begin alike.
const LONG_PRINT: usize = 48;

/// The likeness of `file`; none if it is nothing that is known.
pub(crate) fn of(file: &[u8]) -> Option<Vec<u8>> {
    if linux_image::is(file) {
        return Some(linux_image::likeness(file));
    }
    let elf = Elf::parse(file)?;
    let mut out = file.to_vec();
    // Code first: what refers to code is told by what the code looks like.
    for section in elf.sections.iter().filter(|section| section.is_code()) {
        code::clear(elf.machine, file, &mut out, section);
    }
    if elf.is_fixed {
        kernel::clear(&elf, file, &mut out);
    }
    let printed = out.clone();
    let prints = Prints { elf: &elf, likeness: &printed };
    for section in elf.sections.iter().filter(|section| !section.is_code()) {
        match (section.kind, section.name) {
            (elf::RELA, _) => tables::relocations(&prints, file, &mut out, section),
            (elf::SYMTAB | elf::DYNSYM, _) => tables::symbols(&elf, file, &mut out, section),
            (elf::PROGBITS, b".eh_frame") => frames::records(file, &mut out, section),
            (elf::PROGBITS, b".eh_frame_hdr") => frames::index(&prints, file, &mut out, section),
            (elf::PROGBITS, b".BTF") => btf::clear(file, &mut out, section),
            (elf::PROGBITS, _) if elf.is_fixed => kernel::table(&prints, file, &mut out, section),
            _ => {}
        }
    }
    if elf.is_fixed {
        kernel::places(&prints, file, &mut out);
    }
    Some(out)
}

/// Tells places by what is there.
struct Prints<'e> {
    elf: &'e Elf<'e>,
    likeness: &'e [u8],
}

impl Prints<'_> {
    /// What is at an address; 0 where nothing is.
    fn at_address(&self, address: u64) -> u32 {
        self.elf.offset_of(address).map_or(0, |offset| self.at(offset))
    }

    /// What is at an offset in the file.
    fn at(&self, offset: usize) -> u32 {
        print(self.likeness, offset, PRINT)
    }

    /// What a function at an offset in the file looks like.
    fn function(&self, offset: usize) -> u32 {
        print(self.likeness, offset, LONG_PRINT)
    }

    /// What is `addend` behind the start of a section.
    fn in_section(&self, section: &Section<'_>, addend: u64) -> u32 {
        usize::try_from(addend)
            .ok()
            .filter(|&addend| addend < section.len)
            .map_or(0, |addend| self.at(section.at + addend))
    }
}

/// What `len` bytes at an offset are, or as many as there are; 0 where nothing is.
fn print(bytes: &[u8], offset: usize, len: usize) -> u32 {
    bytes.get(offset..bytes.len().min(offset.saturating_add(len))).map_or(0, hash)
}

/// A hash (FNV-1a); never 0.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)) | 1
}

/// The number of four bytes at an offset.
fn four(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// The number of eight bytes at an offset.
fn eight(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// Puts bytes at an offset where there is room.
fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = at.checked_add(bytes.len()).and_then(|end| out.get_mut(at..end)) {
        place.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests;
