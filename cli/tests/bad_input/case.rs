//! One defect.

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Artifact,
    /// For `testdata/delta/base.bin`.
    Delta,
}

#[derive(Clone)]
pub(crate) struct Case {
    /// The name of its folder.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) shows: &'static str,
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
    /// The key that is given, from mender-artifact/tests/keys.
    pub(crate) key: Option<&'static str>,
}

/// Larger ones are made, not kept.
const KEPT_MAX: usize = 24 << 10;

impl Case {
    pub(crate) fn artifact(name: &'static str, shows: &'static str, bytes: Vec<u8>) -> Self {
        Self { name, shows, kind: Kind::Artifact, bytes, key: None }
    }

    pub(crate) fn delta(name: &'static str, shows: &'static str, bytes: Vec<u8>) -> Self {
        Self { name, shows, kind: Kind::Delta, bytes, key: None }
    }

    pub(crate) fn with_key(self, key: &'static str) -> Self {
        Self { key: Some(key), ..self }
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.bytes.len() <= KEPT_MAX
    }

    pub(crate) const fn file_name(&self) -> &'static str {
        match self.kind {
            Kind::Artifact => "bad.mender",
            Kind::Delta => "bad.delta",
        }
    }
}
