//! What a PKCS#11 module said, in a few words.

use std::fmt;

use cryptoki::error::Error;

/// A failed call of a PKCS#11 module.
#[derive(Debug)]
pub struct DeviceError(pub(super) Error);

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            // The names of the standard, such as `Login: PinIncorrect`.
            Error::Pkcs11(value, function) => write!(f, "{function:?}: {value:?}"),
            Error::LibraryLoading(error) => write!(f, "the module cannot be loaded: {error}"),
            other => write!(f, "{other}"),
        }
    }
}

impl std::error::Error for DeviceError {}
