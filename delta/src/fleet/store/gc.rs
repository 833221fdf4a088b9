//! Removing what is old, too much, or named by nothing.

mod orphans;

use super::Store;
use super::error::StoreError;
use super::layout::{Kind, digest_of, key_of};
use super::list::Entry;
use super::record::{Object, PastFailure};
use crate::fleet::digest::Sha256Sum;
use crate::fleet::tenant::TenantId;
use object_store::ObjectMeta;
use object_store::path::Path;
use std::collections::{HashMap, HashSet};
use std::time::UNIX_EPOCH;

/// What is to be removed. Times are seconds since 1970 UTC.
#[derive(Debug, Clone)]
pub struct GcOptions {
    /// Now. Ages are by the store's clock: one that is far ahead of that makes everything old.
    pub now: i64,
    /// Keys that were published longer ago than this many seconds are removed.
    pub max_age: Option<u64>,
    /// Bytes that a tenant may have; the oldest keys are removed until no more are there.
    pub quota: Option<u64>,
    /// Orphans are kept for this many seconds, since their record may be on its way. An hour by default; longer than
    /// publishing takes.
    pub grace: u64,
    /// Reads all objects and removes those that are damaged, with the keys that name them.
    pub verify: bool,
    /// Only tells what would be removed.
    pub dry_run: bool,
}

impl GcOptions {
    /// Removes only orphans, and failures that have expired.
    #[must_use]
    pub fn at(now: i64) -> Self {
        Self { now, max_age: None, quota: None, grace: 3600, verify: false, dry_run: false }
    }
}

/// What was removed, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GcReport {
    /// Keys that were too old.
    pub keys_old: u64,
    /// Keys that were over the quota.
    pub keys_over_quota: u64,
    /// Keys whose object is missing, damaged or of another length, and what is no record.
    pub keys_broken: u64,
    /// Objects, and what lies among them and is none.
    pub objects: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Failures that had expired or could not be read.
    pub failures: u64,
    /// Keys that are kept.
    pub kept_keys: u64,
    /// Bytes of the objects that they name.
    pub kept_bytes: u64,
}

/// A pass over what one tenant has.
struct Pass<'a> {
    store: &'a Store,
    tenant: &'a TenantId,
    options: &'a GcOptions,
    /// Objects that were there before the keys were listed: whoever publishes later put his object later, too.
    objects: HashMap<Sha256Sum, ObjectMeta>,
    /// Keys as they were listed.
    keys: HashMap<Path, ObjectMeta>,
    report: GcReport,
}

impl Store {
    /// Removes what `options` say of one tenant, safely beside others that publish, read or collect at the same time.
    ///
    /// # Errors
    /// What failed in the store. What was removed before stays removed; no key names anything that this removed.
    pub fn gc(&self, tenant: &TenantId, options: &GcOptions) -> Result<GcReport, StoreError> {
        let mut pass = Pass {
            store: self,
            tenant,
            options,
            objects: HashMap::new(),
            keys: HashMap::new(),
            report: GcReport::default(),
        };
        pass.list_objects()?;
        let (entries, mut freed) = pass.sound_keys()?;
        let entries = pass.young_keys(entries, &mut freed)?;
        let entries = pass.keys_within_quota(entries, &mut freed)?;
        pass.orphans(&entries, &freed)?;
        pass.failures()?;
        pass.unfinished()?;
        Ok(pass.report)
    }
}

impl Pass<'_> {
    fn is_past_grace(&self, stored: i64) -> bool {
        age(self.options.now, stored) >= self.options.grace
    }

    fn list_objects(&mut self) -> Result<(), StoreError> {
        for there in self.store.entries(&self.store.layout.folder(self.tenant, Kind::Objects))? {
            if let Some(digest) = digest_of(&there.location) {
                self.objects.insert(digest, there);
            } else if self.is_past_grace(there.last_modified.timestamp()) {
                self.count_object(&there);
                self.remove(&there)?;
            }
        }
        Ok(())
    }

    /// Keys whose object is whole, oldest first, and the objects that broken ones named.
    fn sound_keys(&mut self) -> Result<(Vec<Entry>, HashSet<Sha256Sum>), StoreError> {
        let (mut sound, mut freed, mut damaged) = (Vec::new(), HashSet::new(), HashMap::new());
        for named in self.store.named(self.tenant)? {
            self.keys.insert(named.there.location.clone(), named.there.clone());
            match named.entry {
                Some(Ok(entry)) if self.is_sound(&entry.record.object, &mut damaged)? => sound.push(entry),
                Some(Ok(entry)) => {
                    // Put between the two listings, or being put again just now.
                    let old = self.is_past_grace(entry.stored)
                        || damaged.get(&entry.record.object.sha256).copied().unwrap_or(false);
                    if old {
                        freed.insert(entry.record.object.sha256);
                        self.report.keys_broken += 1;
                        self.remove(&named.there)?;
                    } else {
                        sound.push(entry);
                    }
                }
                Some(Err(StoreError::Record { .. })) => {
                    let stored = named.there.last_modified.timestamp();
                    if self.is_past_grace(stored) {
                        self.report.keys_broken += 1;
                        self.remove(&named.there)?;
                    }
                }
                Some(Err(error)) => return Err(error),
                None => {}
            }
        }
        sound.sort_by_key(|entry| (entry.stored, entry.key));
        Ok((sound, freed))
    }

    fn is_sound(&self, object: &Object, damaged: &mut HashMap<Sha256Sum, bool>) -> Result<bool, StoreError> {
        let path = self.store.layout.object(self.tenant, &object.sha256);
        let listed = match self.objects.get(&object.sha256) {
            Some(listed) => Some(listed.size),
            None => self.store.head(&path)?.map(|there| there.size),
        };
        if listed != Some(object.len) {
            return Ok(false);
        }
        if !self.options.verify {
            return Ok(true);
        }
        if let Some(&known) = damaged.get(&object.sha256) {
            return Ok(!known);
        }
        let is_damaged = self.is_damaged(&object.sha256)?;
        damaged.insert(object.sha256, is_damaged);
        Ok(!is_damaged)
    }

    fn is_damaged(&self, digest: &Sha256Sum) -> Result<bool, StoreError> {
        let read = self.store.read(self.tenant, digest).and_then(|mut reader| {
            match std::io::copy(&mut reader, &mut std::io::sink()) {
                Ok(_) => Ok(()),
                Err(error) => Err(match error.downcast::<StoreError>() {
                    Ok(error) => error,
                    Err(source) => StoreError::File { action: "read", source },
                }),
            }
        });
        match read {
            Ok(()) => Ok(false),
            Err(StoreError::Corrupt { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn young_keys(
        &mut self,
        entries: Vec<Entry>,
        freed: &mut HashSet<Sha256Sum>,
    ) -> Result<Vec<Entry>, StoreError> {
        let Some(max_age) = self.options.max_age else { return Ok(entries) };
        let (old, young): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| age(self.options.now, entry.stored) > max_age);
        for entry in old {
            self.report.keys_old += 1;
            self.remove_key(&entry, freed)?;
        }
        Ok(young)
    }

    fn keys_within_quota(
        &mut self,
        entries: Vec<Entry>,
        freed: &mut HashSet<Sha256Sum>,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut names: HashMap<Sha256Sum, (u64, u64)> = HashMap::new();
        for entry in &entries {
            names.entry(entry.record.object.sha256).or_insert((0, entry.record.object.len)).0 += 1;
        }
        let mut bytes = names.values().fold(0u64, |sum, (_, len)| sum.saturating_add(*len));
        let mut kept = Vec::new();
        for entry in entries {
            if self.options.quota.is_none_or(|quota| bytes <= quota) {
                kept.push(entry);
                continue;
            }
            self.report.keys_over_quota += 1;
            self.remove_key(&entry, freed)?;
            // An object that several keys name is gone with the last of them.
            if let Some((count, len)) = names.get_mut(&entry.record.object.sha256) {
                *count -= 1;
                if *count == 0 {
                    bytes -= *len;
                }
            }
        }
        self.report.kept_keys = kept.len() as u64;
        self.report.kept_bytes = bytes;
        Ok(kept)
    }

    fn failures(&mut self) -> Result<(), StoreError> {
        for there in self.store.entries(&self.store.layout.folder(self.tenant, Kind::Failures))? {
            let failure = match (key_of(&there.location), self.store.small(&there.location)) {
                (_, Ok(None)) => continue,
                (Some(key), Ok(Some(bytes))) => PastFailure::decode(&there.location, &key, &bytes).ok(),
                (None, Ok(_)) | (_, Err(StoreError::Record { .. })) => None,
                (_, Err(error)) => return Err(error),
            };
            let over = match failure {
                Some(failure) => failure.expires <= self.options.now,
                None => self.is_past_grace(there.last_modified.timestamp()),
            };
            if over {
                self.report.failures += 1;
                self.remove(&there)?;
            }
        }
        Ok(())
    }

    /// What killed publishers left in a local folder, under names that listings do not show: `<name>#<number>`.
    fn unfinished(&mut self) -> Result<(), StoreError> {
        let Some(folder) = &self.store.folder else { return Ok(()) };
        let tried = |action: &'static str| move |source| StoreError::File { action, source };
        for kind in [Kind::Objects, Kind::Keys, Kind::Failures, Kind::Removing] {
            let inside = match std::fs::read_dir(folder.join(self.tenant.as_str()).join(kind.name())) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                inside => inside.map_err(tried("list the folder of the store"))?,
            };
            for file in inside {
                let file = file.map_err(tried("list the folder of the store"))?;
                // One that got its name meanwhile is not there any more.
                let Ok(metadata) = file.metadata() else { continue };
                let changed = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                let changed = changed.map_or(i64::MAX, |at| i64::try_from(at.as_secs()).unwrap_or(i64::MAX));
                if !is_unfinished(&file.file_name()) || !metadata.is_file() || !self.is_past_grace(changed) {
                    continue;
                }
                self.report.objects += 1;
                self.report.bytes = self.report.bytes.saturating_add(metadata.len());
                if !self.options.dry_run {
                    std::fs::remove_file(file.path()).map_err(tried("remove an unfinished file"))?;
                }
            }
        }
        Ok(())
    }

    fn remove_key(&mut self, entry: &Entry, freed: &mut HashSet<Sha256Sum>) -> Result<(), StoreError> {
        freed.insert(entry.record.object.sha256);
        if self.options.dry_run {
            return Ok(());
        }
        self.store.remove(&self.store.layout.key(self.tenant, &entry.key))
    }

    fn count_object(&mut self, there: &ObjectMeta) {
        self.report.objects += 1;
        self.report.bytes = self.report.bytes.saturating_add(there.size);
    }

    fn remove(&self, there: &ObjectMeta) -> Result<(), StoreError> {
        if self.options.dry_run { Ok(()) } else { self.store.remove(&there.location) }
    }
}

/// Whether listings leave this name out.
fn is_unfinished(name: &std::ffi::OsStr) -> bool {
    let number = name.to_str().and_then(|name| name.split_once('#')).map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Seconds; 0 for what seems to come from the future, as after a clock was put back.
fn age(now: i64, stored: i64) -> u64 {
    u64::try_from(now.saturating_sub(stored)).unwrap_or(0)
}
