//! The caller's structure that a failed call explains itself in.
#![allow(unsafe_code, reason = "fills a structure and a buffer of the caller's")]

use crate::failure::Failure;
use std::ffi::{CStr, c_char, c_int};
use std::mem::offset_of;
use std::ptr;

/// `offset` of a detail when there is no place to name.
pub(crate) const NO_OFFSET: u64 = u64::MAX;

/// `struct mar_detail` of the header.
#[derive(Debug)]
#[repr(C)]
pub struct Detail {
    /// In: size of the structure as the caller knows it, in bytes.
    pub struct_size: u32,
    /// Out: what the call returned.
    pub code: c_int,
    /// Out: bytes from the start of the input, or [`u64::MAX`].
    pub offset: u64,
    /// In: where the message goes, or NULL.
    pub message: *mut c_char,
    /// In: bytes that fit there, with the NUL.
    pub message_size: usize,
    /// Out: bytes of the whole message without NUL.
    pub message_len: usize,
    /// Out, if the structure is large enough: the stable word for why, static, or NULL.
    pub reason: *const c_char,
}

/// Bytes of the structure as it was before it had a reason.
const WITHOUT_REASON: usize = offset_of!(Detail, reason);

/// Whether a call may go on with this detail.
///
/// # Safety
/// `detail` is NULL or points to a structure that begins with its `struct_size`.
pub(crate) unsafe fn is_usable(detail: *const Detail) -> bool {
    if detail.is_null() {
        return true;
    }
    // A caller built with a newer header has a larger structure, whose end we leave alone.
    // SAFETY: it is not NULL, so it points to at least a struct_size.
    unsafe { size(detail) >= WITHOUT_REASON }
}

/// # Safety
/// `detail` points to a structure that begins with its `struct_size`.
unsafe fn size(detail: *const Detail) -> usize {
    // SAFETY: as promised by the caller.
    usize::try_from(unsafe { (&raw const (*detail).struct_size).read() }).unwrap_or(0)
}

/// Explains `failure` in `detail`.
///
/// # Safety
/// `detail` is NULL or points to a structure for which [`is_usable`] holds, whose `message` is NULL or has room for
/// `message_size` bytes, and which nobody else uses during the call.
pub(crate) unsafe fn explain(detail: *mut Detail, failure: &Failure) {
    if detail.is_null() {
        return;
    }
    // SAFETY: not NULL, ours during the call, and large enough for what is written and read; no reference is made, as
    // the structure may be smaller than ours.
    let (message, message_size) = unsafe {
        (&raw mut (*detail).code).write(c_int::from(failure.code));
        (&raw mut (*detail).offset).write(failure.offset.unwrap_or(NO_OFFSET));
        (&raw mut (*detail).message_len).write(failure.message.len());
        if size(detail) >= size_of::<Detail>() {
            (&raw mut (*detail).reason).write(failure.reason.map_or(ptr::null(), CStr::as_ptr));
        }
        ((&raw const (*detail).message).read(), (&raw const (*detail).message_size).read())
    };
    if message.is_null() || message_size == 0 {
        return;
    }
    let mut len = failure.message.len().min(message_size - 1);
    while !failure.message.is_char_boundary(len) {
        len -= 1;
    }
    // SAFETY: the buffer has room for message_size bytes, of which len and a NUL are written, and a message that this
    // call made itself does not lie in it.
    unsafe {
        failure.message.as_ptr().copy_to_nonoverlapping(message.cast(), len);
        message.add(len).write(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_code::Code;

    fn whole() -> u32 {
        u32::try_from(size_of::<Detail>()).unwrap()
    }

    fn explained(message: &str, buffer: &mut [u8]) -> (Detail, usize) {
        let mut detail = Detail {
            struct_size: whole(),
            code: 0,
            offset: 0,
            message: buffer.as_mut_ptr().cast(),
            message_size: buffer.len(),
            message_len: 0,
            reason: c"before".as_ptr(),
        };
        // SAFETY: the detail is whole and its buffer has the size given.
        unsafe { explain(&raw mut detail, &Failure::new(Code::Format, message)) };
        let len = detail.message_len;
        (detail, len)
    }

    #[test]
    fn a_message_is_cut_to_fit_and_ends_with_nul() {
        let mut buffer = [b'x'; 8];
        assert_eq!(explained("abc", &mut buffer).1, 3);
        assert_eq!(&buffer, b"abc\0xxxx");
        assert_eq!(explained("abcdefghij", &mut buffer).1, 10);
        assert_eq!(&buffer, b"abcdefg\0");
        assert_eq!(explained("abcdefé", &mut buffer).1, 8);
        assert_eq!(&buffer, b"abcdef\0\0");
        let mut one = [b'x'];
        assert_eq!(explained("abc", &mut one).1, 3);
        assert_eq!(&one, b"\0");
    }

    #[test]
    fn without_a_buffer_there_is_the_length() {
        let (detail, len) = explained("abc", &mut []);
        assert_eq!((detail.code, detail.offset, len), (c_int::from(Code::Format), NO_OFFSET, 3));
        // SAFETY: NULL is allowed.
        unsafe { explain(ptr::null_mut(), &Failure::new(Code::Format, "abc")) };
    }

    #[test]
    fn a_smaller_structure_than_ours_is_refused_and_a_larger_one_is_not() {
        // SAFETY: all of them are NULL or whole.
        unsafe {
            assert!(is_usable(ptr::null()));
            let old = u32::try_from(WITHOUT_REASON).unwrap();
            for (struct_size, usable) in
                [(0, false), (old - 1, false), (old, true), (whole(), true), (whole() + 8, true)]
            {
                let (mut detail, _) = explained("", &mut []);
                detail.struct_size = struct_size;
                assert_eq!(is_usable(&raw const detail), usable, "{struct_size}");
            }
        }
    }
    #[test]
    fn the_reason_is_written_where_there_is_room_for_it() {
        let failure = Failure { reason: Some(c"no_gain"), ..Failure::new(Code::Format, "abc") };
        let (mut detail, _) = explained("", &mut []);
        assert!(detail.reason.is_null());
        for (struct_size, expected) in
            [(u32::try_from(WITHOUT_REASON).unwrap(), ptr::null()), (whole(), c"no_gain".as_ptr())]
        {
            detail.struct_size = struct_size;
            // SAFETY: the detail is at least as large as it says.
            unsafe { explain(&raw mut detail, &failure) };
            assert_eq!(detail.reason, expected);
        }
    }
}
