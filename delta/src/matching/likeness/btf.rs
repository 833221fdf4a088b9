//! Type information of the Linux kernel (BTF, Documentation/bpf/btf.rst): names instead of where they are, and no
//! numbers of types.

use super::elf::Section;
use super::{four, hash, put};

/// Bytes of a name that count; the kernel's symbols have at most 512.
const MOST_NAME: usize = 1 << 10;
/// Bytes of a type before what its kind adds.
const TYPE: usize = 12;

/// What a field of four bytes is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Type,
}

/// Clears a section of type information.
pub(super) fn clear(file: &[u8], out: &mut [u8], section: &Section<'_>) {
    let bytes = section.of(file);
    if bytes.get(..2) != Some(&[0x9f, 0xeb]) {
        return;
    }
    let field = |at| four(bytes, at).map(|field| field as usize);
    let (Some(header), Some(types), Some(types_len)) = (field(4), field(8), field(12)) else { return };
    let (Some(strings), Some(strings_len)) = (field(16), field(20)) else { return };
    let start = header.saturating_add(types);
    let types = start..start.saturating_add(types_len).min(bytes.len());
    let start = header.saturating_add(strings);
    let Some(strings) = bytes.get(start..start.saturating_add(strings_len)) else { return };
    // A module counts on from the end of the kernel's strings, which its file does not tell. Its last string is in use.
    let mut last_name = 0;
    walk(bytes, types.clone(), |at, field| {
        if field == Field::Name {
            last_name = last_name.max(four(bytes, at).unwrap_or(0) as usize);
        }
    });
    let last_string =
        strings.len() - strings.split(|&byte| byte == 0).rev().nth(1).map_or(0, |last| last.len() + 1);
    let before = last_name.saturating_sub(last_string.min(strings.len()));
    walk(bytes, types, |at, field| {
        let name = four(bytes, at).filter(|_| field == Field::Name);
        let own =
            name.and_then(|name| (name as usize).checked_sub(before)).and_then(|own| strings.get(own..));
        let own = own.map(|string| &string[..string.len().min(MOST_NAME)]);
        let name = own.and_then(|string| string.split(|&byte| byte == 0).next()).map_or(0, hash);
        put(out, section.at + at, &name.to_le_bytes());
    });
}

/// Calls `field` with each field of `types` that is an offset of a name or the number of a type.
fn walk(bytes: &[u8], types: std::ops::Range<usize>, mut field: impl FnMut(usize, Field)) {
    let mut at = types.start;
    while let Some(info) = four(bytes, at.saturating_add(4)).filter(|_| at < types.end) {
        let (count, kind) = ((info & 0xffff) as usize, info >> 24 & 31);
        field(at, Field::Name);
        // Others have a size there: integers, structures, unions, enumerations, sections, floats.
        if !matches!(kind, 1 | 4 | 5 | 6 | 15 | 16 | 19) {
            field(at + 8, Field::Type);
        }
        let (entry, fields): (usize, &[(usize, Field)]) = match kind {
            1 | 14 | 17 => (4, &[]),
            3 => (12, &[(0, Field::Type), (4, Field::Type)]),
            4 | 5 => (12, &[(0, Field::Name), (4, Field::Type)]),
            6 => (8, &[(0, Field::Name)]),
            13 => (8, &[(0, Field::Name), (4, Field::Type)]),
            15 => (12, &[(0, Field::Type)]),
            19 => (12, &[(0, Field::Name)]),
            _ => (0, &[]),
        };
        let count = if matches!(kind, 1 | 3 | 14 | 17) { 1 } else { count };
        for i in (0..count).take_while(|_| !fields.is_empty()) {
            fields.iter().for_each(|&(offset, what)| field(at + TYPE + entry * i + offset, what));
        }
        at += TYPE + entry * count;
    }
}
