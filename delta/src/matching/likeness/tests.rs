use super::elf::{RELA, SYMTAB};
use super::*;

/// A relocatable file for AArch64 with `code`, one symbol called `name` at `value`, and a relocation for each of `places`
/// that names it. Other sections are not there.
fn object(code: &[u32], name: &[u8], value: u64, places: &[u64]) -> Vec<u8> {
    let code: Vec<u8> = code.iter().flat_map(|word| word.to_le_bytes()).collect();
    // A string in front of the name moves it.
    let names = [&b"\0"[..], &vec![b'x'; (value % 7) as usize], b"\0", name, b"\0"].concat();
    let name_at = (value % 7) as u32 + 2;
    let mut symbols = vec![0; 24];
    symbols.extend(name_at.to_le_bytes());
    symbols.extend([0x12, 0, 1, 0]);
    symbols.extend(value.to_le_bytes());
    symbols.extend(8_u64.to_le_bytes());
    let relocations: Vec<u8> = places
        .iter()
        .flat_map(|place| [*place, 1 << 32 | 283, 0].into_iter().flat_map(u64::to_le_bytes))
        .collect();
    let section_names = b"\0.text\0.symtab\0.strtab\0.rela.text\0";
    let contents: [&[u8]; 5] = [&code, &symbols, &names, &relocations, section_names];
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(64, 0);
    let mut headers = vec![0; 64];
    let kinds = [(1, 1_u32, 6_u64, 0_u32), (7, SYMTAB, 0, 3), (15, 3, 0, 0), (23, RELA, 0, 2), (0, 3, 0, 0)];
    for ((name, kind, flags, link), content) in kinds.into_iter().zip(contents) {
        headers.extend([name, kind].into_iter().flat_map(u32::to_le_bytes));
        headers.extend(
            [flags, 0, file.len() as u64, content.len() as u64].into_iter().flat_map(u64::to_le_bytes),
        );
        headers.extend([link, 0].into_iter().flat_map(u32::to_le_bytes));
        headers.extend([8_u64, 24].into_iter().flat_map(u64::to_le_bytes));
        file.extend(content);
    }
    let table = file.len() as u64;
    file[18..20].copy_from_slice(&183_u16.to_le_bytes());
    file[40..48].copy_from_slice(&table.to_le_bytes());
    for (at, field) in [(58, 64_u16), (60, 6), (62, 5)] {
        file[at..at + 2].copy_from_slice(&field.to_le_bytes());
    }
    file.extend(headers);
    file
}

#[test]
fn what_only_moved_looks_the_same() {
    // bl, ldr, ret; the branch goes elsewhere in the second.
    let old = object(&[0x9400_0010, 0xf940_0001, 0xd65f_03c0], b"probe", 7, &[0, 4]);
    let new = object(&[0x9400_0020, 0xf940_0001, 0xd65f_03c0], b"probe", 14, &[8, 12]);
    assert_ne!(old, new);
    assert_eq!(of(&old).unwrap(), of(&new).unwrap());
    let other = object(&[0x9400_0020, 0xf940_0001, 0xd65f_03c0], b"other", 14, &[8, 12]);
    assert_ne!(of(&old).unwrap(), of(&other).unwrap(), "another name is something else");
    let code = object(&[0x9400_0020, 0xf940_0002, 0xd65f_03c0], b"probe", 14, &[8, 12]);
    assert_ne!(of(&old).unwrap(), of(&code).unwrap(), "another register is something else");
}

#[test]
fn headers_that_lie_only_mislead() {
    let good = object(&[0x9400_0010; 40], b"probe", 3, &[0, 4, 16]);
    assert!(of(b"no executable").is_none() && of(&[]).is_none());
    for at in 0..good.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            if let Some(likeness) = of(&bad) {
                assert_eq!(likeness.len(), bad.len());
            }
        }
        if let Some(likeness) = of(&good[..at]) {
            assert_eq!(likeness.len(), at);
        }
    }
}

/// The start of a section of type information with these types and strings.
fn types(types: &[[u32; 3]], strings: &[u8]) -> Vec<u8> {
    let mut out = vec![0x9f, 0xeb, 1, 0];
    let len = 12 * types.len() as u32;
    out.extend([24, 0, len, len, strings.len() as u32].into_iter().flat_map(u32::to_le_bytes));
    out.extend(types.iter().flatten().copied().flat_map(u32::to_le_bytes));
    out.extend(strings);
    out
}

#[test]
fn types_are_told_by_their_names() {
    let look = |file: &[u8]| {
        let mut out = file.to_vec();
        btf::clear(file, &mut out, &Section::piece(0, file.len()));
        out[24..24 + 36].to_vec()
    };
    // A structure of four bytes, a pointer to it, a name for the pointer.
    let old = types(&[[1, 4 << 24, 4], [0, 2 << 24, 1], [6, 8 << 24, 2]], b"\0node\0link\0");
    let new = types(&[[5, 4 << 24, 4], [0, 2 << 24, 7], [10, 8 << 24, 9]], b"\0new\0node\0link\0");
    assert_eq!(look(&old), look(&new));
    // A module's names count on from those of the kernel.
    let module = types(&[[101, 4 << 24, 4], [0, 2 << 24, 1], [106, 8 << 24, 2]], b"\0node\0link\0");
    assert_eq!(look(&old)[24..28], look(&module)[24..28]);
    let bigger = types(&[[1, 4 << 24, 8], [0, 2 << 24, 1], [6, 8 << 24, 2]], b"\0node\0link\0");
    assert_ne!(look(&old), look(&bigger));
}

#[test]
fn unwinding_records_lose_their_distances() {
    let record = |distance: u32| {
        let words = [8_u32, 0, 7, 12, distance, distance + 9, 0x40, 0];
        words.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
    };
    let look = |file: Vec<u8>| {
        let mut out = file.clone();
        frames::records(&file, &mut out, &Section::piece(0, file.len()));
        out
    };
    assert_eq!(look(record(24)), look(record(400)));
    assert_eq!(look(record(24))[24..28], [0x40, 0, 0, 0], "the length of the code stays");
}

/// A kernel for 64-bit ARM that runs at `address`: `before` words of padding, functions of three instructions, their
/// offsets, and relocations of addresses of all of them.
fn linux_image(before: usize, address: u64) -> Vec<u8> {
    const FUNCTIONS: u32 = 1500;
    let mut file = vec![0; 64];
    file[56..60].copy_from_slice(b"ARM\x64");
    file.resize(file.len() + 4 * before, 0x5f);
    let start = file.len() as u64;
    for function in 0..FUNCTIONS {
        // mov w0, number; bl; ret
        let call = 0x9400_0000 | (before as u32 + function) << 3;
        file.extend([0x5280_0000 | function << 5, call, 0xd65f_03c0].into_iter().flat_map(u32::to_le_bytes));
    }
    // What is behind a function tells it, too.
    file.resize(file.len() + 64, 0);
    let offsets = (0..u64::from(FUNCTIONS)).map(|function| start + 12 * function);
    file.extend(offsets.clone().flat_map(|offset| (offset as u32).to_le_bytes()));
    file.resize(file.len().next_multiple_of(8), 0);
    file.extend(offsets.rev().flat_map(|offset| {
        [address + 0x9000 + offset, 0x403, address + offset].into_iter().flat_map(u64::to_le_bytes)
    }));
    file
}

#[test]
fn a_kernel_that_moved_looks_the_same_behind_what_moved_it() {
    let (old, new) = (linux_image(4, 0xffff_8000_0800_0000), linux_image(10, 0xffff_8000_8000_0000));
    let [old_like, new_like] = [&old, &new].map(|file| of(file).unwrap());
    assert_eq!((old_like.len(), new_like.len()), (old.len(), new.len()));
    assert_eq!(old_like[64 + 16..], new_like[64 + 40..]);
    let same = old[80..].iter().zip(&new[104..]).filter(|(old, new)| old == new).count();
    assert!(same < old.len() * 9 / 10, "the test is worth nothing");
    assert_ne!(old_like[80..104], old_like[92..116], "one function is not like another");
    for end in [57, 60, 63, 64, old.len() - 9] {
        assert!(of(&old[..end]).is_none_or(|likeness| likeness.len() == end));
    }
}

#[test]
fn tables_and_types_of_a_kernel_are_found_by_their_pattern() {
    const ENTRIES: usize = 600;
    let with_distances = |gap: usize| {
        let mut file = vec![0; 64];
        file[56..60].copy_from_slice(b"ARM\x64");
        file.extend(
            (0..ENTRIES as u32)
                .flat_map(|i| [0x5280_0000 | i << 5, 0xd65f_03c0, 0, 0])
                .flat_map(u32::to_le_bytes),
        );
        file.resize(file.len() + gap, 0);
        for i in 0..ENTRIES {
            let distance = (64 + 16 * i) as i32 - file.len() as i32;
            file.extend(distance.to_le_bytes());
        }
        file
    };
    let table = |file: &[u8]| file[file.len() - 4 * ENTRIES..].to_vec();
    let (old, new) = (with_distances(0x4000), with_distances(0x4400));
    assert_ne!(table(&old), table(&new));
    assert_eq!(table(&of(&old).unwrap()), table(&of(&new).unwrap()));

    let old = types(&[[1, 4 << 24, 4], [0, 2 << 24, 1], [6, 8 << 24, 2]], b"\0node\0link\0");
    let mut cleared = old.clone();
    btf::clear(&old, &mut cleared, &Section::piece(0, old.len()));
    let image = [&with_distances(0)[..64], &old].concat();
    assert!(of(&image).unwrap()[64..] == cleared && cleared != old);
    // Lengths that lie.
    for at in 64..64 + 24 {
        let mut bad = image.clone();
        bad[at] = 0xff;
        assert_eq!(of(&bad).unwrap().len(), bad.len());
    }
}

/// A file that runs where it says: code of `words` instructions, a table of how far each is, and its address.
fn fixed(padding: usize, words: &[u32]) -> Vec<u8> {
    let code_at = 0xffff_ffff_8100_0000 + 16 * padding as u64;
    let table_at = 0xffff_ffff_8200_0000_u64;
    // What is behind a place tells it, too.
    let code: Vec<u8> = words.iter().chain(&[0; 4]).flat_map(|word| word.to_le_bytes()).collect();
    let places = || (0..words.len() as u64).map(|i| code_at + 4 * i);
    let distances: Vec<u8> = (0..)
        .zip(places())
        .flat_map(|(i, place)| (place.wrapping_sub(table_at + 4 * i) as u32).to_le_bytes())
        .collect();
    let addresses: Vec<u8> = std::iter::once(0).chain(places()).flat_map(u64::to_le_bytes).collect();
    // The kernel moves these addresses.
    let data_at = table_at + 0x10_0000 + 16 * padding as u64;
    let moved = (1..=words.len() as u64).map(|i| (data_at + 8 * i) as u32);
    let section_names = b"\0.text\0.orc_unwind_ip\0.data\0";
    let contents: [&[u8]; 4] = [&code, &distances, &addresses, section_names];
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(64, 0);
    let mut headers = vec![0; 64];
    let kinds = [(1, 1_u32, 6_u64, code_at), (7, 1, 2, table_at), (22, 1, 3, data_at), (0, 3, 0, 0)];
    for ((name, kind, flags, address), content) in kinds.into_iter().zip(contents) {
        headers.extend([name, kind].into_iter().flat_map(u32::to_le_bytes));
        let numbers = [flags, address, file.len() as u64, content.len() as u64, 0, 8, 0];
        headers.extend(numbers.into_iter().flat_map(u64::to_le_bytes));
        file.extend(content);
    }
    file.resize(file.len().next_multiple_of(8), 0);
    for (at, field) in [(16, 2_u16), (18, 62), (58, 64), (60, 5), (62, 4)] {
        file[at..at + 2].copy_from_slice(&field.to_le_bytes());
    }
    let table = file.len() as u64;
    file[40..48].copy_from_slice(&table.to_le_bytes());
    file.into_iter().chain(headers).chain(moved.flat_map(u32::to_le_bytes)).collect()
}

#[test]
fn tables_of_a_kernel_are_known_by_what_they_refer_to() {
    let words: Vec<u32> = (0..40).map(|i| 0x0101_0101 * i).collect();
    let (old, new) = (fixed(0, &words), fixed(5, &words));
    let [old_like, new_like] = [&old, &new].map(|file| of(file).unwrap());
    // All but the headers, which say where sections are.
    let moved = old.len() - 4 * words.len();
    let headers = moved - 5 * 64..moved;
    assert_ne!(old[64..headers.start], new[64..headers.start]);
    assert_eq!(old_like[64..headers.start], new_like[64..headers.start]);
    assert_eq!(old_like[headers.end..], new_like[headers.end..]);
    assert_ne!(old_like[headers.end..], old[headers.end..]);
}

/// Looked at piece by piece in each of its many pieces, either file would take hours.
#[test]
fn what_claims_to_be_many_things_at_once_is_gone_through_once() {
    const LEN: usize = 8 << 20;
    // Nothing but beginnings of type information, each of which ends in the middle of the file.
    let header = [0x0001_eb9f, 24, 0, u32::MAX, (LEN / 2) as u32, 1].map(u32::to_le_bytes).concat();
    let mut kernel = header.repeat(LEN / header.len());
    kernel[..3].copy_from_slice(&[0; 3]);
    kernel[56..60].copy_from_slice(b"ARM\x64");
    assert_eq!(of(&kernel).map(|likeness| likeness.len()), Some(kernel.len()));

    // As many sections as there can be, each of which is nearly the whole file, with an address of its own.
    const SECTIONS: u16 = 65_000;
    let mut file = fixed(0, &[u32::MAX; 64]);
    file.resize(LEN, 0xff);
    let table = file.len() as u64;
    for i in 0..u64::from(SECTIONS) {
        let fields = [1 | 1 << 32, 4 * (i % 2), (i + 1) << 32, 0, table, 0, 8, 24];
        file.extend(fields.into_iter().flat_map(u64::to_le_bytes));
    }
    file[40..48].copy_from_slice(&table.to_le_bytes());
    for (at, field) in [(58, 64), (60, SECTIONS), (62, 0)] {
        file[at..at + 2].copy_from_slice(&field.to_le_bytes());
    }
    assert_eq!(of(&file).map(|likeness| likeness.len()), Some(file.len()));
}
