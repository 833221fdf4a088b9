//! Links between documents lead somewhere, and those of the book do not lead out of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// What is wrong with the links of a document in the project's folder.
pub(crate) fn wrong_links(project: &Path, document: &Path) -> Vec<String> {
    let name = document.strip_prefix(project).unwrap().display().to_string();
    let mut wrong = Vec::new();
    for link in links(&fs::read_to_string(document).unwrap()) {
        if link.contains("://") || link.starts_with("mailto:") {
            continue;
        }
        let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
        let target = if path.is_empty() {
            document.to_path_buf()
        } else {
            plain(&document.parent().unwrap().join(path))
        };
        if !target.exists() {
            wrong.push(format!("{name}: {link}: there is no {path}"));
        } else if name.starts_with("docs/") && !target.starts_with(project.join("docs")) {
            wrong.push(format!("{name}: {link}: leads out of the book; name the file without a link"));
        } else if !anchor.is_empty() && !anchors(&target).contains(anchor) {
            wrong.push(format!("{name}: {link}: there is no such heading"));
        }
    }
    wrong
}

/// Lines that are no code, with those parts left out that are.
fn prose(text: &str) -> impl Iterator<Item = String> {
    let mut fenced = false;
    let lines = text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    lines.map(|line| line.split('`').step_by(2).collect::<Vec<_>>().join("`"))
}

fn links(text: &str) -> Vec<String> {
    let prose: Vec<String> = prose(text).collect();
    let ends = prose.iter().flat_map(|line| line.split("](").skip(1));
    ends.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

/// The names that headings get: letters, digits, `-` and `_`, in lower case; blanks as `-`.
fn anchors(document: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(document).unwrap_or_default();
    let mut fenced = false;
    let headings = text.lines().filter(move |line| {
        fenced ^= line.trim_start().starts_with("```");
        !fenced && line.starts_with('#')
    });
    let anchor = |heading: &str| -> String {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
        kept.map(|character| if character == ' ' { '-' } else { character }).collect()
    };
    headings.map(anchor).collect()
}

/// The path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[test]
fn links_and_headings_are_found() {
    let text =
        "# A b: `c`, d!\n[x](y.md#z) and `[code](no)`\n```text\n[no](no)\n# no\n```\n[two](a) [three](b)\n";
    assert_eq!(links(text), ["y.md#z", "a", "b"]);
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("a.md");
    fs::write(&document, text).unwrap();
    assert_eq!(anchors(&document), BTreeSet::from(["a-b-c-d".to_owned()]));
    let wrong = wrong_links(folder.path(), &document);
    assert_eq!(wrong, ["a.md: y.md#z: there is no y.md", "a.md: a: there is no a", "a.md: b: there is no b"]);
}
