//! Long sequences of operations by chance, beside a model of what they should have done.

use std::collections::BTreeMap;

use mender_image::error::Error;
use mender_image::ext4::FileSystem;
use mender_image::ext4::edit::{Attributes, Editor};
use mender_image::ext4::metadata::FileKind;
use mender_image::limits::Limits;

use crate::image::{Image, MIB, content, e2fsprogs};

const VARIANTS: &[(u64, &str)] = &[
    (4, "-t ext4 -b 1024 -O ^has_journal -N 200"),
    (4, "-t ext2 -b 1024 -N 200"),
    (6, "-t ext4 -b 2048 -O ^has_journal,inline_data,^64bit -N 300"),
    (16, "-t ext4 -b 4096 -J size=4 -N 300"),
    (6, "-t ext4 -b 1024 -g 1024 -O ^has_journal,^resize_inode,^metadata_csum,uninit_bg,^flex_bg -N 384"),
    (6, "-t ext4 -b 1024 -g 512 -O ^has_journal,^resize_inode -N 384"),
];
const ROUNDS: usize = 12;
const OPERATIONS: usize = 40;

/// xorshift64*: the same numbers in each run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bound = u64::try_from(bound).unwrap();
        usize::try_from((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8) % bound).unwrap()
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Folder(Attributes),
    File(Attributes, Vec<u8>),
    Link(Vec<u8>),
}

type Model = BTreeMap<String, Node>;

fn attributes(random: &mut Random) -> Attributes {
    Attributes {
        mode: u16::try_from(random.below(0o10000)).unwrap(),
        uid: u32::try_from(random.below(1 << 32)).unwrap(),
        gid: u32::try_from(random.below(100_000)).unwrap(),
        mtime_seconds: i64::try_from(random.below(4_000_000_000)).unwrap(),
    }
}

fn any(random: &mut Random, model: &Model, want: impl Fn(&Node) -> bool) -> Option<String> {
    let paths: Vec<&String> = model.iter().filter(|(_, node)| want(node)).map(|(path, _)| path).collect();
    if paths.is_empty() { None } else { Some(paths[random.below(paths.len())].clone()) }
}

fn is_folder(node: &Node) -> bool {
    matches!(node, Node::Folder(_))
}

fn below<'m>(model: &'m Model, folder: &'m str) -> impl Iterator<Item = String> + 'm {
    let start = format!("{folder}/");
    model.keys().filter(move |path| path.starts_with(&start)).cloned()
}

/// Does one operation on both; one that finds no room changes neither.
fn operate(random: &mut Random, model: &mut Model, editor: &mut Editor<'_>) {
    let folder = any(random, model, is_folder).unwrap_or_default();
    let long = if random.below(3) == 0 { random.below(200) } else { 0 };
    let name = format!("{folder}/{}{}", random.below(1000), "n".repeat(long));
    let attributes = attributes(random);
    let (result, after) = match random.below(12) {
        0..=5 => {
            let path = match random.below(3) {
                0 => any(random, model, |node| matches!(node, Node::File(..))).unwrap_or(name),
                _ => name,
            };
            if model.get(&path).is_some_and(|node| !matches!(node, Node::File(..))) {
                return;
            }
            let most = [100, 3000, 60_000, 700_000][random.below(4)];
            let bytes = content(random.below(most), random.below(250));
            let result = editor.put_file(path.as_bytes(), &mut &bytes[..], &attributes);
            model_after(model, |model| model.insert(path, Node::File(attributes, bytes)), result)
        }
        6 | 7 => {
            let path = format!("{name}/{}", random.below(10));
            if model.contains_key(&name) {
                return;
            }
            let result = editor.make_folder(path.as_bytes(), &attributes, true);
            model_after(
                model,
                |model| {
                    model.insert(path, Node::Folder(attributes.clone()));
                    model.insert(name, Node::Folder(attributes))
                },
                result,
            )
        }
        8 => {
            if model.contains_key(&name) {
                return;
            }
            let target = content(1 + random.below(200), 3);
            let result = editor.make_symlink(name.as_bytes(), &target, &attributes);
            model_after(model, |model| model.insert(name, Node::Link(target)), result)
        }
        9 => {
            let Some(path) = any(random, model, |node| !matches!(node, Node::Link(_))) else { return };
            let result = editor.set_attributes(path.as_bytes(), &attributes);
            let change = |model: &mut Model| {
                let node = match model.remove(&path) {
                    Some(Node::File(_, bytes)) => Node::File(attributes, bytes),
                    _ => Node::Folder(attributes),
                };
                model.insert(path, node)
            };
            model_after(model, change, result)
        }
        _ => {
            let folders = random.below(4) == 0;
            let Some(path) = any(random, model, |node| folders || !is_folder(node)) else { return };
            let result = editor.remove(path.as_bytes(), true);
            let change = |model: &mut Model| {
                for gone in below(model, &path).collect::<Vec<_>>() {
                    model.remove(&gone);
                }
                model.remove(&path)
            };
            model_after(model, change, result)
        }
    };
    match result {
        Ok(()) => *model = after,
        Err(Error::Full(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

fn model_after(
    model: &Model,
    change: impl FnOnce(&mut Model) -> Option<Node>,
    result: Result<(), Error>,
) -> (Result<(), Error>, Model) {
    let mut after = model.clone();
    change(&mut after);
    (result, after)
}

fn compare(model: &Model, fs: &FileSystem<'_>) {
    let mut waiting = vec![String::new()];
    let mut found = 0;
    while let Some(folder) = waiting.pop() {
        for entry in fs.list(format!("{folder}/").as_bytes()).unwrap() {
            let path = format!("{folder}/{}", String::from_utf8(entry.name).unwrap());
            if path == "/lost+found" {
                continue;
            }
            found += 1;
            let metadata = &entry.metadata;
            let has = Attributes {
                mode: metadata.mode,
                uid: metadata.uid,
                gid: metadata.gid,
                mtime_seconds: metadata.mtime_seconds,
            };
            match (&model[&path], metadata.kind) {
                (Node::Folder(attributes), FileKind::Directory) => {
                    assert_eq!(*attributes, has);
                    waiting.push(path);
                }
                (Node::File(attributes, bytes), FileKind::Regular) => {
                    assert_eq!(*attributes, has);
                    assert!(fs.read_file(path.as_bytes()).unwrap() == *bytes, "{path}");
                }
                (Node::Link(target), FileKind::Symlink) => {
                    assert_eq!(fs.read_link(path.as_bytes()).unwrap(), *target);
                }
                other => panic!("{path}: {other:?}"),
            }
        }
    }
    assert_eq!(found, model.len());
}

#[test]
fn sequences_by_chance_agree_with_a_model() {
    if !e2fsprogs() {
        return;
    }
    for (seed, (len, options)) in (1..).zip(VARIANTS) {
        println!("{options}");
        let mut random = Random(0x9e37_79b9_7f4a_7c15u64.wrapping_mul(seed));
        let mut model = Model::new();
        let mut image = Image::new(len * MIB, &format!("{options} -m 0"), None);
        let fresh = image.bytes.clone();
        for round in 0..ROUNDS {
            image.edit(|editor| {
                for _ in 0..OPERATIONS {
                    operate(&mut random, &mut model, editor);
                }
                compare(&model, &editor.view().unwrap());
            });
            image.check(&format!("{options}: round {round}"));
            let device = &image.bytes[..];
            compare(&model, &FileSystem::open(&device, &Limits::default()).unwrap());
        }
        image.check_ranges();
        assert!(model.len() > 20, "{}", model.len());
        // Empty again: the counts are what they were.
        image.edit(|editor| {
            let top: Vec<String> =
                model.keys().filter(|path| path.matches('/').count() == 1).cloned().collect();
            for path in top {
                editor.remove(path.as_bytes(), true).unwrap();
            }
        });
        image.check("empty again");
        let counts =
            |bytes: &[u8]| (bytes[1024 + 0x0c..1024 + 0x14].to_vec(), bytes[1024..1024 + 0x0c].to_vec());
        if !options.contains("inline_data") {
            assert_eq!(counts(&image.bytes), counts(&fresh), "{options}");
        }
    }
}
