//! A sound Artifact to which something was done: members and files changed, moved, doubled, renamed. Checksums follow,
//! so that the reader gets past them.

use crate::drawn::Drawn;
use crate::parts::{Members, augmented, line, pack, sound, tar, version_2};
use crate::reading::read;

const SUFFIXES: [&str; 4] = ["", ".gz", ".xz", ".zst"];
const NAMES: [&str; 24] = [
    "version",
    "manifest",
    "manifest.sig",
    "manifest-augment",
    "header.tar",
    "header.tar.gz",
    "header-augment.tar",
    "data/0000.tar",
    "data/0001.tar",
    "data/0000.tar.gz",
    "header-info",
    "headers/0000/type-info",
    "headers/0000/meta-data",
    "headers/0001/type-info",
    "headers/0000/files",
    "scripts/ArtifactInstall_Enter_01_x",
    "scripts/..",
    "a.bin",
    "b.bin",
    "../x",
    ".",
    "",
    "data/0000/a.bin",
    "./version",
];

/// What is done to one list of members.
fn change(members: &mut Members, drawn: &mut Drawn<'_>) {
    let at = drawn.below(members.len());
    let what = drawn.byte() % 9;
    if members.is_empty() {
        return members.push((NAMES[drawn.below(NAMES.len())].to_owned(), drawn.piece().to_vec()));
    }
    match what {
        0 => drop(members.remove(at)),
        1 => members.insert(at, members[at].clone()),
        2 => {
            let other = drawn.below(members.len());
            members.swap(at, other);
        }
        3 => members[at].0 = NAMES[drawn.below(NAMES.len())].to_owned(),
        4 => {
            let name = String::from_utf8_lossy(drawn.bytes(12)).into_owned();
            members[at].0 = name.chars().filter(char::is_ascii).collect();
        }
        5 => members[at].1 = drawn.piece().to_vec(),
        6 => {
            let place = drawn.below(members[at].1.len() + 1);
            let piece = drawn.bytes(8).to_vec();
            drop(members[at].1.splice(place..place, piece));
        }
        7 => {
            let place = drawn.below(members[at].1.len());
            if let Some(byte) = members[at].1.get_mut(place) {
                *byte = drawn.byte();
            }
        }
        _ => {
            let place = drawn.below(members[at].1.len());
            members[at].1.truncate(place);
        }
    }
}

/// Which Artifact, how it is packed, what is done to it, how it is cut.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    let (seed, kind) = (drawn.byte(), drawn.byte());
    let mut added = augmented();
    if kind & 3 != 0 {
        added.parts = if kind & 3 == 1 { version_2() } else { sound() };
    }
    added.parts.header_suffix = SUFFIXES[usize::from(kind >> 2 & 3)];
    added.parts.data_suffix = SUFFIXES[usize::from(kind >> 4 & 3)];
    let mut outer = Vec::new();
    while !drawn.is_empty() && outer.len() < 6 {
        match drawn.byte() % 6 {
            0 | 1 => change(&mut added.parts.header, &mut drawn),
            2 => change(&mut added.parts.payloads[0], &mut drawn),
            3 => change(&mut added.header, &mut drawn),
            4 => {
                let manifest = added.parts.manifest_text();
                let name = String::from_utf8_lossy(drawn.bytes(16)).into_owned();
                added.parts.manifest = Some(manifest + &line(&name, b""));
            }
            // Comes last, when everything else is known.
            _ => {
                let here = drawn;
                outer.push(here);
                drawn.bytes(8);
            }
        }
    }
    let mut members = if kind & 3 == 0 { added.members() } else { added.parts.members() };
    for mut drawn in outer {
        change(&mut members, &mut drawn);
    }
    read(&tar(&members), seed);
    // The same behind a packed stream that was cut or changed.
    let mut packed = pack(added.parts.data_suffix, &tar(&added.parts.payloads[0]));
    let place = drawn.below(packed.len());
    packed[place] ^= drawn.byte();
    if let Some(data) = members.iter_mut().find(|(name, _)| name.starts_with("data/0000.tar")) {
        data.1 = packed;
    }
    read(&tar(&members), seed);
}
