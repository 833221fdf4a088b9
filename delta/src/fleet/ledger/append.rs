//! Takes events into the ledger: what is new is counted, what is there is left out, what cannot be is refused.

use super::backend::{Axis, Backend, Changes, NewEvent, RollupKey, Stored, TenantKey};
use super::error::{LedgerError, Reason};
use super::event::{Content, Event, code_of_kind};
use super::figures::Figures;
use super::open::Verdict;
use super::refusal::Refusal;
use super::tally::{self, Completion, Entry, Side};
use std::collections::{BTreeMap, HashMap};

/// Most Artifacts of one device in one deployment.
const MAX_ARTIFACTS: usize = 64;

/// A download with what this batch adds.
struct Download {
    now: Stored,
    /// What was kept before; `None` for a new one.
    before: Option<Stored>,
    added: Vec<Entry>,
}

/// All downloads of one device in one deployment.
#[derive(Default)]
struct Course {
    downloads: Vec<Download>,
    completed_before: Option<Completion>,
}

impl Course {
    fn completion(&self) -> Option<Completion> {
        tally::completion(self.downloads.iter().map(|download| side(&download.now)))
    }
}

fn side(stored: &Stored) -> Side<'_> {
    Side { artifact: &stored.artifact, facts: &stored.facts, progress: &stored.progress }
}

/// Takes the events of one batch within the transaction that is open; one verdict for each.
pub(crate) fn append(
    backend: &mut dyn Backend,
    tenant: TenantKey,
    events: &[Event],
    recorded: i64,
) -> Result<Vec<Verdict>, LedgerError> {
    let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
    let mut known = backend.known(tenant, &ids)?;
    let mut courses = load(backend, tenant, events, &known)?;

    // Which events are taken, and into which download of which course.
    let mut taken: Vec<(usize, usize, &Event)> = Vec::new();
    let mut verdicts = Vec::with_capacity(events.len());
    for event in events {
        verdicts.push(match known.get(&event.id) {
            Some(content) if *content == event.content => Verdict::Duplicate,
            Some(_) => Verdict::Refused(Refusal::IdReused),
            None => match take(&mut courses, event) {
                Ok((course, download)) => {
                    taken.push((course, download, event));
                    known.insert(event.id.clone(), event.content);
                    Verdict::New
                }
                Err(refusal) => Verdict::Refused(refusal),
            },
        });
    }
    if taken.is_empty() {
        return Ok(verdicts);
    }
    write(backend, tenant, &mut courses.list, &taken, recorded)?;
    Ok(verdicts)
}

/// Courses by deployment and device.
#[derive(Default)]
struct Courses<'a> {
    places: HashMap<(&'a str, &'a str), usize>,
    list: Vec<Course>,
}

fn load<'a>(
    backend: &mut dyn Backend,
    tenant: TenantKey,
    events: &'a [Event],
    known: &HashMap<String, Content>,
) -> Result<Courses<'a>, LedgerError> {
    let mut courses = Courses::default();
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for event in events.iter().filter(|event| !known.contains_key(&event.id)) {
        let pair = (event.deployment.as_str(), event.device.as_str());
        courses.places.entry(pair).or_insert_with(|| {
            pairs.push(pair);
            courses.list.push(Course::default());
            pairs.len() - 1
        });
    }
    for stored in backend.downloads(tenant, &pairs)? {
        let place = courses.places.get(&(stored.deployment.as_str(), stored.device.as_str()));
        let Some(course) = place.and_then(|place| courses.list.get_mut(*place)) else {
            return Err(LedgerError::corrupt("deployment"));
        };
        course.downloads.push(Download { before: Some(stored.clone()), now: stored, added: Vec::new() });
    }
    for course in &mut courses.list {
        course.completed_before = course.completion();
    }
    Ok(courses)
}

/// Counts an event; returns its course and download. Changes nothing when it is refused.
fn take(courses: &mut Courses<'_>, event: &Event) -> Result<(usize, usize), Refusal> {
    let place = courses.places.get(&(event.deployment.as_str(), event.device.as_str())).copied();
    // Each event that is not known has a course.
    let place = place.ok_or(Refusal::Overflow)?;
    let downloads = &mut courses.list[place].downloads;
    let entry = Entry::of(event);
    let Some(at) = downloads.iter().position(|download| download.now.artifact == event.artifact) else {
        if downloads.len() >= MAX_ARTIFACTS {
            return Err(Refusal::TooManyArtifacts);
        }
        let mut now = Stored {
            id: 0,
            deployment: event.deployment.clone(),
            device: event.device.clone(),
            artifact: event.artifact,
            facts: event.facts.clone(),
            progress: tally::Progress::default(),
        };
        count(&mut now, &entry)?;
        downloads.push(Download { now, before: None, added: vec![entry] });
        return Ok((place, downloads.len() - 1));
    };
    let Download { now, added, .. } = &mut downloads[at];
    let mut facts = now.facts.clone();
    facts.learn(&event.facts)?;
    count(now, &entry)?;
    now.facts = facts;
    added.push(entry);
    Ok((place, at))
}

/// Changes nothing when it fails.
fn count(now: &mut Stored, entry: &Entry) -> Result<(), Refusal> {
    if !now.progress.has_room_for(entry) {
        return Err(Refusal::TooFragmented);
    }
    let counted = now.progress.count(entry, now.facts.artifact_size);
    counted.map(|_| ()).map_err(|tally::Overflow| Refusal::Overflow)
}

fn write(
    backend: &mut dyn Backend,
    tenant: TenantKey,
    courses: &mut [Course],
    taken: &[(usize, usize, &Event)],
    recorded: i64,
) -> Result<(), LedgerError> {
    let mut fresh: Vec<&mut Download> = courses
        .iter_mut()
        .flat_map(|course| &mut course.downloads)
        .filter(|download| download.before.is_none())
        .collect();
    let ids = backend.reserve(fresh.len())?;
    for (download, id) in fresh.iter_mut().zip(ids) {
        download.now.id = id;
    }
    let mut rollups = Rollups::default();
    let mut changed = Vec::new();
    for course in courses.iter_mut() {
        for download in course.downloads.iter_mut().filter(|download| !download.added.is_empty()) {
            tally::sort(&mut download.added);
            flows(backend, tenant, download, &mut rollups)?;
            if download.before.as_ref() != Some(&download.now) {
                changed.push(download.now.clone());
            }
        }
        let (before, now) = (course.completed_before.take(), course.completion());
        let Some(Download { now: named, .. }) = course.downloads.first() else { continue };
        if let Some(completion) = before {
            rollups.add(named, completion.day, completion.kind, Figures::default() - completion.figures);
        }
        if let Some(completion) = now {
            rollups.add(named, completion.day, completion.kind, completion.figures);
        }
    }
    rollups.0.retain(|_, figures| *figures != Figures::default());
    let events: Vec<NewEvent<'_>> = taken
        .iter()
        .map(|(course, download, event)| NewEvent {
            download: courses[*course].downloads[*download].now.id,
            event,
        })
        .collect();
    backend.write(tenant, &Changes { downloads: &changed, events: &events, rollups: &rollups.0, recorded })
}

/// What is to be added to the sums.
#[derive(Default)]
struct Rollups(BTreeMap<RollupKey, Figures>);

impl Rollups {
    fn add(&mut self, of: &Stored, day: i64, kind: u8, figures: Figures) {
        for (axis, name) in [(Axis::Deployment, &of.deployment), (Axis::Device, &of.device)] {
            let key = RollupKey { axis, name: name.clone(), day, kind };
            let sum = self.0.entry(key).or_default();
            *sum = *sum + figures;
        }
    }
}

/// What the added events mean for the sums of each day.
fn flows(
    backend: &mut dyn Backend,
    tenant: TenantKey,
    download: &Download,
    rollups: &mut Rollups,
) -> Result<(), LedgerError> {
    let size = download.now.facts.artifact_size;
    let kind = code_of_kind(download.now.facts.kind);
    let counted = |progress, entries: &[Entry]| {
        let mut days = BTreeMap::new();
        tally::flows(progress, entries, size, &mut days).map_err(|tally::Overflow| {
            LedgerError::new(Reason::Overflow, "count", "a sum does not fit 63 bits")
        })?;
        Ok(days)
    };
    let progress = download.before.as_ref().map(|before| before.progress.clone()).unwrap_or_default();
    let behind = progress.comes_behind(&download.added, &download.now.progress, size);
    match &download.before {
        // Something counted before may count otherwise now.
        Some(before) if !behind || before.facts.kind != download.now.facts.kind => {
            let mut entries = backend.history(tenant, before.id)?;
            tally::sort(&mut entries);
            for (day, figures) in counted(tally::Progress::default(), &entries)? {
                rollups.add(before, day, code_of_kind(before.facts.kind), Figures::default() - figures);
            }
            entries.extend(download.added.iter().cloned());
            tally::sort(&mut entries);
            for (day, figures) in counted(tally::Progress::default(), &entries)? {
                rollups.add(before, day, kind, figures);
            }
        }
        _ => {
            for (day, figures) in counted(progress, &download.added)? {
                rollups.add(&download.now, day, kind, figures);
            }
        }
    }
    Ok(())
}
