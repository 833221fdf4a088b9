//! Settings of key services and devices: variables by name, from wherever the program has them.

#[cfg(feature = "remote-signing")]
use std::num::NonZeroU64;
#[cfg(feature = "remote-signing")]
use std::time::Duration;

use p256::elliptic_curve::zeroize::Zeroizing;

#[cfg(feature = "remote-signing")]
use crate::error::{Defect, Entry, Error};

/// Gives the value of a variable. Programs pass on `std::env::var`; a service that signs for several
/// parties passes a table. A library that reads the environment by itself could not do the latter.
#[derive(Clone, Copy)]
pub struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Environment<'a> {
    /// Variables are what `lookup` says they are. An empty value counts as none.
    #[must_use]
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(lookup)
    }

    /// The value of a variable, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// A value that is wiped from memory when dropped.
    pub(super) fn secret(&self, name: &str) -> Option<Zeroizing<String>> {
        self.get(name).map(Zeroizing::new)
    }
}

#[cfg(feature = "remote-signing")]
impl Environment<'_> {
    /// The value of a variable, or `default`.
    pub(super) fn or(&self, name: &str, default: &str) -> String {
        self.get(name).unwrap_or_else(|| default.to_owned())
    }

    /// The value of a variable that must be there.
    pub(super) fn required(&self, name: &str) -> Result<String, Error> {
        self.get(name).ok_or_else(|| unusable(name, "a value in the environment").found("none"))
    }

    /// A number of seconds from 1 to an hour.
    pub(super) fn seconds(&self, name: &str, default: u64) -> Result<Duration, Error> {
        let Some(value) = self.get(name) else {
            return Ok(Duration::from_secs(default));
        };
        let seconds = value.parse::<NonZeroU64>().ok().filter(|seconds| seconds.get() <= 3600);
        let seconds = seconds.ok_or_else(|| unusable(name, "seconds from 1 to 3600"))?;
        Ok(Duration::from_secs(seconds.get()))
    }
}

#[cfg(feature = "remote-signing")]
/// A variable whose value cannot be used. The value may be secret and is not shown.
pub(super) fn unusable(name: &str, expected: &'static str) -> Error {
    Error::new(Defect::Setting, Entry::Key).named(name.as_bytes()).expected(expected)
}

#[cfg(all(test, feature = "remote-signing"))]
mod tests {
    use super::*;

    #[test]
    fn empty_is_none_and_seconds_have_bounds() {
        let lookup = |name: &str| Some(name.to_owned()).filter(|name| name != "none");
        let environment = Environment::new(&lookup);
        assert_eq!(environment.get(""), None);
        assert_eq!(environment.or("none", "x"), "x");
        let error = environment.required("none").unwrap_err().to_string();
        assert_eq!(error, "key: 'none': unusable setting: expected a value in the environment, found none");
        assert_eq!(environment.seconds("none", 7).unwrap(), Duration::from_secs(7));
        assert_eq!(environment.seconds("3600", 7).unwrap(), Duration::from_secs(3600));
        for value in ["0", "-1", "3601", "1s"] {
            assert_eq!(environment.seconds(value, 7).unwrap_err().defect(), Defect::Setting, "{value}");
        }
    }
}
