//! Where references stand in machine code: the words of a piece of the base, and what each refers to.

use super::{aarch64, x86_64};

/// Bytes of base that are looked at before and behind a position.
pub const MARGIN: usize = 16;

/// Whose machine code an image holds. A wrong one makes a delta larger, nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Architecture {
    /// No references are looked for.
    #[default]
    None = 0,
    /// 64-bit ARM, little-endian.
    Aarch64 = 1,
    /// 64-bit x86.
    X86_64 = 2,
}

impl Architecture {
    /// The architecture of a code in a header, if there is one.
    pub const fn of_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Architecture::None),
            1 => Some(Architecture::Aarch64),
            2 => Some(Architecture::X86_64),
            _ => None,
        }
    }
}

#[cfg(feature = "generate")]
impl Architecture {
    /// The architecture of ELF files whose field `e_machine` is this.
    pub(crate) const fn of_elf(machine: u16) -> Self {
        match machine {
            62 => Architecture::X86_64,
            183 => Architecture::Aarch64,
            _ => Architecture::None,
        }
    }
}

/// Reads code word by word, as the model does.
#[cfg(feature = "generate")]
pub(crate) struct Reader {
    words: Words,
    at: usize,
}

#[cfg(feature = "generate")]
impl Reader {
    /// A reader of code that begins `at` bytes behind the start of its file.
    pub(crate) fn new(architecture: Architecture, at: usize) -> Self {
        Reader { words: Words::new(architecture), at }
    }

    /// The word at `i` of `code`, which has margins, at most `left` bytes: without its operand if it is a reference.
    pub(crate) fn next_without_operand(&mut self, code: &[u8], i: usize, left: usize) -> (u32, usize) {
        let word = self.words.next(code, i, left, (self.at + i) as u32);
        self.words.became(&word, 0, word.old);
        let cleared = match word.kind {
            Kind::Plain | Kind::Data => word.old,
            Kind::Relative => 0,
            kind => aarch64::without_operand(kind, word.old),
        };
        (cleared, word.len)
    }
}

/// What a word is taken for, by the bytes of the base alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bytes in front of a reference or of the next aligned word.
    Plain = 0,
    /// An aligned word.
    Data = 1,
    /// x86: a 32-bit distance from the end of the word.
    Relative = 2,
    /// AArch64: a branch of 26 bits.
    Branch = 3,
    /// AArch64: a branch of 19 bits.
    Condition = 4,
    /// AArch64: a branch of 14 bits.
    Test = 5,
    /// AArch64: the page of an address.
    Page = 6,
    /// AArch64: the place in a page.
    Low = 7,
}

/// Kinds there are.
pub(super) const KINDS: usize = 8;

impl Kind {
    /// Whether the word says where something else is.
    pub(super) fn is_reference(self) -> bool {
        !matches!(self, Kind::Plain | Kind::Data)
    }
}

/// One to four bytes of the base.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    pub kind: Kind,
    /// Bytes.
    pub len: usize,
    /// Offset in the base, modulo 2^32.
    pub at: u32,
    /// The bytes, little-endian.
    pub old: u32,
    /// What a reference refers to, as an offset in the base modulo 2^32.
    pub target: u32,
}

/// Reads the words of a base, and keeps what one says about the next.
#[derive(Default)]
pub(super) struct Words {
    architecture: Architecture,
    pages: aarch64::Pages,
}

impl Words {
    pub(super) fn new(architecture: Architecture) -> Self {
        Words { architecture, ..Words::default() }
    }

    /// What is remembered of pages: kept before a look ahead, put back after it.
    pub(super) fn pages(&mut self) -> &mut aarch64::Pages {
        &mut self.pages
    }

    /// The word at `i` of a piece, at most `left` bytes; `old` is the piece with its margins, `at` the offset of the
    /// word in the base.
    pub(super) fn next(&self, old: &[u8], i: usize, left: usize, at: u32) -> Word {
        let here = &old[i + MARGIN..];
        let to_aligned = (4 - (at & 3) as usize).min(left);
        let aligned = to_aligned == 4;
        let plain = if aligned { Kind::Data } else { Kind::Plain };
        let (kind, len, target) = match self.architecture {
            Architecture::Aarch64 if aligned => {
                let word = four(here);
                match aarch64::reference(&self.pages, word, at, &here[4..16]) {
                    Some((kind, target)) => (kind, 4, target),
                    None => (Kind::Data, 4, 0),
                }
            }
            Architecture::X86_64 => {
                let field = |k: usize| (left - k >= 4).then(|| x86_64::field(&old[i + k..])).flatten();
                match (0..to_aligned).find_map(|k| field(k).map(|distance| (k, distance))) {
                    Some((0, distance)) => (Kind::Relative, 4, at.wrapping_add(4).wrapping_add(distance)),
                    Some((k, _)) => (Kind::Plain, k, 0),
                    None => (plain, to_aligned, 0),
                }
            }
            _ => (plain, to_aligned, 0),
        };
        // Behind the piece there is its margin.
        let old = four(here) & (u32::MAX >> (32 - 8 * len as u32));
        Word { kind, len, at, old, target }
    }

    /// The word if it, moved by `shift`, refers to a target moved by `by`; nothing if it cannot say so.
    pub(super) fn moved(&self, word: &Word, shift: u32, by: u32) -> Option<u32> {
        match word.kind {
            Kind::Relative => Some(word.old.wrapping_add(by.wrapping_sub(shift))),
            _ => aarch64::moved(&self.pages, word, shift, by),
        }
    }

    /// By how much the target moved if `word` became `new` and moved by `shift`; nothing if it is another word now.
    pub(super) fn movement(&self, word: &Word, shift: u32, new: u32) -> Option<u32> {
        match word.kind {
            Kind::Plain | Kind::Data => None,
            Kind::Relative => Some(shift.wrapping_add(new.wrapping_sub(word.old))),
            _ => aarch64::movement(&self.pages, word, shift, new),
        }
    }

    /// Remembers what `word` became.
    pub(super) fn became(&mut self, word: &Word, shift: u32, new: u32) {
        if word.kind == Kind::Page {
            self.pages.became(word, shift, new);
        }
    }
}

/// The first four bytes, little-endian.
pub(super) fn four(bytes: &[u8]) -> u32 {
    let &[a, b, c, d] = &bytes[..4] else { return 0 };
    u32::from_le_bytes([a, b, c, d])
}
