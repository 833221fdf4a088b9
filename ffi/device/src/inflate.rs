//! Unpacks deflate (RFC 1951) in pieces of any size, through a window of 32 KiB.
//!
//! A state is left only when everything that it wants is there, so that input may end at any bit.

/// Bytes of window.
pub(crate) const WINDOW: usize = 1 << 15;
const MAX_BITS: usize = 15;
const LITERALS: usize = 288;
const DISTANCES: usize = 32;
const MOST_LENGTHS: usize = 286 + 30;
const CODE_LENGTH_ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Why there is no more output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// More input is wanted.
    Input,
    /// There is no room for output.
    Output,
    /// The stream is complete; bits up to the next byte are dropped.
    End,
}

/// The stream is no deflate stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

/// Bits that were taken from the input and not used yet, the lowest first.
#[derive(Default)]
pub(crate) struct Bits {
    bits: u64,
    count: u32,
}

impl Bits {
    /// Whether there are `count` bits, at most 32, after taking bytes of `input` that it needs.
    fn have(&mut self, count: u32, input: &mut &[u8]) -> bool {
        while self.count < count {
            let Some((&byte, rest)) = input.split_first() else { return false };
            *input = rest;
            self.bits |= u64::from(byte) << self.count;
            self.count += 8;
        }
        true
    }

    /// The lowest `count` of the bits that are there, `skip` bits on.
    fn peek(&self, skip: u32, count: u32) -> usize {
        usize::try_from(self.bits >> skip & ((1 << count) - 1)).unwrap_or_default()
    }

    fn drop(&mut self, count: u32) {
        self.bits >>= count;
        self.count -= count;
    }

    /// A whole byte, behind whatever is left of the one before.
    pub(crate) fn byte(&mut self, input: &mut &[u8]) -> Option<u8> {
        self.drop(self.count % 8);
        self.have(8, input).then(|| {
            let byte = self.peek(0, 8);
            self.drop(8);
            u8::try_from(byte).unwrap_or_default()
        })
    }
}

/// A prefix code: how many symbols there are of each length, and the symbols in the order of their codes.
struct Code<const N: usize> {
    counts: [u16; MAX_BITS + 1],
    symbols: [u16; N],
}

impl<const N: usize> Code<N> {
    const fn new() -> Self {
        Code { counts: [0; MAX_BITS + 1], symbols: [0; N] }
    }

    /// Takes the code with these lengths, at most `N`. It may be incomplete, as that of a single distance is.
    fn build(&mut self, lengths: &[u8]) -> Result<(), Damaged> {
        self.counts = [0; MAX_BITS + 1];
        for &length in lengths {
            self.counts[usize::from(length) & MAX_BITS] += 1;
        }
        self.counts[0] = 0;
        let (mut room, mut starts) = (1_i32, [0_u16; MAX_BITS + 2]);
        for length in 1..=MAX_BITS {
            room = (room << 1) - i32::from(self.counts[length]);
            if room < 0 {
                return Err(Damaged);
            }
            starts[length + 1] = starts[length] + self.counts[length];
        }
        for (symbol, &length) in (0_u16..).zip(lengths).filter(|(_, length)| **length > 0) {
            let place = &mut starts[usize::from(length) & MAX_BITS];
            *self.symbols.get_mut(usize::from(*place)).ok_or(Damaged)? = symbol;
            *place += 1;
        }
        Ok(())
    }

    /// The next symbol and the length of its code, which stays where it is; none when more input is wanted.
    fn symbol(&self, bits: &mut Bits, input: &mut &[u8]) -> Result<Option<(u16, u32)>, Damaged> {
        let (mut code, mut first, mut place) = (0_i32, 0_i32, 0_i32);
        for (length, &count) in (1_u32..).zip(&self.counts[1..]) {
            if !bits.have(length, input) {
                return Ok(None);
            }
            let count = i32::from(count);
            code |= i32::from(bits.peek(length - 1, 1) == 1);
            if code - first < count {
                let place = usize::try_from(place + code - first).map_err(|_| Damaged)?;
                return Ok(Some((*self.symbols.get(place).ok_or(Damaged)?, length)));
            }
            place += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Damaged)
    }
}

#[derive(Clone, Copy)]
enum State {
    Block,
    StoredLen,
    Stored { left: usize },
    Counts,
    CodeLengths { at: usize },
    Lengths { at: usize },
    Symbol,
    Distance { len: usize },
    Copy { len: usize, distance: usize },
    End,
}

/// One deflate stream.
pub(crate) struct Inflate {
    pub(crate) bits: Bits,
    state: State,
    is_last: bool,
    literals: Code<LITERALS>,
    distances: Code<DISTANCES>,
    /// Code lengths that are being read, and how many of literals, of distances, and of the code for them.
    lengths: [u8; MOST_LENGTHS],
    counts: [usize; 3],
    /// Bytes unpacked so far, as far as the window goes, and where in it the next goes.
    there: usize,
    at: usize,
}

impl Inflate {
    pub(crate) const fn new() -> Self {
        Inflate {
            bits: Bits { bits: 0, count: 0 },
            state: State::Block,
            is_last: false,
            literals: Code::new(),
            distances: Code::new(),
            lengths: [0; MOST_LENGTHS],
            counts: [0; 3],
            there: 0,
            at: 0,
        }
    }

    /// Unpacks from `input` to `out` from `written` on; `window` is the same [`WINDOW`] bytes each time.
    pub(crate) fn run(
        &mut self,
        input: &mut &[u8],
        out: &mut [u8],
        written: &mut usize,
        window: &mut [u8],
    ) -> Result<Stop, Damaged> {
        loop {
            self.state = match self.state {
                State::End => return Ok(Stop::End),
                State::Block => {
                    if !self.bits.have(3, input) {
                        return Ok(Stop::Input);
                    }
                    self.is_last = self.bits.peek(0, 1) == 1;
                    let kind = self.bits.peek(1, 2);
                    self.bits.drop(3);
                    match kind {
                        0 => {
                            self.bits.drop(self.bits.count % 8);
                            State::StoredLen
                        }
                        1 => {
                            self.fixed()?;
                            State::Symbol
                        }
                        2 => State::Counts,
                        _ => return Err(Damaged),
                    }
                }
                State::StoredLen => {
                    if !self.bits.have(32, input) {
                        return Ok(Stop::Input);
                    }
                    let (len, check) = (self.bits.peek(0, 16), self.bits.peek(16, 16));
                    self.bits.drop(32);
                    if len != !check & 0xffff {
                        return Err(Damaged);
                    }
                    State::Stored { left: len }
                }
                State::Stored { left: 0 } => self.next_block(),
                State::Stored { left } => {
                    let Some(place) = out.get_mut(*written) else { return Ok(Stop::Output) };
                    let Some(byte) = self.bits.byte(input) else { return Ok(Stop::Input) };
                    *place = byte;
                    *written += 1;
                    self.keep(byte, window);
                    State::Stored { left: left - 1 }
                }
                State::Counts => {
                    if !self.bits.have(14, input) {
                        return Ok(Stop::Input);
                    }
                    self.counts =
                        [257 + self.bits.peek(0, 5), 1 + self.bits.peek(5, 5), 4 + self.bits.peek(10, 4)];
                    self.bits.drop(14);
                    if self.counts[0] > 286 || self.counts[1] > 30 {
                        return Err(Damaged);
                    }
                    self.lengths = [0; MOST_LENGTHS];
                    State::CodeLengths { at: 0 }
                }
                State::CodeLengths { at } if at == self.counts[2] => {
                    self.literals.build(&self.lengths[..19])?;
                    self.lengths = [0; MOST_LENGTHS];
                    State::Lengths { at: 0 }
                }
                State::CodeLengths { at } => {
                    if !self.bits.have(3, input) {
                        return Ok(Stop::Input);
                    }
                    let length = u8::try_from(self.bits.peek(0, 3)).unwrap_or_default();
                    self.lengths[usize::from(CODE_LENGTH_ORDER[at])] = length;
                    self.bits.drop(3);
                    State::CodeLengths { at: at + 1 }
                }
                State::Lengths { at } if at == self.counts[0] + self.counts[1] => {
                    let (literals, rest) = self.lengths.split_at(self.counts[0]);
                    self.literals.build(literals)?;
                    self.distances.build(&rest[..self.counts[1]])?;
                    State::Symbol
                }
                State::Lengths { at } => match self.more_lengths(at, input)? {
                    Some(at) => State::Lengths { at },
                    None => return Ok(Stop::Input),
                },
                State::Symbol => {
                    if *written == out.len() {
                        return Ok(Stop::Output);
                    }
                    let Some((symbol, used)) = self.literals.symbol(&mut self.bits, input)? else {
                        return Ok(Stop::Input);
                    };
                    if let Ok(literal) = u8::try_from(symbol) {
                        self.bits.drop(used);
                        out[*written] = literal;
                        *written += 1;
                        self.keep(literal, window);
                        State::Symbol
                    } else if symbol == 256 {
                        self.bits.drop(used);
                        self.next_block()
                    } else {
                        let (least, extra) = length(symbol - 257)?;
                        if !self.bits.have(used + extra, input) {
                            return Ok(Stop::Input);
                        }
                        let len = least + self.bits.peek(used, extra);
                        self.bits.drop(used + extra);
                        State::Distance { len }
                    }
                }
                State::Distance { len } => {
                    let Some((symbol, used)) = self.distances.symbol(&mut self.bits, input)? else {
                        return Ok(Stop::Input);
                    };
                    let (least, extra) = distance(symbol)?;
                    if !self.bits.have(used + extra, input) {
                        return Ok(Stop::Input);
                    }
                    let distance = least + self.bits.peek(used, extra);
                    self.bits.drop(used + extra);
                    if distance > self.there {
                        return Err(Damaged);
                    }
                    State::Copy { len, distance }
                }
                State::Copy { len: 0, .. } => State::Symbol,
                State::Copy { len, distance } => {
                    let Some(place) = out.get_mut(*written) else { return Ok(Stop::Output) };
                    let byte = window[(self.at + WINDOW - distance) % WINDOW];
                    *place = byte;
                    *written += 1;
                    self.keep(byte, window);
                    State::Copy { len: len - 1, distance }
                }
            };
        }
    }

    fn next_block(&self) -> State {
        if self.is_last { State::End } else { State::Block }
    }

    fn keep(&mut self, byte: u8, window: &mut [u8]) {
        window[self.at] = byte;
        self.at = (self.at + 1) % WINDOW;
        self.there = (self.there + 1).min(WINDOW);
    }

    fn fixed(&mut self) -> Result<(), Damaged> {
        let mut lengths = [8; LITERALS];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        self.literals.build(&lengths)?;
        self.distances.build(&[5; DISTANCES])
    }

    /// Reads one or more code lengths from place `at` on; says where the next goes.
    fn more_lengths(&mut self, at: usize, input: &mut &[u8]) -> Result<Option<usize>, Damaged> {
        let Some((symbol, used)) = self.literals.symbol(&mut self.bits, input)? else { return Ok(None) };
        let (extra, least) = match symbol {
            16 => (2, 3),
            17 => (3, 3),
            18 => (7, 11),
            _ => (0, 1),
        };
        if !self.bits.have(used + extra, input) {
            return Ok(None);
        }
        let times = least + self.bits.peek(used, extra);
        self.bits.drop(used + extra);
        let length = match symbol {
            16 => *at.checked_sub(1).and_then(|before| self.lengths.get(before)).ok_or(Damaged)?,
            17 | 18 => 0,
            length => u8::try_from(length).map_err(|_| Damaged)?,
        };
        let end = at + times;
        if end > self.counts[0] + self.counts[1] {
            return Err(Damaged);
        }
        self.lengths.get_mut(at..end).ok_or(Damaged)?.fill(length);
        Ok(Some(end))
    }
}

/// The least length of a symbol for lengths, and how many bits say how much more (RFC 1951, section 3.2.5).
fn length(symbol: u16) -> Result<(usize, u32), Damaged> {
    match symbol {
        0..8 => Ok((3 + usize::from(symbol), 0)),
        8..28 => {
            let extra = u32::from(symbol / 4 - 1);
            Ok((3 + ((4 + usize::from(symbol % 4)) << extra), extra))
        }
        28 => Ok((258, 0)),
        _ => Err(Damaged),
    }
}

/// The same for distances.
fn distance(symbol: u16) -> Result<(usize, u32), Damaged> {
    match symbol {
        0..4 => Ok((1 + usize::from(symbol), 0)),
        4..30 => {
            let extra = u32::from(symbol / 2 - 1);
            Ok((1 + ((2 + usize::from(symbol % 2)) << extra), extra))
        }
        _ => Err(Damaged),
    }
}
