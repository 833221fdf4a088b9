//! The files of the header archive, kept in the caller's memory until its checksum is known.
//!
//! | offset in a record | length | |
//! |---|---|---|
//! | 0 | 1 | kind: 0 header-info, 1 script, 2 type-info, 3 meta-data, 4 files |
//! | 1 | 1 | archive: 0 header, 1 augmented header |
//! | 2 | 2 | payload, little-endian |
//! | 4 | 4 | permission bits, little-endian |
//! | 8 | 4 | length of the name, little-endian |
//! | 12 | 4 | length of the contents, little-endian |
//! | 16 | | name, contents |

use crate::error::{Defect, Entry, Error};
use crate::manifest::Part;

const HEAD: usize = 16;

/// Which file of the header archive a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    HeaderInfo(Part),
    Script,
    TypeInfo(Part, u16),
    MetaData(Part, u16),
    Files(u16),
}

impl Kind {
    /// What errors about it are about.
    pub(crate) const fn entry(self) -> Entry {
        match self {
            Self::HeaderInfo(Part::Signed) => Entry::HeaderInfo,
            Self::TypeInfo(Part::Signed, payload) => Entry::TypeInfo(payload),
            Self::MetaData(Part::Signed, payload) => Entry::MetaData(payload),
            Self::Script => Entry::Script,
            Self::Files(payload) => Entry::Files(payload),
            Self::HeaderInfo(Part::Augment) => Entry::AugmentInfo,
            Self::TypeInfo(Part::Augment, payload) => Entry::AugmentTypeInfo(payload),
            Self::MetaData(Part::Augment, payload) => Entry::AugmentMetaData(payload),
        }
    }

    const fn code(self) -> ([u8; 2], u16) {
        match self {
            Self::HeaderInfo(part) => ([0, code_of(part)], 0),
            Self::Script => ([1, 0], 0),
            Self::TypeInfo(part, payload) => ([2, code_of(part)], payload),
            Self::MetaData(part, payload) => ([3, code_of(part)], payload),
            Self::Files(payload) => ([4, 0], payload),
        }
    }

    const fn from_code(code: [u8; 2], payload: u16) -> Self {
        let part = if code[1] == 0 { Part::Signed } else { Part::Augment };
        match code[0] {
            0 => Self::HeaderInfo(part),
            1 => Self::Script,
            2 => Self::TypeInfo(part, payload),
            3 => Self::MetaData(part, payload),
            _ => Self::Files(payload),
        }
    }
}

const fn code_of(part: Part) -> u8 {
    match part {
        Part::Signed => 0,
        Part::Augment => 1,
    }
}

/// One kept file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) name: &'a [u8],
    pub(crate) contents: &'a [u8],
}

/// All kept files, and the one that is being added.
pub(crate) struct Kept<'m> {
    memory: &'m mut [u8],
    used: usize,
    contents: usize,
}

impl<'m> Kept<'m> {
    pub(crate) fn new(memory: &'m mut [u8]) -> Self {
        Self { memory, used: 0, contents: 0 }
    }

    /// Begins a file whose contents will be `len` bytes.
    pub(crate) fn begin(&mut self, kind: Kind, mode: u32, name: &[u8], len: u64) -> Result<(), Error> {
        let room = self.memory.len() - self.used;
        let want = (HEAD as u64 + name.len() as u64).saturating_add(len);
        if want > room as u64 {
            let error = Error::new(Defect::TooLarge, kind.entry());
            return Err(error.named(b"header files").expected(self.memory.len()).found(want));
        }
        // Everything fits into memory, so the lengths fit into 32 bits unless memory is huge.
        let lengths = u32::try_from(name.len()).ok().zip(u32::try_from(len).ok());
        let Some((name_len, len)) = lengths else {
            return Err(Error::new(Defect::TooLarge, kind.entry()).expected(u64::from(u32::MAX)));
        };
        let (code, payload) = kind.code();
        let head = &mut self.memory[self.used..self.used + HEAD + name.len()];
        head[..2].copy_from_slice(&code);
        head[2..4].copy_from_slice(&payload.to_le_bytes());
        head[4..8].copy_from_slice(&mode.to_le_bytes());
        head[8..12].copy_from_slice(&name_len.to_le_bytes());
        head[12..16].copy_from_slice(&len.to_le_bytes());
        head[HEAD..].copy_from_slice(name);
        self.used += HEAD + name.len();
        self.contents = self.used;
        Ok(())
    }

    /// Adds bytes to the file that was begun.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if let Some(free) = self.memory.get_mut(self.used..self.used + bytes.len()) {
            free.copy_from_slice(bytes);
            self.used += bytes.len();
        }
    }

    /// The contents of the file that was added last.
    pub(crate) fn last(&self) -> &[u8] {
        &self.memory[self.contents..self.used]
    }

    /// All files in their order.
    pub(crate) fn records(&self) -> Records<'_> {
        Records { rest: &self.memory[..self.used] }
    }
}

/// Goes through the kept files.
#[derive(Clone, Debug)]
pub(crate) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// The contents of the first file of this kind.
    pub(crate) fn find(mut self, kind: Kind) -> Option<&'a [u8]> {
        self.find_map(|record| (record.kind == kind).then_some(record.contents))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (head, rest) = self.rest.split_at_checked(HEAD)?;
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let payload = u16::from_le_bytes([head[2], head[3]]);
        let kind = Kind::from_code([head[0], head[1]], payload);
        let (name, rest) = rest.split_at_checked(usize::try_from(number(8)).ok()?)?;
        let (contents, rest) = rest.split_at_checked(usize::try_from(number(12)).ok()?)?;
        self.rest = rest;
        Some(Record { kind, mode: number(4), name, contents })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_files_within_bounds() {
        let mut memory = [0; 60];
        let mut kept = Kept::new(&mut memory);
        assert!(kept.begin(Kind::HeaderInfo(Part::Augment), 0o600, b"", 2).is_ok());
        kept.push(b"{");
        kept.push(b"}");
        assert_eq!(kept.last(), b"{}");
        assert!(kept.begin(Kind::Script, 0o755, b"name", 3).is_ok());
        kept.push(b"abc");
        assert!(kept.begin(Kind::MetaData(Part::Signed, 3), 0, b"", 4).is_err());
        assert!(kept.begin(Kind::MetaData(Part::Signed, 3), 0, b"", u64::MAX).is_err());
        assert!(kept.begin(Kind::MetaData(Part::Signed, 3), 0, b"", 3).is_ok());
        kept.push(b"xyz");
        assert_eq!(kept.records().count(), 3);
        assert_eq!(kept.records().find(Kind::MetaData(Part::Signed, 3)), Some(&b"xyz"[..]));
        assert_eq!(kept.records().find(Kind::HeaderInfo(Part::Augment)), Some(&b"{}"[..]));
        assert_eq!(kept.records().find(Kind::HeaderInfo(Part::Signed)), None);
        let script = kept.records().nth(1);
        assert!(script.is_some_and(|s| s.name == b"name" && s.contents == b"abc" && s.mode == 0o755));
    }
}
