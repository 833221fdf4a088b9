//! What the planner asks others for: those who keep jobs and their results, and those who can estimate.

use super::policy::DeltaKind;
use crate::fleet::catalog::summary::ArtifactSummary;
use crate::fleet::tenant::TenantId;

/// A delta that could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair<'c> {
    /// What devices have.
    pub from: &'c ArtifactSummary,
    /// What they shall have.
    pub to: &'c ArtifactSummary,
    /// In which format.
    pub kind: DeltaKind,
}

/// What is known of a delta.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    #[default]
    Nothing,
    /// A job for it waits or runs: whoever asks joins it.
    UnderWay,
    /// Making it failed, and would fail again.
    Failed {
        /// Reason code of the failure.
        code: String,
        /// The same for people.
        text: String,
        /// Until when that is believed, in seconds since 1970; `None` for ever.
        until: Option<u64>,
    },
}

/// Whoever knows more than the catalog: [`Engine::insight`](crate::fleet::job::engine::Engine::insight), or a server's own
/// records. Both answers are about one tenant only; the methods must not wait for long.
pub trait Insight {
    /// What is known of this delta.
    fn known(&self, tenant: &TenantId, pair: &Pair<'_>) -> Known {
        let _ = (tenant, pair);
        Known::Nothing
    }

    /// About how many bytes the delta Artifact will have; `None` if nobody has tried.
    fn estimate(&self, tenant: &TenantId, pair: &Pair<'_>) -> Option<u64> {
        let _ = (tenant, pair);
        None
    }
}

/// Knows nothing.
impl Insight for () {}
