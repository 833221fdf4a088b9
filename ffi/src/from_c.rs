//! Byte ranges and paths that come from C.
#![allow(unsafe_code, reason = "pointers of the caller's become slices")]

use crate::failure::Failure;
use std::ffi::{CStr, c_char};
use std::path::Path;

/// The `len` bytes at `bytes`; NULL stands for none.
///
/// # Errors
/// `MAR_E_ARG` for NULL with a length, and for a length that no object can have.
///
/// # Safety
/// `bytes` is NULL or points to `len` bytes that nobody changes while `'c` lasts.
pub(crate) unsafe fn bytes<'c>(bytes: *const u8, len: usize, name: &str) -> Result<&'c [u8], Failure> {
    match (bytes.is_null(), isize::try_from(len)) {
        (_, Ok(0)) => Ok(&[]),
        // SAFETY: not NULL, and of a possible length; the rest is promised by the caller.
        (false, Ok(_)) => Ok(unsafe { std::slice::from_raw_parts(bytes, len) }),
        (true, _) => Err(Failure::argument(format!("{name} is NULL and its length is {len}"))),
        (false, Err(_)) => Err(Failure::argument(format!("{name} has the impossible length {len}"))),
    }
}

/// The path in the NUL-terminated string `path`.
///
/// # Errors
/// `MAR_E_ARG` for NULL, an empty path, and where paths are Unicode one that is not UTF-8.
///
/// # Safety
/// `path` is NULL or a NUL-terminated string that nobody changes while `'c` lasts.
pub(crate) unsafe fn path<'c>(path: *const c_char, name: &str) -> Result<&'c Path, Failure> {
    if path.is_null() {
        return Err(Failure::argument(format!("{name} is NULL")));
    }
    // SAFETY: not NULL; the rest is promised by the caller.
    let text = unsafe { CStr::from_ptr(path) };
    if text.is_empty() {
        return Err(Failure::argument(format!("{name} is empty")));
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Ok(Path::new(std::ffi::OsStr::from_bytes(text.to_bytes())))
    }
    #[cfg(not(unix))]
    {
        let text = text.to_str().map_err(|_| Failure::argument(format!("{name} is not UTF-8")))?;
        Ok(Path::new(text))
    }
}

/// The NUL-terminated UTF-8 at `text`.
///
/// # Errors
/// `MAR_E_ARG` for NULL and for what is not UTF-8.
///
/// # Safety
/// `text` is NULL or a NUL-terminated string that nobody changes while `'c` lasts.
pub(crate) unsafe fn text<'c>(text: *const c_char, name: &str) -> Result<&'c str, Failure> {
    if text.is_null() {
        return Err(Failure::argument(format!("{name} is NULL")));
    }
    // SAFETY: not NULL; the rest is promised by the caller.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| Failure::argument(format!("{name} is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[test]
    fn no_bytes_may_be_null_and_some_may_not() {
        // SAFETY: the one pointer that is not NULL is never read, as its length is refused or 0.
        unsafe {
            assert_eq!(bytes(ptr::null(), 0, "x").unwrap(), b"");
            assert!(bytes(ptr::null(), 1, "x").unwrap_err().message.contains("x is NULL"));
            assert!(bytes(ptr::null(), usize::MAX, "x").is_err());
            assert!(bytes(b"ab".as_ptr(), usize::MAX, "x").unwrap_err().message.contains("impossible"));
            assert_eq!(bytes(b"ab".as_ptr(), 0, "x").unwrap(), b"");
            assert_eq!(bytes(b"ab".as_ptr(), 2, "x").unwrap(), b"ab");
        }
    }

    #[test]
    fn paths_are_there_and_not_empty() {
        // SAFETY: NULL or literals.
        unsafe {
            assert_eq!(path(ptr::null(), "base").unwrap_err().message, "base is NULL");
            assert_eq!(path(c"".as_ptr(), "base").unwrap_err().message, "base is empty");
            assert_eq!(path(c"a/b".as_ptr(), "base").unwrap(), Path::new("a/b"));
        }
    }
}
