//! Sound tables of all kinds.

use mender_image::partition::gpt::Copies;
use mender_image::partition::{PartitionKind, PartitionTable, Scheme};

use crate::made_disk::{MadeDisk, installed, read, tool};

fn compare(disk: &MadeDisk) -> PartitionTable {
    let table = read(&disk.bytes()).unwrap().unwrap();
    let ours: Vec<_> = table
        .partitions
        .iter()
        .map(|it| (it.number, it.offset / table.sector_len_bytes, it.len_bytes / table.sector_len_bytes))
        .collect();
    let theirs = disk.listed();
    let not_extended = |number: u32| table.partitions.iter().any(|it| it.number == number);
    let theirs: Vec<_> = theirs.into_iter().filter(|it| not_extended(it.0)).collect();
    assert_eq!(ours, theirs);
    table
}

#[test]
fn mbr_with_four_partitions_as_mender_makes_it() {
    if !installed("sfdisk") {
        return;
    }
    let disk = MadeDisk::new(64 << 20, "label: dos\n,8M,c,*\n,16M,83\n,16M,83\n,8M,83\n");
    let table = compare(&disk);
    assert_eq!(table.scheme, Scheme::Mbr);
    assert_eq!(table.partitions.len(), 4);
    assert_eq!(table.partitions[0].kind, PartitionKind::Mbr(0x0c));
}

#[test]
fn mbr_with_gaps_in_its_numbers_and_order() {
    if !installed("sfdisk") {
        return;
    }
    let script = "label: dos\nstart=40960,size=2048,type=83\n4: start=2048,size=2048,type=c\n";
    let table = compare(&MadeDisk::new(64 << 20, script));
    assert_eq!(table.partitions.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 4]);
}

#[test]
fn logical_partitions() {
    if !installed("sfdisk") {
        return;
    }
    let script = "label: dos\n,4M,c\n,8M,83\n,8M,83\n,,E\n,4M,83\n,4M,83\n,6M,83\n";
    let table = compare(&MadeDisk::new(64 << 20, script));
    assert_eq!(table.partitions.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 2, 3, 5, 6, 7]);
}

#[test]
fn gpt_with_names() {
    if !installed("sfdisk") {
        return;
    }
    let script = "label: gpt\nsize=8M,type=U,name=boot\nsize=16M,name=\"root A\"\nsize=16M,name=\"w\u{fc}rzel\"\nsize=8M\n";
    let disk = MadeDisk::new(64 << 20, script);
    let table = compare(&disk);
    assert_eq!(table.scheme, Scheme::Gpt(Copies::Both));
    let labels: Vec<_> = table.partitions.iter().map(|it| it.label.as_str()).collect();
    assert_eq!(labels, ["boot", "root A", "w\u{fc}rzel", ""]);
    assert_eq!(table.partitions[0].kind.to_string(), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
}

#[test]
fn gpt_of_sgdisk_with_few_and_many_entries() {
    if !installed("sfdisk") || !installed("sgdisk") {
        return;
    }
    for count in ["8", "512"] {
        let disk = MadeDisk::new(32 << 20, "label: gpt\n");
        let path = disk.path();
        let done = tool("sgdisk")
            .args(["-S", count, "-n", "3:0:+4M", "-n", "7:0:+4M", path.to_str().unwrap()])
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        assert_eq!(compare(&disk).partitions.iter().map(|it| it.number).collect::<Vec<_>>(), [3, 7]);
    }
}

#[test]
fn no_table_is_none() {
    assert_eq!(read(&[]).unwrap(), None);
    assert_eq!(read(&[0; 512]).unwrap(), None);
    let mut signature_only = [0; 1024];
    signature_only[510..512].copy_from_slice(&[0x55, 0xaa]);
    assert_eq!(read(&signature_only).unwrap(), None);
}

#[test]
fn a_gpt_lives_on_one_copy() {
    if !installed("sfdisk") {
        return;
    }
    let disk = MadeDisk::new(32 << 20, "label: gpt\nsize=8M,name=boot\nsize=8M\n");
    let good = disk.bytes();
    let partitions = read(&good).unwrap().unwrap().partitions;
    let state = |bytes: &[u8]| {
        let table = read(bytes).unwrap().unwrap();
        assert_eq!(table.partitions, partitions);
        table.scheme
    };
    assert_eq!(state(&good[..good.len() - 512]), Scheme::Gpt(Copies::FirstOnly));
    let damaged = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    assert_eq!(state(&damaged(good.len() - 512 + 60)), Scheme::Gpt(Copies::FirstOnly));
    // Signature, header, entries of the first copy.
    for at in [512, 512 + 60, 1024 + 40] {
        assert_eq!(state(&damaged(at)), Scheme::Gpt(Copies::LastOnly), "byte {at}");
    }
    let mut both = damaged(512 + 60);
    let last = both.len() - 512;
    both[last + 60] ^= 1;
    assert!(read(&both).is_err());
}
