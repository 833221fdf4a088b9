//! Byte ranges, paths, texts and structures that come from C.
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

/// Room for `size` bytes at `bytes`; NULL stands for none. What is in it counts as written, with zeroes by this call: a
/// caller's buffer need not be initialised.
///
/// # Errors
/// As [`bytes`].
///
/// # Safety
/// `bytes` is NULL or has room for `size` bytes that nobody else uses while `'c` lasts.
#[cfg(feature = "fleet")]
pub(crate) unsafe fn room<'c>(bytes: *mut u8, size: usize, name: &str) -> Result<&'c mut [u8], Failure> {
    match (bytes.is_null(), isize::try_from(size)) {
        (_, Ok(0)) => Ok(&mut []),
        // SAFETY: not NULL, and of a possible length; the rest is promised by the caller.
        (false, Ok(_)) => Ok(unsafe {
            bytes.write_bytes(0, size);
            std::slice::from_raw_parts_mut(bytes, size)
        }),
        (true, _) => Err(Failure::argument(format!("{name} is NULL and its size is {size}"))),
        (false, Err(_)) => Err(Failure::argument(format!("{name} has the impossible size {size}"))),
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

/// A structure of the header that says how large it is.
///
/// # Safety
/// The type is `repr(C)` and begins with a `u32`, the size in bytes of the structure as the caller knows it; any bytes
/// of a caller make a value of it.
pub(crate) unsafe trait Structure: Copy {}

/// The structure behind a pointer, copied, or none for NULL.
///
/// # Errors
/// `MAR_E_ARG` for another `struct_size`: a larger structure has wishes at its end that this library does not know, and
/// what a smaller one has no room for is not guessed.
///
/// # Safety
/// `structure` is NULL or points to a structure that is as large as its `struct_size` says.
pub(crate) unsafe fn structure<T: Structure>(structure: *const T, name: &str) -> Result<Option<T>, Failure> {
    if structure.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so there is at least a struct_size.
    let size = unsafe { structure.cast::<u32>().read() };
    if usize::try_from(size) != Ok(size_of::<T>()) {
        let expected = size_of::<T>();
        return Err(Failure::argument(format!("{name}: expected a struct_size of {expected}, found {size}")));
    }
    // SAFETY: as large as it has to be.
    Ok(Some(unsafe { structure.read() }))
}

/// Refuses flags that this library does not know.
///
/// # Errors
/// `MAR_E_ARG`.
pub(crate) fn no_flags(flags: u32, name: &str) -> Result<(), Failure> {
    if flags == 0 {
        return Ok(());
    }
    Err(Failure::argument(format!("{name}: expected flags 0, found {flags:#x}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[derive(Clone, Copy)]
    #[repr(C)]
    struct Pair(u32, u32);

    // SAFETY: it begins with a u32.
    unsafe impl Structure for Pair {}

    #[test]
    fn structures_of_another_size_are_refused() {
        // SAFETY: NULL, or a whole structure whatever it says.
        unsafe {
            assert!(structure::<Pair>(ptr::null(), "pair").unwrap().is_none());
            assert_eq!(structure(&Pair(8, 5), "pair").unwrap().unwrap().1, 5);
            for size in [0, 4, 7, 9, 12, u32::MAX] {
                let found = structure(&Pair(size, 5), "pair").err().unwrap();
                assert_eq!(found.message, format!("pair: expected a struct_size of 8, found {size}"));
            }
        }
        assert!(no_flags(0, "pair").is_ok());
        assert_eq!(no_flags(10, "pair").unwrap_err().message, "pair: expected flags 0, found 0xa");
    }

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
