//! Our reader of tar archives beside the crate `tar`: what ours accepts, the other must see the same way.

use crate::drawn::{Drawn, pieces};
use crate::tar_checksums::seal_all;
use mender_artifact::fuzzing::{TarMember, tar_members};
use std::io::Read;

/// First byte: whether checksums are set right first; second: how the rest is cut; then the archive.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    let (sealed, seed) = (drawn.flag(), drawn.byte());
    let mut bytes = drawn.rest().to_vec();
    if sealed {
        seal_all(&mut bytes);
    }
    let whole = tar_members(pieces(&bytes, 0));
    for seed in [1, seed] {
        match (&whole, tar_members(pieces(&bytes, seed))) {
            (Ok(whole), Ok(other)) => assert_eq!(*whole, other),
            (Err(whole), Err(other)) => assert_eq!(whole.to_string(), other.to_string()),
            (whole, other) => panic!("{whole:?}, {other:?}"),
        }
    }
    if let Ok(ours) = whole {
        compare(&ours, &bytes);
    }
}

fn compare(ours: &[TarMember], bytes: &[u8]) {
    let mut archive = tar::Archive::new(bytes);
    let mut theirs = archive.entries().unwrap();
    for member in ours {
        let entry = theirs.next().unwrap_or_else(|| panic!("missing in theirs: {member:?}"));
        let mut entry = entry.unwrap_or_else(|error| panic!("{error}: {member:?}"));
        let name = entry.path_bytes().into_owned();
        // The crate takes off a slash at the end of a directory's name in some headers only.
        let bare = |name: &[u8]| name.strip_suffix(b"/").unwrap_or(name).to_vec();
        assert_eq!(bare(&name), bare(&member.name));
        let mut contents = Vec::new();
        if !member.is_directory {
            entry.read_to_end(&mut contents).unwrap();
            assert!(entry.header().entry_type().is_file(), "{:?}", entry.header().entry_type());
        }
        assert_eq!(contents, member.contents);
    }
    assert!(theirs.next().is_none_or(|more| more.is_err()), "more in theirs");
}
