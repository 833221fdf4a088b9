//! The figures of a set of events, counted byte by byte and without any of the library's code for it.

use mender_delta::fleet::ledger::figures::Figures;
use mender_delta::fleet::ledger::record::{Kind, Record, Via, What};
use mender_delta::fleet::ledger::report::{By, Kinds};
use std::collections::{BTreeMap, BTreeSet};

/// When, Artifact, its kind, size of the full one, bytes that nobody saw.
type Received<'a> = (&'a str, &'a str, Option<Kind>, Option<u64>, u64);

/// Figures by name of the row.
pub(crate) fn report(events: &[Record], by: By) -> BTreeMap<String, Kinds> {
    let mut rows: BTreeMap<String, Kinds> = BTreeMap::new();
    let courses: BTreeSet<_> = events.iter().map(|event| (&event.deployment, &event.device)).collect();
    for (deployment, device) in courses {
        let of_course: Vec<&Record> = events
            .iter()
            .filter(|event| (&event.deployment, &event.device) == (deployment, device))
            .collect();
        let mut add = |day: &str, kind: Option<Kind>, change: &dyn Fn(&mut Figures)| {
            let name = match by {
                By::Device => device.clone(),
                By::Deployment => deployment.clone(),
                By::Day => day[..10].to_owned(),
                By::Tenant => of_course[0].tenant.clone(),
            };
            let kinds = rows.entry(name).or_default();
            change(match kind {
                Some(Kind::Full) => &mut kinds.full,
                Some(Kind::Delta) => &mut kinds.delta,
                None => &mut kinds.unknown,
            });
        };
        let mut received: Vec<Received<'_>> = Vec::new();
        let (mut from_origin, mut from_gateway) = (0, 0);
        let artifacts: BTreeSet<&str> =
            of_course.iter().map(|event| event.artifact_sha256.as_str()).collect();
        for artifact in artifacts {
            let mut of_artifact: Vec<&&Record> =
                of_course.iter().filter(|event| event.artifact_sha256 == artifact).collect();
            of_artifact.sort_by_key(|event| (&event.ts, &event.event_id));
            let kind = of_artifact.iter().find_map(|event| event.kind);
            let size = of_artifact[0].artifact_size;
            let mut full = of_artifact.iter().find_map(|event| event.full_size);
            if kind == Some(Kind::Full) {
                full = Some(size);
            }
            let mut there = vec![false; size as usize];
            let mut unplaced = 0;
            let seen = |there: &[bool], unplaced: u64| {
                (there.iter().filter(|there| **there).count() as u64 + unplaced).min(size)
            };
            for event in &of_artifact {
                match event.event {
                    What::Assigned => add(&event.ts, kind, &|figures| {
                        figures.assigned += 1;
                        figures.assigned_bytes += size as i64;
                    }),
                    What::Received => (),
                    What::Served | What::Aborted => {
                        let before = seen(&there, unplaced);
                        let bytes = event.bytes.or(event.range.map(|[a, b]| b - a)).unwrap_or(0);
                        match event.range {
                            Some([start, _]) => {
                                (start..start + bytes).for_each(|at| there[at as usize] = true)
                            }
                            None => unplaced += bytes,
                        }
                        let again = (bytes - (seen(&there, unplaced) - before)) as i64;
                        let bytes = bytes as i64;
                        let is_gateway = event.via == Some(Via::Gateway);
                        *(if is_gateway { &mut from_gateway } else { &mut from_origin }) += bytes;
                        add(&event.ts, kind, &|figures| {
                            figures.aborted += i64::from(event.event == What::Aborted);
                            if is_gateway {
                                figures.transferred_gateway += bytes;
                                figures.retransmitted_gateway += again;
                            } else {
                                figures.transferred_origin += bytes;
                                figures.retransmitted_origin += again;
                            }
                        });
                    }
                }
            }
            let first = of_artifact.iter().find(|event| event.event == What::Received);
            received.extend(
                first.map(|event| (event.ts.as_str(), artifact, kind, full, size - seen(&there, unplaced))),
            );
        }
        received.sort_by_key(|(ts, artifact, ..)| (*ts, *artifact));
        if let Some((ts, _, kind, full, unseen)) = received.first() {
            add(ts, *kind, &|figures| {
                figures.completed += 1;
                figures.unseen += *unseen as i64;
                match *full {
                    None => figures.without_full_size += 1,
                    Some(full) => {
                        figures.full_bytes += full as i64;
                        figures.saved += full as i64 - from_origin - from_gateway;
                        figures.saved_at_origin += full as i64 - from_origin;
                    }
                }
            });
        }
    }
    rows.retain(|_, kinds| *kinds != Kinds::default());
    rows
}
