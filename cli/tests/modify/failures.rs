//! Whatever goes wrong half-way, the Artifact stays as it was.

use crate::unfinished::is_writing;
use crate::workplace::{Workplace, image_bytes, key};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A folder of its own file system, mounted as long as this lives.
struct Mounted<'p> {
    place: &'p Workplace,
}

impl<'p> Mounted<'p> {
    fn new(place: &'p Workplace, options: &str) -> Option<Self> {
        fs::create_dir(place.path("mounted")).unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", options, "tmpfs"], place);
        if !mounted {
            println!("skipped: mounting is not possible here");
        }
        mounted.then_some(Self { place })
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.place.path("mounted")).status();
    }
}

fn mount(arguments: &[&str], place: &Workplace) -> bool {
    let ended = Command::new("mount").args(arguments).arg(place.path("mounted")).output();
    ended.is_ok_and(|ended| ended.status.success())
}

/// The commands that replace an Artifact.
fn commands() -> [Vec<String>; 3] {
    let text = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let key = key("rsa-pkcs1.pem");
    [
        text(&["sign", "mounted/a", "-k", &key]),
        text(&["modify", "mounted/a", "-n", "release-2"]),
        text(&["modify", "mounted/a", "--compression", "lzma"]),
    ]
}

fn all_fail(place: &Workplace) {
    let before = place.bytes("mounted/a");
    for command in commands() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let ended = place.run(&words);
        assert!(matches!(ended.status, 3 | 7), "{words:?}: {ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
        assert!(place.bytes("mounted/a") == before, "{words:?}");
        assert_eq!(fs::read_dir(place.path("mounted")).unwrap().count(), 1, "{words:?} leaves something");
    }
}

#[test]
fn on_a_full_file_system() {
    let place = Workplace::new();
    let Some(_mounted) = Mounted::new(&place, "size=280k") else { return };
    place.write_image("a", &["--compression", "none"]);
    fs::copy(place.path("a"), place.path("mounted/a")).unwrap();
    all_fail(&place);
}

#[test]
fn in_a_folder_that_cannot_be_written() {
    let place = Workplace::new();
    let Some(_mounted) = Mounted::new(&place, "size=10m") else { return };
    place.write_image("mounted/a", &[]);
    assert!(mount(&["-o", "remount,ro"], &place));
    all_fail(&place);
}

#[test]
fn killed_in_the_middle() {
    let place = Workplace::new();
    let mut image = Vec::new();
    while image.len() < 24 << 20 {
        image.extend_from_slice(&image_bytes());
        image.push(image.len().to_le_bytes()[0]);
    }
    place.put("img", image);
    place.write_image("a", &["--compression", "none"]);
    let before = place.bytes("a");
    let mut child = place
        .command(&["modify", "a", "-n", "release-2", "--compression", "lzma"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Until its output has begun, which has a name only where the system wants one.
    let start = Instant::now();
    while !is_writing(&place, child.id()) && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(is_writing(&place, child.id()));
    let named = place.names().iter().any(|name| name.ends_with(".part"));
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success(), "it was done before it was killed");
    assert!(place.bytes("a") == before);
    assert!(named || place.names() == ["a", "img"], "{:?}", place.names());
    place.ok(&["validate", "a"]);
    // What is left behind does not stand in the way.
    place.ok(&["modify", "a", "-n", "release-2"]);
    place.ok(&["validate", "a"]);
}
