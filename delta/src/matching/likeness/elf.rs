//! The parts of an ELF file (System V ABI, "Object Files"; 64 bits, little-endian). Whatever does not fit is left out.

use super::{eight, four};

pub(super) const PROGBITS: u32 = 1;
pub(super) const SYMTAB: u32 = 2;
pub(super) const RELA: u32 = 4;
/// The type of files that run where they say.
const FIXED: u16 = 2;
const NOBITS: u32 = 8;
pub(super) const DYNSYM: u32 = 11;
const EXECINSTR: u64 = 4;

/// Sections that are looked at; no program has nearly as many.
const MOST_SECTIONS: usize = 1 << 16;
/// Sections lie one behind the other. In a file that says otherwise they are looked at until they have this many times its
/// length.
const MOST_OVERLAP: usize = 2;
/// Bytes of a name that count.
const MOST_NAME: usize = 4096;

/// An ELF file.
pub(super) struct Elf<'f> {
    file: &'f [u8],
    pub machine: u16,
    /// Whether it runs at the addresses that it says and nowhere else.
    pub is_fixed: bool,
    pub sections: Vec<Section<'f>>,
    /// Address, length and offset of those that have an address, in the order of addresses.
    placed: Vec<(u64, u64, usize)>,
}

/// A section that lies in the file.
#[derive(Clone, Copy)]
pub(super) struct Section<'f> {
    pub name: &'f [u8],
    pub kind: u32,
    flags: u64,
    /// Where it is in memory; 0 in object files.
    pub address: u64,
    /// Offset in the file.
    pub at: usize,
    /// Bytes; what is at `at` is inside of the file.
    pub len: usize,
    /// Index of the section that belongs to it.
    pub link: usize,
}

impl Section<'_> {
    pub(super) fn is_code(&self) -> bool {
        self.kind == PROGBITS && self.flags & EXECINSTR != 0
    }

    /// A section of which nothing is known but where it is.
    pub(super) fn piece(at: usize, len: usize) -> Self {
        Section { name: b"", kind: PROGBITS, flags: 0, address: 0, at, len, link: 0 }
    }

    /// Its bytes in `file`.
    pub(super) fn of<'b>(&self, file: &'b [u8]) -> &'b [u8] {
        file.get(self.at..self.at + self.len).unwrap_or_default()
    }
}

impl<'f> Elf<'f> {
    /// The sections of `file`, if it has any.
    pub(super) fn parse(file: &'f [u8]) -> Option<Self> {
        if !file.starts_with(b"\x7fELF\x02\x01\x01") {
            return None;
        }
        let two = |at: usize| Some(u16::from_le_bytes(file.get(at..at + 2)?.try_into().ok()?));
        let table = usize::try_from(eight(file, 40)?).ok()?;
        let (entry, count, names) = (two(58)?, usize::from(two(60)?), usize::from(two(62)?));
        if entry != 64 || count == 0 || count > MOST_SECTIONS {
            return None;
        }
        let mut sections = Vec::with_capacity(count);
        let mut name_offsets = Vec::with_capacity(count);
        let mut left = file.len().saturating_mul(MOST_OVERLAP);
        for i in 0..count {
            let header = file.get(table.checked_add(64 * i)?..table.checked_add(64 * (i + 1))?)?;
            let kind = four(header, 4)?;
            let place =
                usize::try_from(eight(header, 24)?).ok().zip(usize::try_from(eight(header, 32)?).ok());
            // A section that lies elsewhere is as good as empty.
            let (at, len) = place
                .filter(|(at, len)| {
                    kind != NOBITS
                        && *len <= left
                        && at.checked_add(*len).is_some_and(|end| end <= file.len())
                })
                .unwrap_or_default();
            left -= len;
            name_offsets.push(four(header, 0)? as usize);
            sections.push(Section {
                name: b"",
                kind,
                flags: eight(header, 8)?,
                address: eight(header, 16)?,
                at,
                len,
                link: four(header, 40)? as usize,
            });
        }
        let placed = sections.iter().filter(|section| section.address != 0 && section.len > 0);
        let mut placed: Vec<_> =
            placed.map(|section| (section.address, section.len as u64, section.at)).collect();
        placed.sort_unstable();
        let elf = Elf { file, machine: two(18)?, is_fixed: two(16)? == FIXED, sections, placed };
        let names: Vec<&[u8]> = name_offsets.into_iter().map(|offset| elf.string(names, offset)).collect();
        let sections =
            elf.sections.iter().zip(names).map(|(section, name)| Section { name, ..*section }).collect();
        Some(Elf { sections, ..elf })
    }

    /// The string at an offset in a string table.
    pub(super) fn string(&self, table: usize, offset: usize) -> &'f [u8] {
        let bytes = self.sections.get(table).map_or(&b""[..], |table| table.of(self.file));
        let string = bytes.get(offset..).unwrap_or_default();
        let string = &string[..string.len().min(MOST_NAME)];
        string.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// The offset in the file of what is at an address when the program runs.
    pub(super) fn offset_of(&self, address: u64) -> Option<usize> {
        let behind = self.placed.partition_point(|&(start, ..)| start <= address);
        let &(start, len, at) = self.placed.get(behind.checked_sub(1)?)?;
        let offset = address - start;
        if offset < len { at.checked_add(usize::try_from(offset).ok()?) } else { None }
    }
}
