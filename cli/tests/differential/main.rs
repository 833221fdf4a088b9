//! Runs hundreds of generated cases through Debian's mender-artifact (release 3.9) and ours, and compares what comes
//! out: the content of the Artifacts, the exit statuses, and whether each reads what the other wrote.
//!
//! | file | what |
//! |---|---|
//! | `cases` | the cases: options crossed with kinds of payload, limits, mistakes |
//! | `rewriting` | changes of Artifacts that exist, and what is taken out of them |
//! | `spoilt` | Artifacts with a defect, for reading |
//! | `fixtures` | files that the cases name |
//! | `tools` | both tools, run in one folder |
//! | `content` | an Artifact taken apart, by other code than that of the project |
//! | `status` | which exit status of ours answers which of theirs |
//! | `known` | the differences that are meant to be, each with its reason |
// All of it is test code, which may stop at whatever is not as it should be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod cases;
mod content;
mod fixtures;
mod known;
mod rewriting;
mod spoilt;
mod status;
mod tools;

use cases::Case;
use content::Content;
use fixtures::Fixtures;
use known::Known;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tools::{Tool, installed};

/// Something in which the tools differ.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// The command line, or what was read.
    pub(crate) case: String,
    /// What was compared: `status of write`, `header-info`, `ours validates theirs`…
    pub(crate) what: String,
    pub(crate) ours: String,
    pub(crate) theirs: String,
}

/// What all cases together have brought to light.
#[derive(Default)]
pub(crate) struct Findings(Mutex<Vec<Difference>>);

impl Findings {
    pub(crate) fn same(&self, case: &str, what: &str, ours: impl ToString, theirs: impl ToString) {
        let (ours, theirs) = (ours.to_string(), theirs.to_string());
        if ours != theirs {
            self.add(case, what, ours, theirs);
        }
    }

    pub(crate) fn add(&self, case: &str, what: &str, ours: String, theirs: String) {
        let difference = Difference { case: case.to_owned(), what: what.to_owned(), ours, theirs };
        self.0.lock().unwrap().push(difference);
    }

    /// Every difference is a known one, and every known one was there, in every case that it names.
    fn judge(self, all_known: &[Known]) {
        let mut seen: Vec<Vec<String>> = all_known.iter().map(|_| Vec::new()).collect();
        let mut unknown = Vec::new();
        for difference in self.0.into_inner().unwrap() {
            match all_known.iter().position(|known| known.explains(&difference)) {
                Some(index) => seen[index].push(difference.case),
                None => unknown.push(difference),
            }
        }
        let mut gone = Vec::new();
        for (known, seen) in all_known.iter().zip(&seen) {
            println!("known difference, {} times: {}: {}", seen.len(), known.name, known.reason);
            if seen.is_empty() {
                gone.push(known.name);
            }
            gone.extend(known.cases.iter().filter(|case| !seen.iter().any(|seen| seen == **case)));
        }
        assert!(unknown.is_empty(), "{} differences that are not known:\n{}", unknown.len(), shown(&unknown));
        assert!(gone.is_empty(), "known differences that no longer occur: {}", gone.join("\n"));
    }
}

/// The same difference in several cases is shown once.
fn shown(differences: &[Difference]) -> String {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    for Difference { case, what, ours, theirs } in differences {
        groups.entry((what, ours, theirs)).or_default().push(case);
    }
    let group = |((what, ours, theirs), cases): (&(&str, &str, &str), &Vec<&str>)| {
        format!(
            "{what}\n  ours:   {ours}\n  theirs: {theirs}\n  {} times, such as: {}",
            cases.len(),
            cases[0]
        )
    };
    groups.iter().map(group).collect::<Vec<_>>().join("\n")
}

#[test]
fn both_tools_do_the_same() {
    if !installed() {
        return println!("skipped: {} is not installed", tools::THEIRS);
    }
    let fixtures = Fixtures::new();
    let findings = Findings::default();
    let cases = cases::all();
    assert!(cases.len() >= 300, "{}", cases.len());
    each(&cases, |index, case| write_and_compare(&fixtures, index, case, &findings));
    let spoilt = spoilt::all(&fixtures);
    assert!(spoilt.len() >= 60, "{}", spoilt.len());
    each(&spoilt, |index, spoilt| read_and_compare(&fixtures, index, spoilt, &findings));
    println!("{} cases of writing, {} of reading", cases.len(), spoilt.len());
    findings.judge(known::ALL);
}

#[test]
fn both_tools_change_and_take_apart_the_same() {
    if !installed() {
        return println!("skipped: {} is not installed", tools::THEIRS);
    }
    let fixtures = Fixtures::new();
    let findings = Findings::default();
    let changes = rewriting::all(&fixtures);
    assert!(changes.len() >= 100, "{}", changes.len());
    each(&changes, |index, change| rewriting::modify_and_compare(&fixtures, index, change, &findings));
    let dumps: Vec<usize> = (0..rewriting::DUMPS).collect();
    each(&dumps, |_, index| rewriting::dump_and_compare(&fixtures, *index, &findings));
    println!("{} cases of changing, {} of taking apart", changes.len(), dumps.len());
    findings.judge(known::REWRITING);
}

/// On all processors.
fn each<T: Sync>(items: &[T], body: impl Fn(usize, &T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, Into::into).min(8) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    body(index, item);
                }
            });
        }
    });
}

/// Both write the same Artifact; both check both; one is signed by the other tool.
fn write_and_compare(fixtures: &Fixtures, index: usize, case: &Case, findings: &Findings) {
    let name = case.line();
    let (ours, theirs) = (format!("{index}.ours"), format!("{index}.theirs"));
    let by_us = fixtures.run(Tool::Ours, &case.arguments(Tool::Ours, &ours));
    let by_them = fixtures.run(Tool::Theirs, &case.arguments(Tool::Theirs, &theirs));
    let made = |file: &str| fixtures.path(file).exists();
    let they_succeeded = by_them.status == 0 && made(&theirs);
    status::compare(findings, &name, "write", &by_us, &by_them, they_succeeded);
    if by_us.status == 0 || they_succeeded {
        findings.same(&name, "an Artifact is made", made(&ours), by_us.status == 0);
        findings.same(&name, "they make an Artifact", made(&theirs), they_succeeded);
    }
    if made(&ours) && made(&theirs) {
        Content::of(&fixtures.bytes(&ours)).compare(&Content::of(&fixtures.bytes(&theirs)), &name, findings);
        for (reader, who) in [(Tool::Ours, "ours"), (Tool::Theirs, "theirs")] {
            for (file, whose) in [(&ours, "ours"), (&theirs, "theirs")] {
                for command in ["validate", "read"] {
                    let flags = [&[command, file.as_str()][..], &case.check_flags()].concat();
                    let ended = fixtures.run(reader, &flags);
                    findings.same(&name, &format!("{command} by {who} of {whose}"), ended.status, 0);
                }
            }
        }
        if index % 3 == 0 && case.key.is_none() {
            sign_crosswise(fixtures, &name, &ours, &theirs, findings);
        }
    }
    for file in [ours, theirs] {
        let _ = std::fs::remove_file(fixtures.path(&file));
    }
}

/// Each signs what the other wrote, and the other one checks it.
fn sign_crosswise(fixtures: &Fixtures, name: &str, ours: &str, theirs: &str, findings: &Findings) {
    for (signer, file, checker) in [(Tool::Ours, theirs, Tool::Theirs), (Tool::Theirs, ours, Tool::Ours)] {
        let what = format!("sign by {signer:?}, validate by {checker:?}");
        let signed = fixtures.run(signer, &["sign", file, "-k", "rsa-pkcs1.pem"]);
        let checked = fixtures.run(checker, &["validate", file, "-k", "rsa-public.pem"]);
        findings.same(name, &what, format!("{} {}", signed.status, checked.status), "0 0");
    }
}

/// Both read an Artifact that may have a defect.
fn read_and_compare(fixtures: &Fixtures, index: usize, spoilt: &spoilt::Spoilt, findings: &Findings) {
    let file = format!("{index}.spoilt");
    std::fs::write(fixtures.path(&file), &spoilt.bytes).unwrap();
    for (command, evidence) in [("validate", "validated successfully"), ("read", "Mender artifact:")] {
        let flags: Vec<&str> =
            [command, file.as_str()].into_iter().chain(spoilt.flags.iter().copied()).collect();
        let by_us = fixtures.run(Tool::Ours, &flags);
        let by_them = fixtures.run(Tool::Theirs, &flags);
        let they_succeeded = by_them.status == 0 && by_them.stdout.contains(evidence);
        status::compare(findings, &spoilt.name, command, &by_us, &by_them, they_succeeded);
    }
    std::fs::remove_file(fixtures.path(&file)).unwrap();
}
