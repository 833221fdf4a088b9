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
//! after it is gone. A mark of one who was killed holds publishers of the same object up for [`StoreOptions::timeout`], until
//! somebody collects again after the grace. What remains is a removal that reaches the store later than that timeout after who
//! asked for it gave up: then the key names nothing, `find` does not find it, and the next job makes it again.
//!
//! [`StoreOptions::timeout`]: crate::fleet::store::options::StoreOptions::timeout

use super::Pass;
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
/// How often a publisher looks whether a mark is gone.
const LOOK: Duration = Duration::from_millis(50);

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
            for mark in &marks {
                self.store.overwrite(mark, Vec::new())?;
            }
            let named_since = self.named_since()?;
            for ((digest, there), mark) in some.iter().zip(&marks) {
                if !named_since.contains(digest) {
                    self.remove_unchanged(there)?;
                }
                self.store.remove(mark)?;
            }
        }
        Ok(())
    }

    /// Removes an object, unless it was put again since it was listed: then somebody is about to publish it.
    fn remove_unchanged(&mut self, there: &ObjectMeta) -> Result<(), StoreError> {
        let now = self.store.head(&there.location)?;
        if now.is_some_and(|now| now.last_modified == there.last_modified && now.e_tag == there.e_tag) {
            self.count_object(there);
            self.store.remove_once(&there.location)?;
        }
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
            let Some(bytes) = self.store.small(&there.location)? else { continue };
            // What is no record names nothing.
            if let Ok((record, _)) = Record::decode(&there.location, &key, &bytes) {
                named.insert(record.object.sha256);
            }
        }
        Ok(named)
    }

    /// Removes marks of those who were killed.
    fn old_marks(&self) -> Result<(), StoreError> {
        for there in self.store.entries(&self.store.layout.folder(self.tenant, Kind::Removing))? {
            if self.is_past_grace(there.last_modified.timestamp()) {
                self.remove(&there)?;
            }
        }
        Ok(())
    }
}

impl Store {
    /// Waits until nobody is removing this object any more, who may not have seen the key that names it.
    pub(in crate::fleet::store) fn wait_for_removals(
        &self,
        tenant: &TenantId,
        digest: &Sha256Sum,
    ) -> Result<(), StoreError> {
        let (begin, name) = (Instant::now(), digest.to_string());
        let folder = self.layout.folder(tenant, Kind::Removing);
        loop {
            let is_of_it =
                |there: &ObjectMeta| there.location.filename().is_some_and(|mark| mark.starts_with(&name));
            if !self.entries(&folder)?.iter().any(is_of_it) || begin.elapsed() >= self.patience.timeout() {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
    }
}
