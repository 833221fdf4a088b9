//! The caller's structure that a failed call explains itself in.
#![allow(unsafe_code, reason = "fills a structure and a buffer of the caller's")]

use crate::failure::Failure;
use std::ffi::{c_char, c_int};

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
}

/// Whether a call may go on with this detail.
///
/// # Safety
/// `detail` is NULL or points to a structure that begins with its `struct_size`.
pub(crate) unsafe fn is_usable(detail: *const Detail) -> bool {
    if detail.is_null() {
        return true;
    }
    // SAFETY: it is not NULL, so it points to at least a struct_size.
    let size = unsafe { (&raw const (*detail).struct_size).read() };
    // A caller built with a newer header has a larger structure, whose end we leave alone.
    usize::try_from(size).is_ok_and(|size| size >= size_of::<Detail>())
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
    // SAFETY: not NULL and large enough, and ours during the call.
    let detail = unsafe { &mut *detail };
    detail.code = c_int::from(failure.code);
    detail.offset = failure.offset.unwrap_or(NO_OFFSET);
    detail.message_len = failure.message.len();
    if detail.message.is_null() || detail.message_size == 0 {
        return;
    }
    let mut len = failure.message.len().min(detail.message_size - 1);
    while !failure.message.is_char_boundary(len) {
        len -= 1;
    }
    // SAFETY: the buffer has room for message_size bytes, of which len and a NUL are written, and a message that this
    // call made itself does not lie in it.
    unsafe {
        failure.message.as_ptr().copy_to_nonoverlapping(detail.message.cast(), len);
        detail.message.add(len).write(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_code::Code;
    use std::ptr;

    fn size() -> u32 {
        u32::try_from(size_of::<Detail>()).unwrap()
    }

    fn explained(message: &str, buffer: &mut [u8]) -> (Detail, usize) {
        let mut detail = Detail {
            struct_size: size(),
            code: 0,
            offset: 0,
            message: buffer.as_mut_ptr().cast(),
            message_size: buffer.len(),
            message_len: 0,
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
            for (struct_size, usable) in [(0, false), (size() - 1, false), (size(), true), (size() + 8, true)]
            {
                let (mut detail, _) = explained("", &mut []);
                detail.struct_size = struct_size;
                assert_eq!(is_usable(&raw const detail), usable, "{struct_size}");
            }
        }
    }
}
