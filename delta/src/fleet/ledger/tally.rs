//! From events to figures. Whatever the order in which events come, the figures are those of the events in the order of their
//! times: everything here is a function of the set of events.

use super::event::{Event, Facts};
use super::figures::Figures;
use super::ranges::Ranges;
use super::record::{Via, What};
use super::time::day_of;
use std::collections::BTreeMap;

/// Of one event what counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) ts: i64,
    pub(crate) id: String,
    pub(crate) what: What,
    pub(crate) via: Option<Via>,
    pub(crate) start: Option<i64>,
    pub(crate) bytes: i64,
}

impl Entry {
    pub(crate) fn of(event: &Event) -> Self {
        Self {
            ts: event.ts,
            id: event.id.clone(),
            what: event.what,
            via: event.via,
            start: event.start,
            bytes: event.bytes,
        }
    }

    /// Whether the event tells of bytes that were transferred.
    fn transfers(&self) -> bool {
        matches!(self.what, What::Served | What::Aborted)
    }

    /// Where the bytes that were transferred begin and end, where that is known.
    fn range(&self) -> Option<(i64, i64)> {
        self.start.filter(|_| self.transfers()).map(|start| (start, start.saturating_add(self.bytes)))
    }
}

/// What has come of one download. The same whatever the order of events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Which bytes came, where events say which.
    pub(crate) covered: Ranges,
    /// Bytes of which no event says which they were.
    pub(crate) unplaced: i64,
    /// Bytes that came from the origin and from a gateway.
    pub(crate) transferred: [i64; 2],
    /// Time of the last event with bytes.
    pub(crate) last_ts: Option<i64>,
    /// When the device said that it has everything, for the first time.
    pub(crate) received: Option<i64>,
}

/// A sum does not fit 63 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overflow;

impl Progress {
    /// Different bytes that came: bytes in unknown places count as others as long as there can be others.
    pub(crate) fn seen(&self, artifact_size: i64) -> i64 {
        self.covered.len_bytes().saturating_add(self.unplaced).min(artifact_size)
    }

    /// Whether the pieces of the download stay few enough with this event.
    pub(crate) fn has_room_for(&self, entry: &Entry) -> bool {
        entry.range().is_none_or(|(start, end)| self.covered.has_room_for(start, end))
    }

    /// Counts one event; returns how many of its bytes were new if it is the latest so far. Changes nothing when it fails.
    pub(crate) fn count(&mut self, entry: &Entry, artifact_size: i64) -> Result<i64, Overflow> {
        if entry.what == What::Received {
            self.received = Some(self.received.map_or(entry.ts, |earlier| earlier.min(entry.ts)));
        }
        if !entry.transfers() {
            return Ok(0);
        }
        let seen = self.seen(artifact_size);
        let from = usize::from(entry.via == Some(Via::Gateway));
        let transferred = self.transferred[from].checked_add(entry.bytes).ok_or(Overflow)?;
        let unplaced = match entry.range() {
            Some((start, end)) => {
                self.covered.add(start, end);
                self.unplaced
            }
            None => self.unplaced.checked_add(entry.bytes).ok_or(Overflow)?,
        };
        self.unplaced = unplaced;
        self.transferred[from] = transferred;
        self.last_ts = Some(self.last_ts.map_or(entry.ts, |last| last.max(entry.ts)));
        Ok(self.seen(artifact_size) - seen)
    }

    /// Whether these events, in the order of their times, change no figure of those that were counted before.
    pub(crate) fn comes_behind(&self, entries: &[Entry], after: &Self, artifact_size: i64) -> bool {
        let mut wire = entries.iter().filter(|entry| entry.transfers());
        let later = wire.clone().next().is_none_or(|first| self.last_ts.is_none_or(|last| first.ts > last));
        let room = after.covered.len_bytes().saturating_add(after.unplaced) <= artifact_size;
        later
            || room
                && wire.all(|entry| {
                    entry.range().is_none_or(|(start, end)| self.covered.overlap(start, end) == 0)
                })
    }
}

/// Sorts events into the order in which they count.
pub(crate) fn sort(entries: &mut [Entry]) {
    entries.sort_by(|a, b| (a.ts, &a.id).cmp(&(b.ts, &b.id)));
}

/// Adds to `days` what `entries`, sorted, mean on top of `progress`.
pub(crate) fn flows(
    mut progress: Progress,
    entries: &[Entry],
    artifact_size: i64,
    days: &mut BTreeMap<i64, Figures>,
) -> Result<(), Overflow> {
    for entry in entries {
        let new = progress.count(entry, artifact_size)?;
        let day = days.entry(day_of(entry.ts)).or_default();
        let mut figures = Figures::default();
        if entry.what == What::Assigned {
            (figures.assigned, figures.assigned_bytes) = (1, artifact_size);
        }
        figures.aborted = i64::from(entry.what == What::Aborted);
        if entry.transfers() {
            match entry.via {
                Some(Via::Gateway) => {
                    (figures.transferred_gateway, figures.retransmitted_gateway) =
                        (entry.bytes, entry.bytes - new);
                }
                _ => {
                    (figures.transferred_origin, figures.retransmitted_origin) =
                        (entry.bytes, entry.bytes - new)
                }
            }
        }
        *day = *day + figures;
    }
    Ok(())
}

/// One download as far as it matters for whether a device has completed its deployment.
pub(crate) struct Side<'a> {
    pub(crate) artifact: &'a [u8; 32],
    pub(crate) facts: &'a Facts,
    pub(crate) progress: &'a Progress,
}

/// A device that has completed its deployment.
pub(crate) struct Completion {
    pub(crate) day: i64,
    pub(crate) kind: u8,
    pub(crate) figures: Figures,
}

/// Whether the device with these downloads of one deployment has completed it, and what that saved: bytes of downloads that
/// it gave up count, too.
pub(crate) fn completion<'a>(downloads: impl Iterator<Item = Side<'a>>) -> Option<Completion> {
    let mut first: Option<(i64, Side<'a>)> = None;
    let (mut origin, mut all) = (0_i64, 0_i64);
    for side in downloads {
        let [from_origin, from_gateway] = side.progress.transferred;
        origin = origin.saturating_add(from_origin);
        all = all.saturating_add(from_origin).saturating_add(from_gateway);
        let Some(received) = side.progress.received else { continue };
        let earlier =
            first.as_ref().is_none_or(|(ts, other)| (received, side.artifact) < (*ts, other.artifact));
        if earlier {
            first = Some((received, side));
        }
    }
    let (received, side) = first?;
    let size = side.facts.artifact_size;
    let mut figures = Figures { completed: 1, unseen: size - side.progress.seen(size), ..Figures::default() };
    match side.facts.full() {
        Some(full) => {
            figures.full_bytes = full;
            figures.saved = full.saturating_sub(all);
            figures.saved_at_origin = full.saturating_sub(origin);
        }
        None => figures.without_full_size = 1,
    }
    Some(Completion { day: day_of(received), kind: super::event::code_of_kind(side.facts.kind), figures })
}
