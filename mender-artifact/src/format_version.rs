//! The versions of the Artifact format that are read and written.

/// A version of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FormatVersion {
    /// Version 2: whole root file systems only, without groups, provides and depends.
    V2,
    /// Version 3.
    #[default]
    V3,
}

impl FormatVersion {
    /// The number in the member `version`.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }

    /// The version with this number, if it is known.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            2 => Some(Self::V2),
            3 => Some(Self::V3),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_both_ways() {
        for version in [FormatVersion::V2, FormatVersion::V3] {
            assert_eq!(FormatVersion::from_number(version.number().into()), Some(version));
        }
        assert_eq!(FormatVersion::from_number(1), None);
        assert_eq!(FormatVersion::from_number(4), None);
    }
}
