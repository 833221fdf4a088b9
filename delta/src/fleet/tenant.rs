//! Names of tenants: what keeps the customers of one server apart.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Most bytes that the name of a tenant has.
pub const MAX_TENANT_LEN: usize = 64;

/// Name of a tenant: 1 to [`MAX_TENANT_LEN`] of `a`-`z`, `A`-`Z`, `0`-`9`, `-` and `_`. So it is a name of a folder, of an
/// object and of a part of a NATS subject without being escaped, and never leads out of its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

/// A name that no tenant can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotATenant {
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for NotATenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "name of a tenant {}, expected 1 to {MAX_TENANT_LEN} letters, digits, '-' and '_'",
            self.reason
        )
    }
}

impl std::error::Error for NotATenant {}

impl TenantId {
    /// # Errors
    /// When `name` is empty, too long, or has another character in it.
    pub fn new(name: &str) -> Result<Self, NotATenant> {
        let refuse = |reason| Err(NotATenant { reason });
        match name {
            "" => refuse("is empty"),
            _ if name.len() > MAX_TENANT_LEN => refuse("is too long"),
            _ if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) => {
                refuse("has another character in it")
            }
            _ => Ok(Self(name.to_owned())),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TenantId {
    type Error = NotATenant;

    fn try_from(name: String) -> Result<Self, NotATenant> {
        Self::new(&name)
    }
}

impl From<TenantId> for String {
    fn from(tenant: TenantId) -> String {
        tenant.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_lead_elsewhere_are_refused() {
        for name in ["", ".", "..", "a/b", "a.b", "a b", "a*", "ä", "a\0", &"x".repeat(65)] {
            assert!(TenantId::new(name).is_err(), "{name:?}");
        }
        for name in ["a", "6f1e-0_Z", &"x".repeat(64)] {
            assert_eq!(TenantId::new(name).map(|id| id.as_str().to_owned()), Ok(name.to_owned()));
        }
    }
}
