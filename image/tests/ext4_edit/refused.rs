//! File systems that are not changed, each for its reason.

use mender_image::ext4::edit::Editor;
use mender_image::limits::Limits;

use crate::image::{Image, MIB, e2fsprogs};

fn refusal(image: &mut Image) -> String {
    let before = image.bytes.clone();
    let text = match Editor::open(&mut image.bytes, &Limits::default()) {
        Ok(_) => "opened".to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(image.bytes == before);
    text
}

#[test]
fn features_that_are_not_written_are_named() {
    if !e2fsprogs() {
        return;
    }
    let read_only = "superblock: read-only compatible features: expected only those that are written, found ";
    let incompatible = "superblock: incompatible features: expected only those that are written, found ";
    for (features, expected) in [
        ("quota", format!("{read_only}quota")),
        ("quota,project", format!("{read_only}quota project")),
        ("verity", format!("{read_only}verity")),
        ("bigalloc", format!("{read_only}bigalloc")),
        ("casefold", format!("{incompatible}casefold")),
        ("mmp", format!("{incompatible}mmp")),
        ("ea_inode", format!("{incompatible}ea_inode")),
        ("encrypt", "superblock: incompatible features: expected only known ones, found encrypt".to_owned()),
    ] {
        let mut image = Image::new(16 * MIB, &format!("-t ext4 -b 4096 -O {features}"), None);
        assert_eq!(refusal(&mut image), expected);
    }
}

#[test]
fn what_is_not_clean_is_not_touched() {
    if !e2fsprogs() {
        return;
    }
    for (request, expected) in [
        (
            "feature needs_recovery",
            "superblock: journal: expected an empty one, as e2fsck leaves it, found changes that have not reached their place",
        ),
        (
            "set_super_value state 0",
            "superblock: state: expected clean, as e2fsck leaves it, found not unmounted",
        ),
        ("set_super_value state 3", "superblock: state: expected clean, as e2fsck leaves it, found errors"),
        (
            "set_super_value last_orphan 12",
            "superblock: orphan list: expected an empty one, as e2fsck leaves it, found deleted files that wait to be cleared",
        ),
        ("set_super_value creator_os 1", "superblock: creator: expected Linux, found Hurd"),
    ] {
        let mut image = Image::new(16 * MIB, "-t ext4 -b 4096 -J size=4", None);
        assert_eq!(refusal(&mut image), "opened");
        image.change(&[request.to_owned()]);
        assert_eq!(refusal(&mut image), expected, "{request}");
    }
    // A journal that has something although the superblock does not say so.
    let mut image = Image::new(16 * MIB, "-t ext4 -b 4096 -J size=4", None);
    let journal = 4096 * image.ask("bmap <8> 0").trim().parse::<usize>().unwrap();
    image.bytes[journal + 0x1f] = 1;
    assert!(refusal(&mut image).contains("journal: expected an empty one, as e2fsck leaves it, found"));
    image.bytes[journal + 0x1f] = 0;
    image.bytes[journal + 0x23] = 5;
    assert!(refusal(&mut image).contains("journal: expected one without errors, as e2fsck leaves it"));
    image.bytes[journal] = 0;
    assert!(refusal(&mut image).contains("inode 8: magic of the journal"));
}
