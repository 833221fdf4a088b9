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
        btf::clear(file, &mut out, &Section::all(file.len()));
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
        frames::records(&file, &mut out, &Section::all(file.len()));
        out
    };
    assert_eq!(look(record(24)), look(record(400)));
    assert_eq!(look(record(24))[24..28], [0x40, 0, 0, 0], "the length of the code stays");
}
