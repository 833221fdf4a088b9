//! The border: runs a call, turns its outcome into a number, and lets no panic through.
#![allow(unsafe_code, reason = "hands the caller's detail on")]

use crate::detail::{self, Detail};
use crate::error_code::Code;
use crate::failure::Failure;
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `call`. With a `detail` of the wrong size it is not run at all.
///
/// Whatever `call` changes has to be usable after a panic in the middle; see [`crate::check`].
///
/// # Safety
/// As [`detail::is_usable`] and [`detail::explain`] want it of `detail`.
pub(crate) unsafe fn guard(detail: *mut Detail, call: impl FnOnce() -> Result<Code, Failure>) -> c_int {
    // SAFETY: as promised by the caller.
    if !unsafe { detail::is_usable(detail) } {
        return c_int::from(Code::Arg);
    }
    let failure = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(code)) => return code.into(),
        Ok(Err(failure)) => failure,
        Err(payload) => {
            // Dropping what a panic carries could panic again, outside of the net.
            std::mem::forget(payload);
            internal()
        }
    };
    // SAFETY: as promised by the caller, and its size was looked at above.
    unsafe { detail::explain(detail, &failure) };
    failure.code.into()
}

/// The failure of a call that panicked.
pub(crate) fn internal() -> Failure {
    Failure::new(Code::Internal, "this library has a defect: please report what it was given")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[test]
    fn a_panic_becomes_a_code() {
        // SAFETY: NULL is allowed.
        let code = unsafe { guard(ptr::null_mut(), || panic!("on purpose")) };
        assert_eq!(code, c_int::from(Code::Internal));
    }

    #[test]
    fn a_panic_is_explained() {
        let mut text = [0_u8; 200];
        let mut detail = Detail {
            struct_size: u32::try_from(size_of::<Detail>()).unwrap(),
            code: 0,
            offset: 0,
            message: text.as_mut_ptr().cast(),
            message_size: text.len(),
            message_len: 0,
            reason: ptr::null(),
        };
        // SAFETY: the detail is whole and its buffer has the size given.
        unsafe { guard(&raw mut detail, || panic!("on purpose")) };
        assert_eq!(detail.code, c_int::from(Code::Internal));
        assert!(text.starts_with(b"this library has a defect"));
    }

    #[test]
    fn with_a_wrong_detail_nothing_is_run() {
        let mut detail = Detail {
            struct_size: 4,
            code: 77,
            offset: 0,
            message: ptr::null_mut(),
            message_size: 0,
            message_len: 0,
            reason: ptr::null(),
        };
        // SAFETY: the detail is whole, whatever it says.
        let code = unsafe { guard(&raw mut detail, || panic!("must not run")) };
        assert_eq!((code, detail.code), (c_int::from(Code::Arg), 77));
    }
}
