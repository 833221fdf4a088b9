//! Failures of engines and jobs as C gets them: a number for what kind it is, and the reason as a static word.

use crate::error_code::Code;
use crate::failure::Failure;
use mender_delta::fleet::job::failure::Failure as Refusal;
use mender_delta::fleet::reason::Reason;
use std::ffi::{CStr, CString};
use std::sync::OnceLock;

/// The word of a reason with a NUL behind it. The table is made once and stays.
fn word(reason: Reason) -> Option<&'static CStr> {
    static WORDS: OnceLock<Vec<(Reason, CString)>> = OnceLock::new();
    let words = WORDS.get_or_init(|| {
        let with_nul = |reason: &Reason| Some((*reason, CString::new(reason.code()).ok()?));
        Reason::ALL.iter().filter_map(with_nul).collect()
    });
    words.iter().find(|(known, _)| *known == reason).map(|(_, word)| word.as_c_str())
}

/// The kind of failure that a reason is.
fn code(reason: Reason) -> Code {
    match reason {
        Reason::BadRequest | Reason::WrongState | Reason::UnknownJob | Reason::UnknownSigner => Code::Arg,
        Reason::BadArtifact => Code::Format,
        Reason::Checksum | Reason::StoreDamaged => Code::Checksum,
        Reason::Unsupported => Code::Unsupported,
        Reason::Unsigned => Code::Unsigned,
        Reason::BadSignature => Code::Signature,
        Reason::TooLarge
        | Reason::LimitMemory
        | Reason::LimitDisk
        | Reason::LimitOutput
        | Reason::LimitTime
        | Reason::LimitQueue
        | Reason::LimitQuota
        | Reason::Busy
        | Reason::ApplyMemory
        | Reason::StoreFull => Code::Limit,
        Reason::InputIo
        | Reason::InputChanged
        | Reason::SignerFailed
        | Reason::DiskFull
        | Reason::WorkIo
        | Reason::WorkBusy
        | Reason::StoreUnreachable
        | Reason::StoreDenied
        | Reason::QueueUnreachable => Code::Io,
        Reason::Cancelled => Code::Cancelled,
        Reason::VerifyFailed | Reason::Panic | Reason::StoreConflict => Code::Internal,
        // TenantMismatch, BadPair, FromEqTo, NoGain, Interrupted, StoreMissing, Poison, and what will be added.
        _ => Code::Refused,
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure {
            offset: refusal.offset,
            reason: word(refusal.reason),
            ..Self::new(code(refusal.reason), refusal.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_word() {
        for &reason in Reason::ALL {
            let failure = Failure::from(Refusal::new(reason));
            assert_eq!(failure.reason.and_then(|word| word.to_str().ok()), Some(reason.code()));
            assert!((failure.code as i32) < 0, "{reason:?}");
        }
        assert_eq!(Failure::from(Refusal::new(Reason::NoGain)).code, Code::Refused);
        assert_eq!(Failure::from(Refusal::new(Reason::LimitMemory)).code, Code::Limit);
    }
}
