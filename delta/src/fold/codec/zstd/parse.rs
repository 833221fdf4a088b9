//! The optimal parser: of all ways to write the next stretch the cheapest, by the statistics so far.

use super::code::Repeats;
use super::prices::{BIT, Prices};
use super::sequences::Sequence;
use super::tree::{Found, LONG, TAIL, Tree};

/// Words of the table of ways.
pub(super) const WORDS: usize = (LONG + 2) * WAY;
const WAY: usize = 7;
const PRICE_MAX: i32 = 1 << 30;

/// The best way to a position: its last step, and what it costs.
#[derive(Debug, Clone, Copy)]
struct Way {
    price: i32,
    /// Length of the match that ends here; 0 after a literal.
    len: usize,
    offset: u32,
    /// Literals before the match, or up to here.
    literals: usize,
    repeats: Repeats,
}

impl Way {
    fn total(&self) -> usize {
        self.len + self.literals
    }
}

struct Ways<'s>(&'s mut [u32]);

impl Ways<'_> {
    fn get(&self, at: usize) -> Way {
        let way = &self.0[at * WAY..at * WAY + WAY];
        Way {
            price: way[0] as i32,
            len: way[1] as usize,
            offset: way[2],
            literals: way[3] as usize,
            repeats: Repeats([way[4], way[5], way[6]]),
        }
    }

    fn price(&self, at: usize) -> i32 {
        self.0[at * WAY] as i32
    }

    fn set_price(&mut self, at: usize, price: i32) {
        self.0[at * WAY] = price as u32;
    }

    /// Sets all but the repeats.
    fn set_step(&mut self, at: usize, price: i32, len: usize, offset: u32, literals: usize) {
        let words = [price as u32, len as u32, offset, literals as u32];
        self.0[at * WAY..at * WAY + 4].copy_from_slice(&words);
    }

    fn set_repeats(&mut self, at: usize, repeats: Repeats) {
        self.0[at * WAY + 4..at * WAY + WAY].copy_from_slice(&repeats.0);
    }

    fn set(&mut self, at: usize, way: Way) {
        self.set_step(at, way.price, way.len, way.offset, way.literals);
        self.set_repeats(at, way.repeats);
    }
}

/// Where sequences go.
pub(super) struct Output<'o> {
    pub(super) words: &'o mut [u32],
    pub(super) count: usize,
}

impl Output<'_> {
    fn push(&mut self, sequence: Sequence) {
        if let Some(words) = self.words.get_mut(self.count * 3..self.count * 3 + 3) {
            words.copy_from_slice(&[sequence.literals as u32, sequence.len as u32, sequence.offset]);
            self.count += 1;
        }
    }
}

/// Parses a source.
pub(super) struct Parser<'a, 's, 'p> {
    pub(super) source: &'a [u8],
    pub(super) tree: &'p mut Tree<'s>,
    pub(super) prices: &'p mut Prices,
    pub(super) match_min: usize,
    pub(super) sufficient: usize,
    /// Looks at each position; else only at promising ones.
    pub(super) is_thorough: bool,
}

/// A stretch that has been weighed: where its last step begins, and that step.
struct Weighed {
    start: usize,
    last: Way,
}

impl Parser<'_, '_, '_> {
    /// Writes the sequences of the source to `out`.
    pub(super) fn parse(&mut self, ways: &mut [u32], found: &mut [Found], out: &mut Output<'_>) {
        let mut ways = Ways(ways);
        self.prices.begin(self.source);
        self.tree.begin();
        let (mut at, mut anchor, mut repeats) = (1, 0, Repeats::START);
        while at + TAIL < self.source.len() {
            let literals = at - anchor;
            let count = self.tree.find(self.source, at, repeats, literals == 0, found);
            if count == 0 {
                at += 1;
                continue;
            }
            let weighed = self.weigh(at, literals, repeats, &mut ways, count, found);
            let Weighed { start, last } = weighed;
            let before = ways.get(start).repeats;
            repeats = if last.len > 0 { before.after(last.offset, last.literals == 0) } else { before };
            let end = start + 1;
            let mut first = end;
            ways.set(end, last);
            let mut position = start;
            while position > 0 {
                let way = ways.get(position);
                first -= 1;
                ways.set(first, way);
                position = position.saturating_sub(way.total());
            }
            for index in first..=end {
                let way = ways.get(index);
                if way.len == 0 {
                    at = anchor + way.literals;
                    continue;
                }
                let sequence = Sequence { literals: way.literals, len: way.len, offset: way.offset };
                let literals = self.source.get(anchor..anchor + way.literals).unwrap_or_default();
                self.prices.learn(literals, sequence);
                out.push(sequence);
                anchor += way.total();
                at = anchor;
            }
            self.prices.settle();
        }
    }

    /// Weighs the ways from `at` on, where `count` matches have been found.
    fn weigh(
        &mut self,
        at: usize,
        literals: usize,
        repeats: Repeats,
        ways: &mut Ways<'_>,
        count: usize,
        found: &mut [Found],
    ) -> Weighed {
        let start_price = self.prices.literal_len(literals) as i32;
        ways.set(0, Way { price: start_price, len: 0, offset: 0, literals, repeats });
        let [longest, longest_offset] = found[count - 1];
        let longest = longest as usize;
        if longest > self.sufficient {
            let last = Way { price: 0, len: longest, offset: longest_offset, literals, repeats };
            return Weighed { start: 0, last };
        }
        let no_literals = self.prices.literal_len(0) as i32;
        for position in 1..self.match_min {
            ways.set_price(position, PRICE_MAX);
        }
        let mut last = self.match_min;
        for &[len, offset] in &found[..count] {
            while last <= len as usize {
                let price = start_price + no_literals + self.prices.matched(offset, last) as i32;
                ways.set_step(last, price, last, offset, literals);
                last += 1;
            }
        }
        last -= 1;
        let mut position = 1;
        while position <= last {
            self.step_by_literal(at, position, ways);
            if at + position + TAIL > self.source.len() {
                position += 1;
                continue;
            }
            if position == last {
                break;
            }
            let promising =
                self.is_thorough || ways.price(position + 1) > ways.price(position) + (BIT / 2) as i32;
            if promising {
                if let Some(weighed) = self.consider(at, position, &mut last, ways, found) {
                    return weighed;
                }
            }
            position += 1;
        }
        let way = ways.get(last);
        Weighed { start: last.saturating_sub(way.total()), last: way }
    }

    /// Steps to a position by a literal if that is cheaper, and sets what offsets repeat there.
    fn step_by_literal(&self, at: usize, position: usize, ways: &mut Ways<'_>) {
        let before = ways.get(position - 1);
        let literals = if before.len == 0 { before.literals + 1 } else { 1 };
        let byte = self.source.get(at + position - 1).copied().unwrap_or(0);
        let price =
            before.price + self.prices.literal(byte) as i32 + self.prices.literal_len(literals) as i32
                - self.prices.literal_len(literals - 1) as i32;
        if price <= ways.price(position) {
            ways.set_step(position, price, 0, 0, literals);
        }
        let way = ways.get(position);
        let repeats = if way.len == 0 {
            before.repeats
        } else {
            ways.get(position.saturating_sub(way.len)).repeats.after(way.offset, way.literals == 0)
        };
        ways.set_repeats(position, repeats);
    }

    /// Enters the ways that matches at a position open; ends the stretch at one that is long enough.
    fn consider(
        &mut self,
        at: usize,
        position: usize,
        last: &mut usize,
        ways: &mut Ways<'_>,
        found: &mut [Found],
    ) -> Option<Weighed> {
        let here = ways.get(position);
        let literals = if here.len == 0 { here.literals } else { 0 };
        let base = here.price + self.prices.literal_len(0) as i32;
        let count = self.tree.find(self.source, at + position, here.repeats, here.len > 0, found);
        let &[longest, longest_offset] = found[..count].last()?;
        let longest = longest as usize;
        if longest > self.sufficient || position + longest >= LONG {
            let way = Way { price: 0, len: longest, offset: longest_offset, literals, repeats: here.repeats };
            // Literals belong to the step; they may have begun before the stretch.
            return Some(Weighed { start: position.saturating_sub(literals), last: way });
        }
        let mut shortest = self.match_min;
        for &[longest, offset] in &found[..count] {
            for len in (shortest..=longest as usize).rev() {
                let end = position + len;
                let price = base + self.prices.matched(offset, len) as i32;
                if end > *last || price < ways.price(end) {
                    while *last < end {
                        *last += 1;
                        ways.set_price(*last, PRICE_MAX);
                    }
                    ways.set_step(end, price, len, offset, literals);
                } else if !self.is_thorough {
                    break;
                }
            }
            shortest = longest as usize + 1;
        }
        None
    }
}
