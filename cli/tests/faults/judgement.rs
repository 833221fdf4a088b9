//! Whether what a fault has led to is what has been promised.

use crate::cases::Case;
use crate::state::State;
use crate::trial::command;
use crate::workplace::Workplace;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

/// What is as it should be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Verdict {
    /// Failed, said why in a line, and everything is as it was.
    Refused,
    /// Succeeded, and what came out is right.
    Harmless,
    /// All was done and is right, but its report had nowhere to go: a failure all the same.
    Untold,
    /// Did not get as far as running, or gave up for want of memory; everything is as it was.
    GivenUp,
    /// Killed, and everything is as it was.
    KilledBefore,
    /// Killed, and all is done.
    KilledAfter,
    /// Killed, and the next run takes away what was left and is complete.
    Reclaimed,
    /// Killed while an image was changed in its place: some sectors are new, some are old; or between the names of a
    /// key and its certificate. As the documents say.
    Half,
    /// Not killed: threads share their work in another way each time, and this one made fewer calls.
    Missed,
}

impl Verdict {
    pub(crate) const ALL: [Self; 9] = [
        Self::Refused,
        Self::Harmless,
        Self::Untold,
        Self::GivenUp,
        Self::KilledBefore,
        Self::KilledAfter,
        Self::Reclaimed,
        Self::Half,
        Self::Missed,
    ];
}

/// How a process ended.
pub(crate) struct Ending {
    code: Option<i32>,
    signal: Option<i32>,
    said: String,
}

impl Ending {
    pub(crate) fn of(output: &Output) -> Self {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { code: output.status.code(), signal: output.status.signal(), said }
    }
}

/// Exit statuses that the documents have.
const FAILURES: std::ops::RangeInclusive<i32> = 1..=11;
const PANIC: i32 = 101;
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;

pub(crate) struct Judge<'c> {
    pub(crate) case: &'c Case,
    pub(crate) before: &'c State,
    pub(crate) after: &'c State,
}

impl Judge<'_> {
    /// `call` is that with the fault.
    pub(crate) fn judge(
        &self,
        place: &Workplace,
        ending: &Ending,
        call: &str,
        killed: bool,
    ) -> Result<Verdict, String> {
        let now = State::of(place, self.case);
        match (ending.code, ending.signal) {
            // strace ends as what it traces does; timeout says it by a number.
            (None, Some(SIGKILL)) | (Some(137), None) if killed => self.after_kill(place, &now),
            (Some(0), None) if now == *self.after && killed => Ok(Verdict::Missed),
            (Some(0), None) if now == *self.after => Ok(Verdict::Harmless),
            (Some(0), None) => Err(format!("success, but {}", now.differences(self.after))),
            (Some(code), None)
                if now == *self.after && FAILURES.contains(&code) && is_about_stdout(&ending.said) =>
            {
                Ok(Verdict::Untold)
            }
            _ if now != *self.before => {
                let now = now.differences(self.before);
                Err(format!("{:?} {:?}, but {now}; {}", ending.code, ending.signal, ending.said.trim()))
            }
            // A fault at the first write of each thread is one at the write of the message, too.
            (Some(code), None)
                if FAILURES.contains(&code) && (is_one_message(&ending.said) || call == "write") =>
            {
                Ok(Verdict::Refused)
            }
            (Some(127), None) if ending.said.contains("shared librar") => Ok(Verdict::GivenUp),
            // Without memory the standard library gives up before the program begins, or wherever it allocates.
            // So does a library that needs a thread, with a panic.
            (None, Some(SIGABRT | SIGSEGV)) | (Some(PANIC | 134 | 139), None) if call == "mmap" => {
                Ok(Verdict::GivenUp)
            }
            (code, signal) => Err(format!("{code:?} {signal:?}: {}", ending.said.trim())),
        }
    }

    fn after_kill(&self, place: &Workplace, now: &State) -> Result<Verdict, String> {
        if now == self.before {
            return Ok(Verdict::KilledBefore);
        }
        if now == self.after {
            return Ok(Verdict::KilledAfter);
        }
        let mut left = Vec::new();
        let mut half = false;
        for (name, bytes) in &now.0 {
            let (before, after) = (self.before.0.get(name), self.after.0.get(name));
            if before.is_none() && after.is_none() {
                left.push(name.as_str());
            } else if before != Some(bytes) && after != Some(bytes) {
                let (Some(before), Some(after)) = (before, after) else {
                    return Err(format!("killed, and {name} is not complete"));
                };
                if self.case.in_place != Some(name) || !is_mixed(bytes, before, after) {
                    return Err(format!("killed, and {name} is neither as before nor as after"));
                }
                half = true;
            }
        }
        if let Some(name) = self.before.0.keys().find(|name| !now.0.contains_key(*name)) {
            return Err(format!("killed, and {name} is gone"));
        }
        if left.is_empty() && (half || !self.case.random.is_empty()) {
            return Ok(Verdict::Half);
        }
        let again = command(self.case, place).output().unwrap();
        let then = State::of(place, self.case);
        if again.status.success() && then == *self.after {
            return Ok(Verdict::Reclaimed);
        }
        Err(format!(
            "killed, left {left:?}; run again: {}, {}; {}",
            again.status,
            then.differences(self.after),
            String::from_utf8_lossy(&again.stderr).trim()
        ))
    }
}

/// Whether each sector is one of either.
fn is_mixed(now: &[u8], before: &[u8], after: &[u8]) -> bool {
    const SECTOR: usize = 512;
    let pairs = before.chunks(SECTOR).zip(after.chunks(SECTOR));
    now.len() == before.len()
        && before.len() == after.len()
        && now.chunks(SECTOR).zip(pairs).all(|(now, (before, after))| now == before || now == after)
}

fn is_about_stdout(said: &str) -> bool {
    is_one_message(said) && said.contains("mender-artifact: -: ")
}

/// Warnings may stand before it.
fn is_one_message(said: &str) -> bool {
    let mut lines = said.lines();
    lines.next_back().is_some_and(|line| line.starts_with("mender-artifact: "))
        && lines.all(|line| line.starts_with("mender-artifact: warning: "))
}
