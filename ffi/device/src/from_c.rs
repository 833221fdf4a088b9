//! What comes from C by pointer, looked at before it is used.
#![allow(unsafe_code, reason = "reads what pointers of the caller's point to")]

use crate::config::Detail;
use crate::fault::Fault;
use core::ffi::{CStr, c_char, c_int};

/// The structure behind a pointer, copied; its first field is its `struct_size`.
///
/// # Errors
/// `MAR_E_ARG` for NULL and for another size.
///
/// # Safety
/// `pointer` is NULL or points to a structure that begins with its size in bytes, and is as large as that says.
pub(crate) unsafe fn structure<T: Copy>(pointer: *const T, what: &'static str) -> Result<T, Fault> {
    if pointer.is_null() {
        return Err(Fault::argument(what));
    }
    // SAFETY: there is at least a struct_size.
    let size = unsafe { pointer.cast::<u32>().read() };
    if usize::try_from(size) != Ok(size_of::<T>()) {
        return Err(Fault::argument(what));
    }
    // SAFETY: as large as it has to be.
    Ok(unsafe { pointer.read() })
}

/// Bytes that are only read during the call; NULL and 0 are none.
///
/// # Safety
/// `bytes` is NULL or points to `len` bytes that nobody changes while `'b` lasts.
pub(crate) unsafe fn bytes<'b>(bytes: *const u8, len: usize) -> Result<&'b [u8], Fault> {
    if len == 0 {
        return Ok(&[]);
    }
    if bytes.is_null() || isize::try_from(len).is_err() {
        return Err(Fault::argument("bytes"));
    }
    // SAFETY: as promised by the caller.
    Ok(unsafe { core::slice::from_raw_parts(bytes, len) })
}

/// A NUL-terminated string, or none for NULL.
///
/// # Safety
/// `text` is NULL or ends with NUL and does not change while `'t` lasts.
pub(crate) unsafe fn text<'t>(text: *const c_char) -> Option<&'t [u8]> {
    if text.is_null() {
        return None;
    }
    // SAFETY: as promised by the caller.
    Some(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// A SHA-256, or none for NULL.
///
/// # Safety
/// `digest` is NULL or points to 32 bytes.
pub(crate) unsafe fn digest(digest: *const u8) -> Option<[u8; 32]> {
    // SAFETY: as promised by the caller.
    (!digest.is_null()).then(|| unsafe { digest.cast::<[u8; 32]>().read() })
}

/// Writes each number to its place, unless that is NULL.
///
/// # Safety
/// The places are NULL or may be written.
pub(crate) unsafe fn give<const N: usize>(numbers: [(*mut u64, u64); N]) {
    for (place, number) in numbers {
        if !place.is_null() {
            // SAFETY: not NULL, so it may be written.
            unsafe { place.write(number) };
        }
    }
}

/// The number of an outcome.
pub(crate) fn code(outcome: Result<crate::code::Code, Fault>) -> c_int {
    match outcome {
        Ok(code) => code as c_int,
        Err(fault) => fault.code as c_int,
    }
}

/// Explains the last fault, or that there was none.
///
/// # Safety
/// `detail` is NULL or a `struct mar_detail` as large as its `struct_size` says.
pub(crate) unsafe fn explain(fault: Option<Fault>, detail: *mut Detail) {
    // SAFETY: as promised by the caller.
    if unsafe { structure_is_whole(detail) } {
        let fault = fault.unwrap_or(Fault::new(crate::code::Code::Ok, ""));
        // SAFETY: not NULL and as large as it has to be.
        let detail = unsafe { &mut *detail };
        detail.code = fault.code as i32;
        detail.callback_error = fault.callback_error;
        detail.offset = fault.offset;
        detail.wanted = fault.wanted;
        detail.limit = fault.limit;
        detail.what = crate::config::Slice::of(fault.what.as_bytes());
    }
}

/// # Safety
/// As [`explain`].
unsafe fn structure_is_whole(detail: *const Detail) -> bool {
    // SAFETY: where it is not NULL there is at least a struct_size.
    !detail.is_null()
        && usize::try_from(unsafe { (&raw const (*detail).struct_size).read() }) == Ok(size_of::<Detail>())
}
