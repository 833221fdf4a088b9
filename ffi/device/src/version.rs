//! Which library this is.
#![allow(unsafe_code, reason = "functions are exported under their C names")]

use core::ffi::{CStr, c_char};

/// Raised with every incompatible change of the header.
pub(crate) const ABI: u32 = 1;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

/// The ABI of this library, to be compared with `MAR_DEVICE_ABI` of the header.
#[unsafe(no_mangle)]
pub extern "C" fn mar_device_abi() -> u32 {
    ABI
}

/// The version of this library as static text.
#[unsafe(no_mangle)]
pub extern "C" fn mar_device_version() -> *const c_char {
    VERSION.as_ptr()
}
