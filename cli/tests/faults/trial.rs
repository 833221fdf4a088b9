//! Goes through the calls of a command, with all faults at each.

use crate::cases::Case;
use crate::injection::{Fault, Injection, calls, faults};
use crate::judgement::{Ending, Judge, Verdict};
use crate::state::{State, copy};
use crate::workplace::Workplace;
use std::collections::BTreeMap;
use std::process::Command;

/// Which calls get faults.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calls {
    /// Those by which outputs get their content and their name, a few of each.
    OfOutputs,
    All,
}

/// Most calls of one name that get faults: of more, these many, evenly.
const MOST: usize = 250;
const MOST_OF_OUTPUTS: usize = 3;
const OF_OUTPUTS: [&str; 11] = [
    "write",
    "pwrite64",
    "copy_file_range",
    "ftruncate",
    "fallocate",
    "fsync",
    "linkat",
    "link",
    "rename",
    "renameat2",
    "renameat",
];

/// A case with the states before and after its command.
pub(crate) struct Prepared {
    template: Workplace,
    pub(crate) before: State,
    pub(crate) after: State,
}

/// Makes the inputs, and sees what the command makes of them; `None` where what makes them is not installed.
pub(crate) fn prepare(case: &Case) -> Option<Prepared> {
    let template = Workplace::new();
    if !(case.prepare)(&template) {
        return None;
    }
    let place = copied(&template);
    let before = State::of(&place, case);
    let output = command(case, &place).output().unwrap();
    assert!(output.status.success(), "{}: {output:?}", case.name);
    let after = State::of(&place, case);
    assert!(before != after);
    Some(Prepared { template, before, after })
}

impl Prepared {
    /// A new folder with the inputs.
    pub(crate) fn place(&self) -> Workplace {
        copied(&self.template)
    }

    /// The inputs put into a folder that exists.
    pub(crate) fn put_into(&self, folder: &std::path::Path) {
        copy(&self.template.path(""), folder);
    }
}

fn copied(template: &Workplace) -> Workplace {
    let place = Workplace::new();
    copy(&template.path(""), &place.path(""));
    place
}

/// The command of a case, the same each time.
pub(crate) fn command(case: &Case, place: &Workplace) -> Command {
    let words: Vec<&str> = case.words.iter().map(String::as_str).collect();
    let mut command = place.command(&words);
    command.env("SOURCE_DATE_EPOCH", "1700000000").env("TMPDIR", place.path("tmp"));
    command
}

pub(crate) fn go_through(case: &Case, which: Calls) {
    let strace = Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]).output();
    if !strace.is_ok_and(|output| output.status.success()) {
        return println!("skipped: strace is not installed, or may not trace");
    }
    let Some(prepared) = prepare(case) else { return };
    let place = prepared.place();
    let log = tempfile::NamedTempFile::new().unwrap();
    let calls = calls(&command(case, &place), log.path());
    let judge = Judge { case, before: &prepared.before, after: &prepared.after };
    let (mut sites, mut verdicts, mut findings) = (0, BTreeMap::<Verdict, usize>::new(), Vec::new());
    // How many faults of each kind were put in, and how many of them were refused.
    let mut errors: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (call, numbers) in &calls {
        let most = if which == Calls::All { MOST } else { MOST_OF_OUTPUTS };
        if which == Calls::OfOutputs && !OF_OUTPUTS.contains(&call.as_str()) {
            continue;
        }
        let numbers: Vec<usize> = numbers.clone().collect();
        // The last ones are always among them: there things get their names.
        let step = numbers.len().div_ceil(most);
        for &number in numbers.iter().rev().step_by(step) {
            sites += 1;
            for &fault in faults(call) {
                let injection = Injection { call: call.clone(), number, fault };
                let kind = if let Fault::Error(name) = fault { name } else { "SIGKILL" };
                let counts = errors.entry(kind).or_default();
                counts[0] += 1;
                let place = prepared.place();
                let output = injection.command(&command(case, &place)).output().unwrap();
                match judge.judge(&place, &Ending::of(&output), call, fault == Fault::Kill) {
                    Ok(verdict) => {
                        counts[1] += usize::from(verdict == Verdict::Refused);
                        *verdicts.entry(verdict).or_default() += 1;
                    }
                    Err(why) => {
                        let line = format!("{} {call} {number} {fault:?}: {why}", case.name);
                        println!("{line}");
                        findings.push(line);
                    }
                }
            }
        }
    }
    let row = Verdict::ALL.map(|verdict| verdicts.get(&verdict).copied().unwrap_or(0).to_string());
    let faults: usize = errors.values().map(|counts| counts[0]).sum();
    println!("| {} | {sites} | {faults} | {} | {} |", case.name, row.join(" | "), findings.len());
    println!("put in, refused: {errors:?}");
    // Else nothing was put in at all.
    let killed = [Verdict::KilledBefore, Verdict::Half].iter().any(|verdict| verdicts.contains_key(verdict));
    assert!(killed && verdicts.contains_key(&Verdict::Refused), "{verdicts:?}");
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}
