//! What `delta plan` prints.

use mender_delta::fleet::catalog::who_has::{Standing, WhoHas};
use mender_delta::fleet::plan::fleet_plan::{FleetPlan, Share, SizeFrom};
use mender_delta::fleet::plan::reason::FullReason;
use mender_delta::fleet::plan::single::{Answer, Plan};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::{Display, Write};

/// Lines of a name and a value.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: impl Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{name:<16}{value}");
    }

    fn head(&mut self, text: &str) {
        let _ = writeln!(self.0, "{text}:");
    }

    fn item(&mut self, text: impl Display) {
        let _ = writeln!(self.0, "  {text}");
    }
}

/// A value from outside on one line.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn reason(reason: &FullReason) -> String {
    format!("{}: {}", reason.code(), plain(&reason.to_string()))
}

/// `--device` for people.
pub(crate) fn device_text(answer: &Answer<'_>, after: Option<&BTreeMap<String, String>>) -> String {
    let mut lines = Lines::default();
    match &answer.plan {
        Plan::Nothing => lines.add("plan", "nothing"),
        Plan::Full { artifact, reasons } => {
            lines.add("plan", "full image");
            lines.add("artifact", format_args!("{}, {} bytes", plain(&artifact.id), artifact.size));
            lines.head("no delta");
            reasons.iter().for_each(|why| lines.item(reason(why)));
        }
        Plan::Existing { artifact } => {
            lines.add("plan", "delta that exists");
            lines.add("artifact", format_args!("{}, {} bytes", plain(&artifact.id), artifact.size));
        }
        Plan::Generate { from, to, algorithm, .. } => {
            lines.add("plan", "make a delta");
            lines.add("from", plain(&from.id));
            lines.add("to", plain(&to.id));
            lines.add("algorithm", algorithm.name());
        }
    }
    if !answer.refused.is_empty() {
        lines.head("not taken");
        for refused in &answer.refused {
            let (id, why) = (plain(&refused.id), plain(&refused.why.to_string()));
            lines.item(format_args!("{id}: {}: {why}", refused.why.code()));
        }
    }
    if let Some(after) = after {
        lines.head("provides afterwards");
        for (key, value) in after {
            lines.item(format_args!("{}={}", plain(key), plain(value)));
        }
    }
    lines.0
}

/// `--device --json`.
pub(crate) fn device_json(answer: &Answer<'_>, after: Option<&BTreeMap<String, String>>) -> String {
    let mut value = json!(answer);
    value["provides_afterwards"] = json!(after);
    super::json::text(&value)
}

/// `--fleet --json`.
pub(crate) fn fleet_json(plan: &FleetPlan) -> String {
    super::json::text(&json!(plan))
}

/// `--fleet` for people.
pub(crate) fn fleet_text(plan: &FleetPlan) -> String {
    let mut lines = Lines::default();
    lines.add("devices", format_args!("{} in {} states", plan.devices, plan.states));
    if !plan.deltas.is_empty() {
        lines.head("deltas worth making, most bytes saved first");
        lines
            .item(format_args!("{:>10} {:>20} {:>14} {:>16}  from, to", "devices", "saved", "full", "delta"));
    }
    for delta in &plan.deltas {
        let (about, bytes) = match (delta.delta_bytes, delta.size_from) {
            (Some(bytes), SizeFrom::Assumed) => ("", format!("assumed {bytes}")),
            (Some(bytes), _) => ("", format!("about {bytes}")),
            (None, _) => ("<", "?".to_owned()),
        };
        let saved = format!("{about}{}", delta.saved_bytes);
        let (from, to) = (plain(&delta.from), plain(&delta.to));
        let way = if delta.under_way { ", under way" } else { "" };
        lines.item(format_args!(
            "{:>10} {saved:>20} {:>14} {bytes:>16}  {from}, {to} ({}{way})",
            delta.devices,
            delta.full_bytes,
            delta.algorithm.name()
        ));
    }
    shares(&mut lines, "get a delta that exists", &plan.existing);
    shares(&mut lines, "get a full image", &plan.full);
    shares(&mut lines, "get nothing", &plan.nothing);
    lines.0
}

fn shares(lines: &mut Lines, head: &str, shares: &[Share]) {
    if !shares.is_empty() {
        lines.head(head);
    }
    for share in shares {
        let artifact = share.artifact.as_deref().map(|id| format!("  {}", plain(id))).unwrap_or_default();
        let example =
            share.example.as_deref().map(|id| format!(" (such as {})", plain(id))).unwrap_or_default();
        lines.item(format_args!("{:>10}{artifact}{example}", share.devices));
        share.reasons.iter().for_each(|why| lines.item(format_args!("{:>12}{}", "", reason(why))));
        for refused in &share.refused {
            let (id, why) = (plain(&refused.id), plain(&refused.why.to_string()));
            lines.item(format_args!("{:>12}{id}: {}: {why}", "", refused.why.code()));
        }
    }
}

/// `--who-has` for people.
pub(crate) fn who_has_text(found: &WhoHas) -> String {
    let mut lines = Lines::default();
    let count = |standing: Standing| found.counts.get(standing.code()).copied().unwrap_or(0);
    lines.add("has it", count(Standing::Has));
    lines.add("would take it", count(Standing::Accepts));
    let known = [Standing::Has.code(), Standing::Accepts.code()];
    let others: Vec<_> = found.counts.iter().filter(|(code, _)| !known.contains(code)).collect();
    if !others.is_empty() {
        lines.head("would not take it");
    }
    for (code, count) in others {
        lines.item(format_args!("{count:>10}  {code}"));
    }
    lines.0
}

/// `--who-has --json`.
pub(crate) fn who_has_json(id: &str, found: &WhoHas) -> String {
    let counts: serde_json::Map<String, Value> =
        found.counts.iter().map(|(code, count)| ((*code).to_owned(), json!(count))).collect();
    super::json::text(&json!({
        "artifact": id,
        "counts": counts,
        "have": found.have,
        "would_take": found.accept,
        "more": found.more,
    }))
}
