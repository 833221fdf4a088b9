//! What an engine and its store know of deltas that could be made: so the planner's answer and the job that follows from
//! it are about the same thing.

use super::engine::Engine;
use super::key::JobKey;
use super::shelf::{self, Outlook};
use super::spec::{AlgorithmSpec, JobSpec};
use crate::fleet::digest::Sha256Sum;
use crate::fleet::plan::insight::{Insight, Known, Pair};
use crate::fleet::plan::policy::Queue;
use crate::fleet::tenant::TenantId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What an [`Engine`] knows for one tenant whose jobs are all alike but for the pair. It asks its store once for each
/// pair, by three requests at most, and keeps the answer: make a new one for each answer, or for each plan of a fleet.
///
/// A delta that is in the store already is one whose size is known: its job is done as soon as it is submitted.
pub struct EngineInsight<'e> {
    engine: &'e Engine,
    usual: &'e JobSpec,
    asked: Mutex<HashMap<JobKey, Outlook>>,
}

impl Engine {
    /// What this engine and its store know of deltas for the tenant of `usual`: what jobs are to be like, but for the
    /// algorithm and the digests, which follow from the pair.
    #[must_use]
    pub fn insight<'e>(&'e self, usual: &'e JobSpec) -> EngineInsight<'e> {
        EngineInsight { engine: self, usual, asked: Mutex::default() }
    }

    /// How full the queue is that a new job of this tenant would go into: its own, or that of all if that is fuller.
    #[must_use]
    pub fn queue(&self, tenant: &TenantId) -> Queue {
        self.inner.board().queue(tenant)
    }
}

impl EngineInsight<'_> {
    /// The job that makes this delta. Its key is known if both Artifacts' digests are.
    #[must_use]
    pub fn spec(&self, pair: &Pair<'_>) -> JobSpec {
        let digest = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<Sha256Sum>().ok());
        let mut spec = self.usual.clone();
        if spec.algorithm.name() != pair.kind.name() {
            spec.algorithm = AlgorithmSpec::of(pair.kind);
        }
        (spec.from_sha256, spec.to_sha256) = (digest(&pair.from.sha256), digest(&pair.to.sha256));
        spec
    }

    /// What the engine or its store has for the key of this delta; nothing for another tenant's, and where the Artifacts'
    /// digests are not known. That the store does not answer is told by the job.
    fn outlook(&self, tenant: &TenantId, pair: &Pair<'_>) -> Option<(JobKey, Outlook)> {
        if *tenant != self.usual.tenant {
            return None;
        }
        let spec = self.spec(pair);
        let key = JobKey::of(&spec, &spec.from_sha256?, &spec.to_sha256?);
        if let Some(known) = self.asked().get(&key) {
            return Some((key, known.clone()));
        }
        let inner = &self.engine.inner;
        let now = inner.clock.now();
        let remembered = inner.board().remembered.outlook(tenant, key, now);
        let stored = || shelf::outlook(inner.store.as_ref()?, tenant, &key, now);
        let known = remembered.or_else(stored).unwrap_or(Outlook::Open);
        self.asked().insert(key, known.clone());
        Some((key, known))
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<JobKey, Outlook>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Insight for EngineInsight<'_> {
    fn known(&self, tenant: &TenantId, pair: &Pair<'_>) -> Known {
        let Some((key, outlook)) = self.outlook(tenant, pair) else { return Known::Nothing };
        match outlook {
            Outlook::Fails { failure, until } => Known::Failed {
                code: failure.reason.code().to_owned(),
                text: failure.text,
                until: u64::try_from(until).ok(),
            },
            Outlook::Made { .. } => Known::Nothing,
            Outlook::Open if self.engine.inner.board().under_way(tenant, key).is_some() => Known::UnderWay,
            Outlook::Open => Known::Nothing,
        }
    }

    fn estimate(&self, tenant: &TenantId, pair: &Pair<'_>) -> Option<u64> {
        match self.outlook(tenant, pair)?.1 {
            Outlook::Made { len } => Some(len),
            Outlook::Open | Outlook::Fails { .. } => None,
        }
    }
}
