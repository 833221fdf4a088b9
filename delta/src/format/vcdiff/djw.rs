//! DJW, the static Huffman coder of xdelta3 (`-S djw`): up to eight codes, one of which is chosen for each sector of
//! the section. Runs in memory given by the caller and stops at any byte of its output.
//!
//! Bits are taken from the low end of each byte; a number has its high bit first. Code lengths and the choice of codes
//! are ranks of a move-to-front list, with runs of the first rank counted in two symbols:
//!
//! ```text
//! codes - 1 (3 bits), [sector length / 5 - 1 (5 bits)],
//! lengths of the code of code lengths: count - 7 (4 bits), 4 bits each,
//! 256 code lengths for each code; those that were 0 in the code before are 0 and left out,
//! [lengths of the code of choices (3 bits each), a choice for each sector],
//! the bytes
//! ```

const CODES: usize = 8;
const BYTES: usize = 256;
/// Longest code of a byte, in bits.
const MAX_BITS: usize = 20;
/// Two symbols count runs; the others are the ranks of the code lengths 0 to 20 but for the first.
const LENGTH_SYMBOLS: usize = MAX_BITS + 2;
const MAX_LENGTH_BITS: usize = 15;
/// The code lengths, likely ones first.
const LENGTHS: [u8; MAX_BITS + 1] =
    [0, 4, 5, 6, 7, 8, 9, 10, 3, 11, 2, 12, 13, 1, 14, 15, 16, 17, 18, 19, 20];
/// Limit and base of each code length.
const ROW: usize = 2 * (MAX_BITS + 1);

/// Bytes that a decoder needs.
pub(crate) const BYTES_NEEDED: usize = CODES * BYTES;
/// Words that a decoder needs.
pub(crate) const WORDS_NEEDED: usize = CODES * ROW;

/// Where in the packed bytes reading stands.
#[derive(Clone, Copy, Default)]
struct Bits {
    byte: usize,
    bit: u32,
}

impl Bits {
    fn one(&mut self, packed: &[u8]) -> Option<u32> {
        let bit = u32::from(packed.get(self.byte)? >> self.bit & 1);
        self.bit += 1;
        if self.bit == 8 {
            (self.byte, self.bit) = (self.byte + 1, 0);
        }
        Some(bit)
    }

    fn number(&mut self, packed: &[u8], bits: u32) -> Option<usize> {
        let mut value = 0;
        for _ in 0..bits {
            value = value << 1 | self.one(packed)? as usize;
        }
        Some(value)
    }
}

/// A canonical code: its symbols in order of their codes, and for each length the last code and what to take off.
struct Code<'c> {
    symbols: &'c [u8],
    limits: &'c [u32],
    bases: &'c [u32],
    shortest: usize,
    longest: usize,
}

/// Fills in a code from the lengths of its symbols, 0 for none; gives the shortest and the longest length.
fn build(lens: &[u8], symbols: &mut [u8], limits: &mut [u32], bases: &mut [u32]) -> Option<(usize, usize)> {
    let mut counts = [0_u32; MAX_BITS + 1];
    for &len in lens {
        *counts.get_mut(usize::from(len)).filter(|_| usize::from(len) < limits.len())? += 1;
    }
    counts[0] = 0;
    let shortest = counts.iter().position(|&count| count > 0)?;
    let longest = counts.iter().rposition(|&count| count > 0)?;
    // Where the symbols of each length begin.
    let mut starts = [0_u32; MAX_BITS + 1];
    let mut next_code = 0_u32;
    for bits in shortest..=longest {
        if bits > shortest {
            starts[bits] = starts[bits - 1] + counts[bits - 1];
            next_code = next_code.checked_mul(2)?;
        }
        bases[bits] = next_code.checked_sub(starts[bits])?;
        next_code = next_code.checked_add(counts[bits])?;
        // One too much: a length without codes has no last one.
        limits[bits] = next_code;
    }
    for (symbol, &len) in (0..=u8::MAX).zip(lens).filter(|(_, len)| **len > 0) {
        let start = &mut starts[usize::from(len)];
        *symbols.get_mut(*start as usize)? = symbol;
        *start += 1;
    }
    Some((shortest, longest))
}

impl Code<'_> {
    fn symbol(&self, bits: &mut Bits, packed: &[u8]) -> Option<u8> {
        let mut code = 0;
        for len in 1..=self.longest {
            code = code << 1 | bits.one(packed)?;
            if len >= self.shortest && code < self.limits[len] {
                return self.symbols.get(code.checked_sub(self.bases[len])? as usize).copied();
            }
        }
        None
    }
}

/// A code of few symbols, in memory of its own.
#[derive(Clone, Copy)]
struct SmallCode {
    symbols: [u8; LENGTH_SYMBOLS],
    limits: [u32; MAX_LENGTH_BITS + 1],
    bases: [u32; MAX_LENGTH_BITS + 1],
    shortest: usize,
    longest: usize,
}

impl SmallCode {
    const NONE: SmallCode = SmallCode {
        symbols: [0; LENGTH_SYMBOLS],
        limits: [0; MAX_LENGTH_BITS + 1],
        bases: [0; MAX_LENGTH_BITS + 1],
        shortest: 1,
        longest: 0,
    };

    /// Reads the lengths of `count` symbols, then there are `symbols` of them.
    fn read(bits: &mut Bits, packed: &[u8], count: usize, symbols: usize, width: u32) -> Option<Self> {
        let mut lens = [0; LENGTH_SYMBOLS];
        for len in lens.get_mut(..count)? {
            *len = u8::try_from(bits.number(packed, width)?).ok()?;
        }
        let mut code = SmallCode::NONE;
        (code.shortest, code.longest) =
            build(lens.get(..symbols)?, &mut code.symbols, &mut code.limits, &mut code.bases)?;
        Some(code)
    }

    fn symbol(&self, bits: &mut Bits, packed: &[u8]) -> Option<u8> {
        let (shortest, longest) = (self.shortest, self.longest);
        let (symbols, limits, bases) = (&self.symbols, &self.limits, &self.bases);
        Code { symbols, limits, bases, shortest, longest }.symbol(bits, packed)
    }
}

/// Values told as ranks of a move-to-front list.
#[derive(Clone, Copy)]
struct Ranks {
    list: [u8; MAX_BITS + 1],
    run: u64,
    shift: u32,
    rank: usize,
}

impl Ranks {
    fn new(list: [u8; MAX_BITS + 1]) -> Self {
        Ranks { list, run: 0, shift: 0, rank: 0 }
    }

    fn value(&mut self, code: &SmallCode, bits: &mut Bits, packed: &[u8]) -> Option<u8> {
        loop {
            if self.run > 0 {
                self.run -= 1;
                return Some(self.list[0]);
            }
            if self.rank > 0 {
                let moved = self.list.get_mut(..=self.rank)?;
                moved.rotate_right(1);
                self.rank = 0;
                return Some(self.list[0]);
            }
            match code.symbol(bits, packed)? {
                symbol @ 0..=1 => {
                    // Longer than any section.
                    if self.shift > 40 {
                        return None;
                    }
                    self.run = u64::from(symbol + 1) << self.shift;
                    self.shift += 1;
                }
                symbol => (self.rank, self.shift) = (usize::from(symbol - 1), 0),
            }
        }
    }
}

/// Decoder of the sections of one kind.
pub(crate) struct Djw<'m> {
    symbols: &'m mut [u8],
    tables: &'m mut [u32],
    /// Shortest and longest length of each code.
    lens: [(usize, usize); CODES],
    codes: usize,
    bits: Bits,
    choices: Choices,
    sector_len: u64,
    left_in_sector: u64,
    code: usize,
}

/// The choice of a code for each sector, read once more as the sectors come.
struct Choices {
    bits: Bits,
    code: SmallCode,
    ranks: Ranks,
}

/// The packed bytes are not what this coder writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged;

impl<'m> Djw<'m> {
    /// A decoder in [`BYTES_NEEDED`] bytes and [`WORDS_NEEDED`] words.
    pub(crate) fn new(symbols: &'m mut [u8], tables: &'m mut [u32]) -> Self {
        let none = Choices { bits: Bits::default(), code: SmallCode::NONE, ranks: Ranks::new(LENGTHS) };
        Djw {
            symbols,
            tables,
            lens: [(1, 0); CODES],
            codes: 1,
            bits: Bits::default(),
            choices: none,
            sector_len: 0,
            left_in_sector: 0,
            code: 0,
        }
    }

    /// Reads what stands before the bytes of a section that unpacks to `plain_len` bytes.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn begin(&mut self, packed: &[u8], plain_len: u64) -> Result<(), Damaged> {
        self.try_begin(packed, plain_len).ok_or(Damaged)
    }

    fn try_begin(&mut self, packed: &[u8], plain_len: u64) -> Option<()> {
        // Every byte takes a bit at least.
        if plain_len > 8 * packed.len() as u64 {
            return None;
        }
        let mut bits = Bits::default();
        self.codes = bits.number(packed, 3)? + 1;
        self.sector_len = plain_len;
        if self.codes > 1 {
            self.sector_len = 5 * (bits.number(packed, 5)? as u64 + 1);
        }
        let count = bits.number(packed, 4)? + 7;
        let code = SmallCode::read(&mut bits, packed, count, LENGTH_SYMBOLS, 4)?;
        self.read_codes(&code, &mut bits, packed)?;
        (self.left_in_sector, self.code) = (self.sector_len, 0);
        if self.codes > 1 {
            let symbols = self.codes + 1;
            let code = SmallCode::read(&mut bits, packed, symbols, symbols, 3)?;
            let mut ranks = Ranks::new(core::array::from_fn(|i| u8::try_from(i).unwrap_or_default()));
            self.choices = Choices { bits, code, ranks };
            // The bytes stand behind the choices.
            for _ in 0..plain_len.div_ceil(self.sector_len) {
                let choice = ranks.value(&code, &mut bits, packed)?;
                if usize::from(choice) >= self.codes {
                    return None;
                }
            }
            if ranks.run > 0 {
                return None;
            }
            self.left_in_sector = 0;
        }
        self.bits = bits;
        Some(())
    }

    fn read_codes(&mut self, code: &SmallCode, bits: &mut Bits, packed: &[u8]) -> Option<()> {
        let (mut ranks, mut before) = (Ranks::new(LENGTHS), [1; BYTES]);
        for i in 0..self.codes {
            let mut lens = [0; BYTES];
            for (len, before) in lens.iter_mut().zip(before) {
                if before != 0 {
                    *len = ranks.value(code, bits, packed)?;
                }
            }
            let (limits, bases) = self.tables[i * ROW..][..ROW].split_at_mut(ROW / 2);
            self.lens[i] = build(&lens, &mut self.symbols[i * BYTES..][..BYTES], limits, bases)?;
            before = lens;
        }
        (ranks.run == 0).then_some(())
    }

    /// Fills `out` from the same packed bytes; never more than the section has, which the caller counts.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn read(&mut self, packed: &[u8], out: &mut [u8]) -> Result<(), Damaged> {
        for byte in out {
            *byte = self.byte(packed).ok_or(Damaged)?;
        }
        Ok(())
    }

    fn byte(&mut self, packed: &[u8]) -> Option<u8> {
        if self.left_in_sector == 0 {
            let Choices { bits, code, ranks } = &mut self.choices;
            self.code = usize::from(ranks.value(code, bits, packed)?);
            self.left_in_sector = self.sector_len;
        }
        self.left_in_sector -= 1;
        let (limits, bases) = self.tables.get(self.code * ROW..)?.get(..ROW)?.split_at(ROW / 2);
        let (shortest, longest) = *self.lens.get(self.code)?;
        let symbols = self.symbols.get(self.code * BYTES..)?.get(..BYTES)?;
        Code { symbols, limits, bases, shortest, longest }.symbol(&mut self.bits, packed)
    }

    /// Bytes of the section that have been used, the last one perhaps in part.
    pub(crate) fn used(&self) -> usize {
        self.bits.byte + usize::from(self.bits.bit > 0)
    }
}
