//! Tables that lie, made by hand.

use crate::made_disk::{read, refused};

const LEN: usize = 64 << 10;

fn sector(entries: &[(u8, u32, u32)]) -> Vec<u8> {
    let mut sector = vec![0; 512];
    for (at, (kind, first, count)) in entries.iter().enumerate() {
        let entry = &mut sector[446 + at * 16..][..16];
        entry[4] = *kind;
        entry[8..12].copy_from_slice(&first.to_le_bytes());
        entry[12..16].copy_from_slice(&count.to_le_bytes());
    }
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// A disk with these sectors in these places.
fn disk(sectors: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0; LEN];
    for (at, sector) in sectors {
        bytes[at * 512..][..512].copy_from_slice(sector);
    }
    bytes
}

#[test]
fn overlapping_and_distant_partitions_are_refused() {
    let bytes = disk(&[(0, sector(&[(0x83, 8, 8), (0x83, 15, 4)]))]);
    assert_eq!(
        refused(&bytes),
        "partition 2: start behind the partition before it: expected at least 8192, found 7680"
    );
    let bytes = disk(&[(0, sector(&[(0x83, 8, 8), (0x83, 120, 9)]))]);
    assert_eq!(refused(&bytes), "partition 2: end: expected at most 65536, found 66048");
    let bytes = disk(&[(0, sector(&[(0x83, u32::MAX, u32::MAX)]))]);
    assert_eq!(refused(&bytes), "partition 1: end: expected at most 65536, found 4398046510080");
    let bytes = disk(&[(0, sector(&[(0x83, 8, 0)]))]);
    assert_eq!(refused(&bytes), "partition 1: sectors: expected at least 1, found 0");
}

#[test]
fn chains_that_lead_back_or_out_are_refused() {
    let chain = |second: Vec<u8>| {
        disk(&[(0, sector(&[(0x05, 8, 32)])), (8, sector(&[(0x83, 1, 4), (5, 10, 10)])), (18, second)])
    };
    assert!(read(&chain(sector(&[(0x83, 1, 4)]))).is_ok());
    let words = "expected each sector of the chain once, inside of the extended partition";
    assert_eq!(
        refused(&chain(sector(&[(0x83, 1, 4), (5, 0, 10)]))),
        format!("partition table: logical partitions: {words}, found 8")
    );
    assert_eq!(
        refused(&chain(sector(&[(0x83, 1, 4), (5, 40, 10)]))),
        format!("partition table: logical partitions: {words}, found 48")
    );
    assert_eq!(
        refused(&chain(vec![0; 512])),
        format!("partition table: signature of the sector: {words}, found 18")
    );
    assert_eq!(
        refused(&chain(sector(&[(0x83, 1, 40)]))),
        "partition 6: start: expected a place inside of the extended partition, found 9728"
    );
    let two = disk(&[(0, sector(&[(0x05, 8, 8), (0x0f, 16, 8)]))]);
    assert_eq!(refused(&two), "partition 2: type: expected one extended partition at most, found 15");
    let inside = disk(&[(0, sector(&[(0x05, 8, 32), (0x83, 20, 2)])), (8, sector(&[]))]);
    assert_eq!(
        refused(&inside),
        "partition 2: start: expected nothing in the extended partition but logical ones, found 10240"
    );
}

#[test]
fn a_promised_gpt_must_be_there() {
    let bytes = disk(&[(0, sector(&[(0xee, 1, 127)]))]);
    assert_eq!(
        refused(&bytes),
        "partition table: signature: expected a guid partition table, as the mbr promises one, found 0"
    );
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut state = flate2::Crc::new();
    state.update(bytes);
    state.sum()
}

/// A disk with a GPT of these entries (first and last sector), its header changed by `change` before it is checked.
fn gpt(entries: &[(u64, u64)], change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut table = vec![0; 4 * 128];
    for (at, (first, last)) in entries.iter().enumerate() {
        let entry = &mut table[at * 128..][..128];
        entry[0] = 1;
        entry[32..40].copy_from_slice(&first.to_le_bytes());
        entry[40..48].copy_from_slice(&last.to_le_bytes());
    }
    let mut header = vec![0; 512];
    header[..8].copy_from_slice(b"EFI PART");
    header[12..16].copy_from_slice(&92u32.to_le_bytes());
    for (at, value) in [(24, 1u64), (32, 127), (40, 4), (48, 120), (72, 2)] {
        header[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    header[80..84].copy_from_slice(&4u32.to_le_bytes());
    header[84..88].copy_from_slice(&128u32.to_le_bytes());
    header[88..92].copy_from_slice(&crc32(&table).to_le_bytes());
    change(&mut header);
    let checksum = crc32(&header[..92]);
    header[16..20].copy_from_slice(&checksum.to_le_bytes());
    disk(&[(0, sector(&[(0xee, 1, 127)])), (1, header), (2, table)])
}

#[test]
fn numbers_of_a_gpt_are_checked_though_its_checksums_are_right() {
    assert_eq!(read(&gpt(&[(4, 10), (11, 120)], |_| {})).unwrap().unwrap().partitions.len(), 2);
    assert_eq!(
        refused(&gpt(&[(4, 121)], |_| {})),
        "partition 1: last sector: expected at most 120, found 121"
    );
    assert_eq!(refused(&gpt(&[(3, 10)], |_| {})), "partition 1: first sector: expected at least 4, found 3");
    assert_eq!(refused(&gpt(&[(9, 8)], |_| {})), "partition 1: last sector: expected at most 120, found 8");
    assert_eq!(
        refused(&gpt(&[(4, 10), (10, 11)], |_| {})),
        "partition 2: start behind the partition before it: expected at least 5632, found 5120"
    );
    let far = gpt(&[(4, u64::MAX)], |header| header[48..56].fill(0xff));
    assert!(refused(&far).starts_with("partition 1: last sector"), "{}", refused(&far));
    let many = gpt(&[], |header| header[80..84].fill(0xff));
    assert_eq!(refused(&many), "partition table: entries: expected at most 1024, found 4294967295");
    let odd = gpt(&[], |header| header[84] = 127);
    assert_eq!(
        refused(&odd),
        "partition table: entry length: expected 128 times a power of two, at most 4096, found 127"
    );
    let nowhere = gpt(&[], |header| header[72..80].fill(0xff));
    assert!(refused(&nowhere).starts_with("partition table: sector of the entries"));
    let long = gpt(&[], |header| header[12..16].fill(0xff));
    assert_eq!(refused(&long), "partition table: header length: expected 92 to a sector, found 4294967295");
}
