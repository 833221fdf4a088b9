//! What became of the lines of an import.

use super::s3_log::PassedOver;
use crate::fleet::ledger::refusal::Refusal;
use std::collections::BTreeMap;
use std::fmt;

/// Most refused lines that are told one by one.
const MAX_TOLD: usize = 20;
/// Times before 2010 are of clocks that were never set.
const ODD_BEFORE_MS: i64 = 1_262_304_000_000;
/// Times are odd when they are more than a day ahead.
const ODD_AHEAD_MS: i64 = 86_400_000;

/// A line that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLine {
    /// From 1.
    pub line: u64,
    /// Why not.
    pub refusal: Refusal,
}

impl fmt::Display for RefusedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.refusal)
    }
}

/// A last line without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornLine {
    /// From 1.
    pub line: u64,
    /// How much of it there is.
    pub len_bytes: u64,
}

/// What became of the lines so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The last line that was looked at, from 1: it and all before it are done.
    pub lines: u64,
    /// Events that are in the ledger now.
    pub new: u64,
    /// Events that were there before.
    pub duplicates: u64,
    /// Lines that were not taken, by the code of their [`Refusal`].
    pub refused: BTreeMap<&'static str, u64>,
    /// The first of them, 20 at most.
    pub first_refused: Vec<RefusedLine>,
    /// Lines that are about something else, by the code of their [`PassedOver`].
    pub passed_over: BTreeMap<&'static str, u64>,
    /// A last line without its end that cannot be read.
    pub torn: Option<TornLine>,
    /// Events of before 2010 or of more than a day ahead; they are taken as they are.
    pub odd_times: u64,
}

impl Outcome {
    /// Lines that were not taken.
    #[must_use]
    pub fn refused_lines(&self) -> u64 {
        self.refused.values().sum()
    }

    pub(super) fn refuse(&mut self, line: u64, refusal: Refusal) {
        *self.refused.entry(refusal.code()).or_default() += 1;
        if self.first_refused.len() < MAX_TOLD {
            self.first_refused.push(RefusedLine { line, refusal });
        }
    }

    pub(super) fn pass_over(&mut self, why: PassedOver) {
        *self.passed_over.entry(why.code()).or_default() += 1;
    }

    pub(super) fn look_at_time(&mut self, ts: i64, now_ms: i64) {
        if ts < ODD_BEFORE_MS || ts > now_ms.saturating_add(ODD_AHEAD_MS) {
            self.odd_times += 1;
        }
    }
}
