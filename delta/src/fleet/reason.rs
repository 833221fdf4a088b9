//! Why something was refused or failed: one list of stable words for jobs, stores, workers and what stands above them.
//!
//! A code never changes its meaning; new ones are added. What a program does about a failure follows from the code, the
//! text beside it is for people.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Who or what has to change before the same thing can work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// Nothing can: the same inputs and the same request fail again. Such outcomes are remembered.
    Never,
    /// The request: another limit, quota, signature, or tenant.
    Request,
    /// Time: trying again later may work, with nothing else changed.
    Later,
    /// This software or the machine under it: it should not happen.
    Defect,
}

macro_rules! reasons {
    ($( $(#[$doc:meta])* $name:ident = $code:literal, $remedy:ident, $text:literal; )*) => {
        /// A reason, known by its code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Reason { $( $(#[$doc])* $name, )* }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Reason] = &[$(Reason::$name),*];

            /// The stable word: lower-case letters and `_`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $( Self::$name => $code, )* }
            }

            /// What it means, for people: lower case, no full stop.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $( Self::$name => $text, )* }
            }

            /// What has to change.
            #[must_use]
            pub const fn remedy(self) -> Remedy {
                match self { $( Self::$name => Remedy::$remedy, )* }
            }
        }
    };
}

reasons! {
    /// The job description cannot be read or asks for something impossible.
    BadRequest = "bad_request", Never, "the request makes no sense";
    /// What was asked for needs the job to be in another state.
    WrongState = "wrong_state", Request, "not in this state of the job";
    /// There is no such job, or none of this tenant: both look the same.
    UnknownJob = "unknown_job", Request, "no such job";
    /// Something of another tenant was named.
    TenantMismatch = "tenant_mismatch", Request, "it belongs to another tenant";

    /// An input is damaged, truncated or no Artifact.
    BadArtifact = "bad_artifact", Never, "not a sound Artifact";
    /// An input, or a part of it, has another SHA-256 than it should.
    Checksum = "checksum", Never, "wrong checksum";
    /// An input is of a version or kind that is not handled.
    Unsupported = "unsupported", Never, "unsupported Artifact";
    /// An input is not signed as it has to be.
    Unsigned = "unsigned", Never, "not signed with the key asked for";
    /// An input has more of something than the limits of the job or of the reader grant.
    TooLarge = "too_large", Request, "too large to be read";
    /// The two Artifacts do not make a pair: device types, payload types, checksums that they provide.
    BadPair = "bad_pair", Never, "no pair of Artifacts";
    /// Both Artifacts hold the same image.
    FromEqTo = "from_eq_to", Never, "nothing changes between the Artifacts";
    /// An input could not be read: the stream broke off, the file is gone.
    InputIo = "input_io", Later, "an input could not be read";
    /// An input changed while it was read.
    InputChanged = "input_changed", Later, "an input changed while it was read";

    /// The work may need more memory than it was granted.
    LimitMemory = "limit_memory", Request, "over the limit of memory";
    /// The work may need more room for temporary files than it was granted.
    LimitDisk = "limit_disk", Request, "over the limit of temporary files";
    /// The delta Artifact is larger than allowed.
    LimitOutput = "limit_output", Request, "over the limit of the output";
    /// The work took longer than it was granted.
    LimitTime = "limit_time", Later, "the deadline passed";
    /// The engine has as many jobs waiting as it takes.
    LimitQueue = "limit_queue", Later, "the queue is full";
    /// The tenant has as much going on as it may.
    LimitQuota = "limit_quota", Later, "over the quota of the tenant";
    /// The engine has no room for it beside what it does already.
    Busy = "busy", Later, "the engine has no room for it now";
    /// A device would need more memory to apply the delta than it has.
    ApplyMemory = "apply_memory", Never, "over the memory of the device";
    /// The delta saves less than wanted.
    NoGain = "no_gain", Never, "the delta saves too little";

    /// Somebody cancelled it.
    Cancelled = "cancelled", Request, "cancelled";
    /// The engine was shut down, or killed, before the work was done.
    Interrupted = "interrupted", Later, "interrupted before it was done";
    /// A delta did not yield the new image when it was applied.
    VerifyFailed = "verify_failed", Defect, "the delta was not proved";
    /// The work ended by a panic, which went no further.
    Panic = "panic", Defect, "the work panicked";

    /// The signature does not belong to the manifest and key, or is none.
    BadSignature = "bad_signature", Request, "wrong signature";
    /// The signer named is not known to the engine for this tenant.
    UnknownSigner = "unknown_signer", Request, "no such signer";
    /// The holder of the key did not sign.
    SignerFailed = "signer_failed", Later, "the signer failed";

    /// There is no room left on the file system of the temporary files.
    DiskFull = "disk_full", Later, "no room left";
    /// The temporary files or the journal could not be used.
    WorkIo = "work_io", Later, "the work folder could not be used";
    /// Another engine uses the work folder.
    WorkBusy = "work_busy", Later, "the work folder is in use";

    /// The store does not answer, or only with failures.
    StoreUnreachable = "store_unreachable", Later, "the store does not answer";
    /// The store does not answer in time.
    StoreSlow = "store_slow", Later, "the store does not answer in time";
    /// The store refuses the credentials or the request.
    StoreDenied = "store_denied", Request, "the store refuses";
    /// An object of the store is not what it was.
    StoreDamaged = "store_damaged", Defect, "an object in the store is damaged";
    /// The store already has something else under the same key.
    StoreConflict = "store_conflict", Defect, "the store has another object of this key";
    /// There is no such object in the store.
    StoreMissing = "store_missing", Request, "not in the store";
    /// The store has no room for it, by quota or by size.
    StoreFull = "store_full", Later, "the store is full";

    /// The queue does not answer.
    QueueUnreachable = "queue_unreachable", Later, "the queue does not answer";
    /// The queue refuses the credentials or the request.
    QueueRefused = "queue_refused", Request, "the queue refuses";
    /// A message was delivered as often as allowed and never came to an end.
    Poison = "poison", Never, "given up after too many attempts";
}

impl Reason {
    /// The reason of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::from_code(&code).ok_or_else(|| serde::de::Error::custom(format!("unknown reason '{code}'")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct_and_lead_back() {
        let codes: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for &reason in Reason::ALL {
            assert!(
                reason.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{reason:?}"
            );
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), reason);
        }
        assert!(serde_json::from_str::<Reason>("\"no_such_thing\"").is_err());
    }
}
