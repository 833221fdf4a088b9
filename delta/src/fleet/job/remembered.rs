//! Failures that would only repeat themselves.

use super::failure::Failure;
use super::key::JobKey;
use super::shelf::Outlook;
use crate::fleet::reason::{Reason, Remedy};
use crate::fleet::tenant::TenantId;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Failures by tenant and key, the oldest of which are forgotten.
pub(super) struct Remembered {
    most: usize,
    lifetime: i64,
    /// The failure, and until when it holds in seconds since 1970.
    failures: HashMap<(TenantId, JobKey), (Failure, i64)>,
    order: VecDeque<(TenantId, JobKey)>,
}

impl Remembered {
    pub(super) fn new(most: usize, lifetime: Duration) -> Self {
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        Self { most, lifetime, failures: HashMap::new(), order: VecDeque::new() }
    }

    /// Whether a failure of this reason is one of what is asked for, so that asking again is of no use.
    pub(super) fn lasts(reason: Reason) -> bool {
        reason.remedy() == Remedy::Never
    }

    /// Until when a failure of now holds.
    pub(super) fn expiry(&self, now: i64) -> i64 {
        now.saturating_add(self.lifetime)
    }

    pub(super) fn put(&mut self, tenant: &TenantId, key: JobKey, failure: &Failure, now: i64) {
        if !Self::lasts(failure.reason) || self.most == 0 {
            return;
        }
        let of = (tenant.clone(), key);
        let until = self.expiry(now);
        if self.failures.insert(of.clone(), (failure.clone(), until)).is_none() {
            self.order.push_back(of);
        }
        while self.order.len() > self.most {
            if let Some(oldest) = self.order.pop_front() {
                self.failures.remove(&oldest);
            }
        }
    }

    /// The failure, if it still holds.
    pub(super) fn get(&self, tenant: &TenantId, key: JobKey, now: i64) -> Option<Failure> {
        Some(self.holding(tenant, key, now)?.0.clone())
    }

    /// The same, and until when it holds.
    pub(super) fn outlook(&self, tenant: &TenantId, key: JobKey, now: i64) -> Option<Outlook> {
        let (failure, until) = self.holding(tenant, key, now)?.clone();
        Some(Outlook::Fails { failure, until })
    }

    fn holding(&self, tenant: &TenantId, key: JobKey, now: i64) -> Option<&(Failure, i64)> {
        let kept = self.failures.get(&(tenant.clone(), key))?;
        let until = kept.1;
        // A clock that was set back far does not make it hold for longer than it was meant to.
        let holds = now < until && now >= until.saturating_sub(self.lifetime).saturating_sub(self.lifetime);
        holds.then_some(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lasts_is_remembered_and_not_for_ever() {
        let mut remembered = Remembered::new(2, Duration::from_secs(100));
        let (a, b) = (TenantId::new("a").unwrap(), TenantId::new("b").unwrap());
        let key = |n| JobKey::from([n; 32]);
        remembered.put(&a, key(1), &Failure::new(Reason::LimitTime), 1000);
        assert_eq!(remembered.get(&a, key(1), 1000), None);
        remembered.put(&a, key(1), &Failure::new(Reason::NoGain), 1000);
        assert!(remembered.get(&a, key(1), 1099).is_some());
        assert_eq!(remembered.get(&a, key(1), 1100), None);
        assert_eq!(remembered.get(&b, key(1), 1000), None);
        // Decades back.
        assert_eq!(remembered.get(&a, key(1), -1_000_000_000), None);
        remembered.put(&a, key(2), &Failure::new(Reason::NoGain), 1000);
        remembered.put(&a, key(3), &Failure::new(Reason::NoGain), 1000);
        assert_eq!(remembered.get(&a, key(1), 1000), None);
        assert!(remembered.get(&a, key(3), 1000).is_some());
    }
}
