//! Counts all events of a tenant again and compares with the sums that are kept.

use super::backend::{Axis, GroupKey, Grouping, Stored};
use super::error::{LedgerError, Reason};
use super::event::code_of_kind;
use super::figures::Figures;
use super::open::TenantLedger;
use super::tally::{self, Completion, Entry, Progress, Side};
use super::time;
use std::collections::BTreeMap;

/// What was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Events counted.
    pub events: u64,
    /// Downloads they belong to.
    pub downloads: u64,
    /// What is kept and is not what the events say.
    pub differences: Vec<String>,
}

/// Most differences that are named.
const MAX_NAMED: usize = 20;

type Sums = BTreeMap<(GroupKey, i64), Figures>;

struct Recount {
    checked: Checked,
    deployments: Sums,
    devices: Sums,
    days: Sums,
    /// Downloads of the pair of deployment and device that is being read.
    course: Vec<(Stored, Progress)>,
}

impl TenantLedger<'_> {
    /// Counts all events again. Takes memory for each device and deployment, about 300 bytes.
    ///
    /// # Errors
    /// When the database fails. That sums are wrong is no error but a difference.
    pub fn check(&mut self) -> Result<Checked, LedgerError> {
        let checked = Checked { events: 0, downloads: 0, differences: Vec::new() };
        let backend = self.ledger.backend.as_mut();
        let Some(key) = backend.begin_read(self.tenant)? else { return Ok(checked) };
        let mut recount = Recount {
            checked,
            deployments: Sums::new(),
            devices: Sums::new(),
            days: Sums::new(),
            course: Vec::new(),
        };
        let all = (i64::MIN, i64::MAX);
        let mut count = || {
            backend.each_download(key, &mut |stored, entries| recount.take(stored, entries))?;
            recount.complete();
            for (grouping, sums) in [
                (Grouping::Name(Axis::Deployment), &recount.deployments),
                (Grouping::Name(Axis::Device), &recount.devices),
                (Grouping::Day, &recount.days),
            ] {
                let kept = backend.groups(key, grouping, all)?;
                let kept = kept.into_iter().map(|group| ((group.key, group.kind), group.figures)).collect();
                compare(sums, &kept, &mut recount.checked.differences);
            }
            Ok(())
        };
        let counted = count();
        backend.rollback();
        counted.map(|()| recount.checked)
    }
}

impl Recount {
    fn take(&mut self, stored: Stored, mut entries: Vec<Entry>) -> Result<(), LedgerError> {
        if self
            .course
            .last()
            .is_some_and(|(last, _)| (&last.deployment, &last.device) != (&stored.deployment, &stored.device))
        {
            self.complete();
        }
        self.checked.downloads += 1;
        self.checked.events += entries.len() as u64;
        tally::sort(&mut entries);
        let size = stored.facts.artifact_size;
        let overflow =
            |tally::Overflow| LedgerError::new(Reason::Overflow, "check", "a sum does not fit 63 bits");
        let mut days = BTreeMap::new();
        tally::flows(Progress::default(), &entries, size, &mut days).map_err(overflow)?;
        for (day, figures) in days {
            self.add(&stored, day, code_of_kind(stored.facts.kind), figures);
        }
        let mut progress = Progress::default();
        for entry in &entries {
            progress.count(entry, size).map_err(overflow)?;
        }
        if progress != stored.progress {
            let what = format!("download {} of {}", stored.deployment, stored.device);
            name(&mut self.checked.differences, what);
        }
        self.course.push((stored, progress));
        Ok(())
    }

    fn complete(&mut self) {
        let course = std::mem::take(&mut self.course);
        let sides = course.iter().map(|(stored, progress)| Side {
            artifact: &stored.artifact,
            facts: &stored.facts,
            progress,
        });
        let completion = tally::completion(sides);
        if let (Some(Completion { day, kind, figures }), Some((stored, _))) = (completion, course.first()) {
            self.add(stored, day, kind, figures);
        }
    }

    fn add(&mut self, of: &Stored, day: i64, kind: u8, figures: Figures) {
        let kind = i64::from(kind);
        for (sums, key) in [
            (&mut self.deployments, GroupKey::Name(of.deployment.clone())),
            (&mut self.devices, GroupKey::Name(of.device.clone())),
            (&mut self.days, GroupKey::Day(day)),
        ] {
            let sum = sums.entry((key, kind)).or_default();
            *sum = *sum + figures;
        }
    }
}

fn compare(counted: &Sums, kept: &Sums, differences: &mut Vec<String>) {
    let keys: std::collections::BTreeSet<_> = counted.keys().chain(kept.keys()).collect();
    let none = Figures::default();
    for key in keys {
        let (counted, kept) = (counted.get(key).unwrap_or(&none), kept.get(key).unwrap_or(&none));
        for ((column, expected), (_, found)) in counted.named().zip(kept.named()) {
            if expected != found {
                let of = match &key.0 {
                    GroupKey::Name(name) => name.clone(),
                    GroupKey::Day(day) => time::day_text(*day),
                    GroupKey::All => "all".to_owned(),
                };
                name(differences, format!("{column} of {of}: expected {expected}, found {found}"));
            }
        }
    }
}

fn name(differences: &mut Vec<String>, difference: String) {
    if differences.len() < MAX_NAMED {
        differences.push(difference);
    }
}
