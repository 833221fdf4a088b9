//! Removing objects that nothing names, beside publishers who may be about to name them.
//!
//! A store has no request that removes something only while nothing else has changed. So both sides leave a trace before they
//! look for that of the other one:
//!
//! | who collects | who publishes |
//! |---|---|
//! | puts a mark beside the object: it is being removed | puts the object |
//! | looks for keys that have appeared since it listed them | puts the record under its key |
//! | removes the object, unless one of these names it, or it was put again | waits while there is a mark |
//! | removes the mark | puts the object again, if it is not there |
//!
//! Whichever looks second sees the other: either the key is seen, and the object stays, or the mark is, and the object is put
//! after it is gone.
//!
//! Publishers wait for a mark for one [`StoreOptions::timeout`]. So whoever collects begins no removal later than half of that
//! after he began to look for keys, and waits for its end for a quarter of it: who saw the mark after that look still waits then.
//! What is late is left to the next pass. A removal whose end was not seen leaves its mark, as does one who was killed; such a
//! mark holds publishers of the same object up for that timeout, until somebody collects when it is an hour old, or older than
//! the grace if that is longer.
//!
//! What remains is a removal that was given up and reaches the store later than a quarter of the timeout after that: then the
//! key may name nothing, `find` does not find it, and the next job makes it again.
//!
//! [`StoreOptions::timeout`]: crate::fleet::store::options::StoreOptions::timeout

use super::{Pass, age};
use crate::fleet::digest::Sha256Sum;
use crate::fleet::store::Store;
use crate::fleet::store::error::StoreError;
use crate::fleet::store::layout::{Kind, key_of};
use crate::fleet::store::list::Entry;
use crate::fleet::store::record::{Record, nonce};
use crate::fleet::tenant::TenantId;
use object_store::ObjectMeta;
use object_store::path::Path;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Objects that are marked at the same time: publishers of these wait for all of them.
const AT_ONCE: usize = 16;
/// Age of a mark, in seconds, from which on it is of somebody who was killed.
const OLD_MARK: u64 = 3600;
/// How often a publisher looks whether a mark is gone.
const LOOK: Duration = Duration::from_millis(50);

/// How the removal of some objects ended.
struct Removed {
    failed: Option<StoreError>,
    /// The object whose removal was asked for without its end being seen.
    unseen: Option<usize>,
}

impl Pass<'_> {
    /// Objects that nothing names: at once when this pass removed what named them, else when they are old enough.
    pub(super) fn orphans(&mut self, kept: &[Entry], freed: &HashSet<Sha256Sum>) -> Result<(), StoreError> {
        self.old_marks()?;
        let named: HashSet<Sha256Sum> = kept.iter().map(|entry| entry.record.object.sha256).collect();
        let mut orphans: Vec<(Sha256Sum, ObjectMeta)> = self
            .objects
            .iter()
            .filter(|(digest, there)| {
                !named.contains(digest)
                    && (freed.contains(digest) || self.is_past_grace(there.last_modified.timestamp()))
            })
            .map(|(digest, there)| (*digest, there.clone()))
            .collect();
        orphans.sort_by_key(|(digest, _)| *digest);
        let by = nonce();
        for some in orphans.chunks(AT_ONCE) {
            if self.options.dry_run {
                some.iter().for_each(|(_, there)| self.count_object(there));
                continue;
            }
            let mark = |digest: &Sha256Sum| self.store.layout.mark(self.tenant, digest, &by);
            let marks: Vec<Path> = some.iter().map(|(digest, _)| mark(digest)).collect();
            let end = self.marked(some, &marks);
            let unmarked = self.unmark(&marks, &end);
            if let Some(error) = end.failed {
                return Err(error);
            }
            unmarked?;
        }
        Ok(())
    }

    /// Marks objects and removes those that are orphans still.
    fn marked(&mut self, some: &[(Sha256Sum, ObjectMeta)], marks: &[Path]) -> Removed {
        for mark in marks {
            if let Err(error) = self.store.overwrite(mark, Vec::new()) {
                return Removed { failed: Some(error), unseen: None };
            }
        }
        let begin = Instant::now();
        let named_since = match self.named_since() {
            Ok(named_since) => named_since,
            Err(error) => return Removed { failed: Some(error), unseen: None },
        };
        for (nth, (digest, there)) in some.iter().enumerate() {
            if named_since.contains(digest) {
                continue;
            }
            match self.remove_unchanged(there, begin) {
                Ok(()) => {}
                Err((error, is_seen)) => {
                    return Removed { failed: Some(error), unseen: (!is_seen).then_some(nth) };
                }
            }
        }
        Removed { failed: None, unseen: None }
    }

    /// Takes all marks away, but for that of an object whose removal may still be on its way.
    fn unmark(&self, marks: &[Path], end: &Removed) -> Result<(), StoreError> {
        let mut all = marks.iter().enumerate().filter(|(nth, _)| end.unseen != Some(*nth));
        // A store that does not do it for one will not for the others.
        all.try_for_each(|(_, mark)| self.store.remove(mark))
    }

    /// Removes an object, unless it was put again since it was listed: then somebody is about to publish it; or it is too long
    /// since `begin`. With a failure comes whether the end of the removal was seen.
    fn remove_unchanged(&mut self, there: &ObjectMeta, begin: Instant) -> Result<(), (StoreError, bool)> {
        let timeout = self.store.patience.timeout();
        let is_late = || begin.elapsed() >= timeout / 2;
        if is_late() {
            return Ok(());
        }
        let now = self.store.head(&there.location).map_err(|error| (error, true))?;
        let is_same =
            now.is_some_and(|now| now.last_modified == there.last_modified && now.e_tag == there.e_tag);
        if !is_same || is_late() {
            return Ok(());
        }
        self.store.remove_once(&there.location, timeout / 4).map_err(|error| {
            let is_seen = !matches!(
                error,
                StoreError::Slow { .. } | StoreError::Unreachable { .. } | StoreError::Stopped
            );
            (error, is_seen)
        })?;
        self.count_object(there);
        Ok(())
    }

    /// What is named by keys that were not there, or not the same, when this pass listed them.
    fn named_since(&self) -> Result<HashSet<Sha256Sum>, StoreError> {
        let mut named = HashSet::new();
        for there in self.store.entries(&self.store.layout.folder(self.tenant, Kind::Keys))? {
            let seen = self.keys.get(&there.location);
            let is_known = seen
                .is_some_and(|seen| seen.last_modified == there.last_modified && seen.e_tag == there.e_tag);
            let (Some(key), false) = (key_of(&there.location), is_known) else { continue };
            // What is no record names nothing.
            let bytes = match self.store.small(&there.location) {
                Ok(Some(bytes)) => bytes,
                Ok(None) | Err(StoreError::Record { .. }) => continue,
                Err(error) => return Err(error),
            };
            if let Ok((record, _)) = Record::decode(&there.location, &key, &bytes) {
                named.insert(record.object.sha256);
            }
        }
        Ok(named)
    }

    /// Removes marks of those who were killed. Without any grace, too, those of others who collect now are none.
    fn old_marks(&self) -> Result<(), StoreError> {
        for there in self.store.entries(&self.store.layout.folder(self.tenant, Kind::Removing))? {
            if age(self.options.now, there.last_modified.timestamp()) >= self.options.grace.max(OLD_MARK) {
                self.remove(&there)?;
            }
        }
        Ok(())
    }
}

impl Store {
    /// Waits until nobody is removing this object any more, who may not have seen that it was put or the key that names it;
    /// tells whether somebody was.
    pub(in crate::fleet::store) fn wait_for_removals(
        &self,
        tenant: &TenantId,
        digest: &Sha256Sum,
    ) -> Result<bool, StoreError> {
        let mut is_marked = false;
        let (begin, name) = (Instant::now(), digest.to_string());
        let folder = self.layout.folder(tenant, Kind::Removing);
        loop {
            let is_of_it =
                |there: &ObjectMeta| there.location.filename().is_some_and(|mark| mark.starts_with(&name));
            if !self.entries(&folder)?.iter().any(is_of_it) || begin.elapsed() >= self.patience.timeout() {
                return Ok(is_marked);
            }
            is_marked = true;
            std::thread::sleep(LOOK);
        }
    }
}
