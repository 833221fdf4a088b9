//! Opaque handles: objects of ours that C holds by pointer.
#![allow(unsafe_code, reason = "objects go to C as pointers and come back")]

use crate::error_code::Code;
use crate::failure::Failure;
use crate::guard::guard;
use std::ffi::c_int;
use std::ptr;

/// Gives `object` to C in `*out`, which is looked at before.
///
/// # Safety
/// `out` is not NULL and may be written.
pub(crate) unsafe fn give<T>(object: T, out: *mut *mut T) {
    // SAFETY: as promised by the caller.
    unsafe { out.write(Box::into_raw(Box::new(object))) };
}

/// The object behind a handle.
///
/// # Errors
/// `MAR_E_ARG` for NULL.
///
/// # Safety
/// `handle` is NULL or comes from [`give`] and was not freed, and no other thread uses it while `'h` lasts.
pub(crate) unsafe fn borrow<'h, T>(handle: *mut T) -> Result<&'h mut T, Failure> {
    // SAFETY: as promised by the caller.
    unsafe { handle.as_mut() }.ok_or_else(|| Failure::argument("the handle is NULL"))
}

/// Ends the object behind a handle, and lets no panic of it through; NULL has none.
///
/// # Safety
/// As [`borrow`], and the handle is not used afterwards.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if handle.is_null() {
        return;
    }
    // SAFETY: it comes from Box::into_raw in give() and was not freed; nobody wants the details.
    let _: c_int = unsafe {
        guard(ptr::null_mut(), || {
            drop(Box::from_raw(handle));
            Ok(Code::Ok)
        })
    };
}

/// The object behind a handle that threads share.
///
/// # Errors
/// `MAR_E_ARG` for NULL.
///
/// # Safety
/// `handle` is NULL or comes from [`give`] and was not freed while `'h` lasts.
#[cfg(feature = "fleet")]
pub(crate) unsafe fn share<'h, T: Sync>(handle: *const T) -> Result<&'h T, Failure> {
    // SAFETY: as promised by the caller.
    unsafe { handle.as_ref() }.ok_or_else(|| Failure::argument("the handle is NULL"))
}
