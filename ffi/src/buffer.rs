//! `mar_buffer`: bytes of a length that the caller cannot know beforehand.
#![allow(unsafe_code, reason = "functions are exported under their C names and take pointers")]

use crate::handle;
use std::ptr;

/// `mar_buffer` of the header: never changes. Behind the bytes is a NUL that is not one of them.
pub struct Buffer(Vec<u8>);

impl From<Vec<u8>> for Buffer {
    fn from(mut bytes: Vec<u8>) -> Self {
        bytes.push(0);
        Buffer(bytes)
    }
}

/// The bytes; see the header.
///
/// # Safety
/// `buffer` is NULL or comes from a function of this library and was not freed; `len` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_buffer_bytes(buffer: *const Buffer, len: *mut usize) -> *const u8 {
    // SAFETY: as promised by the caller.
    let buffer = unsafe { buffer.as_ref() };
    if !len.is_null() {
        // SAFETY: not NULL, so it may be written.
        unsafe { len.write(buffer.map_or(0, |Buffer(bytes)| bytes.len().saturating_sub(1))) };
    }
    buffer.map_or(ptr::null(), |Buffer(bytes)| bytes.as_ptr())
}

/// Ends a buffer; see the header.
///
/// # Safety
/// `buffer` is NULL or comes from a function of this library, was not freed, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_buffer_free(buffer: *mut Buffer) {
    // SAFETY: as promised by the caller.
    unsafe { handle::free(buffer) };
}
