//! Makes a prefix code from frequencies: Huffman's, with lengths bounded, and ties decided as zlib decides them.
//!
//! Two codes of the same cost are two different streams, so the order in which equal nodes are joined matters: of two
//! nodes with the same frequency the one with the lower tree goes first, and the heap is the plain binary heap that
//! takes its elements in the order of symbols.

#![allow(
    clippy::cast_possible_truncation,
    reason = "symbols, lengths and positions are small or have been checked"
)]

use super::tables::{FIXED_LITERALS_AND_LENGTHS, LITERALS_AND_LENGTHS, MAX_BITS};

/// Nodes of the largest tree, and one more: a heap's places count from one.
const NODES: usize = 2 * LITERALS_AND_LENGTHS + 1;

/// A prefix code for writing.
pub(super) struct Code {
    /// Length of each symbol's code; 0 for symbols without one.
    pub(super) lengths: [u8; FIXED_LITERALS_AND_LENGTHS],
    /// The codes, in the order in which their bits are written.
    codes: [u16; FIXED_LITERALS_AND_LENGTHS],
    /// Symbols up to the last one with a code.
    pub(super) used: usize,
}

impl Code {
    /// The code of at most `max_bits` bits for symbols that occur so often.
    pub(super) fn of(frequencies: &[u32], max_bits: u32) -> Self {
        let (lengths, used) = Tree::of(frequencies, max_bits);
        Self::with(lengths, used)
    }

    /// The code with the given lengths.
    pub(super) fn with_lengths(given: &[u8]) -> Self {
        let mut lengths = [0; FIXED_LITERALS_AND_LENGTHS];
        lengths[..given.len()].copy_from_slice(given);
        Self::with(lengths, given.len())
    }

    /// Codes of one length follow each other in the order of symbols (RFC 1951, section 3.2.2).
    fn with(lengths: [u8; FIXED_LITERALS_AND_LENGTHS], used: usize) -> Self {
        let mut counts = [0_u16; MAX_BITS as usize + 1];
        lengths.iter().filter(|&&length| length > 0).for_each(|&length| counts[usize::from(length)] += 1);
        let mut next = [0_u16; MAX_BITS as usize + 1];
        for length in 1..next.len() {
            next[length] = next[length - 1].wrapping_add(counts[length - 1]) << 1;
        }
        let mut codes = [0; FIXED_LITERALS_AND_LENGTHS];
        for (code, &length) in codes.iter_mut().zip(&lengths).filter(|(_, length)| **length > 0) {
            let next = &mut next[usize::from(length)];
            *code = next.reverse_bits() >> (16 - length);
            *next = next.wrapping_add(1);
        }
        Code { lengths, codes, used }
    }

    /// The code of a symbol and its length in bits.
    pub(super) fn code(&self, symbol: u16) -> (u32, u32) {
        let symbol = usize::from(symbol);
        (self.codes[symbol].into(), self.lengths[symbol].into())
    }
}

/// Huffman's algorithm. Leaves are nodes with the numbers of symbols, inner nodes follow in the order of their making.
struct Tree {
    frequency: [u32; NODES],
    /// Levels below a node.
    depth: [u8; NODES],
    parent: [u16; NODES],
    /// A heap of nodes in places 1 to `heap_len`, the rarest in place 1.
    heap: [u16; NODES],
    heap_len: usize,
}

impl Tree {
    /// Code lengths, and how many symbols up to the last one with a code.
    fn of(frequencies: &[u32], max_bits: u32) -> ([u8; FIXED_LITERALS_AND_LENGTHS], usize) {
        let mut tree = Tree {
            frequency: [0; NODES],
            depth: [0; NODES],
            parent: [0; NODES],
            heap: [0; NODES],
            heap_len: 0,
        };
        let mut used = 0;
        for (symbol, &frequency) in (0_u16..).zip(frequencies).filter(|(_, frequency)| **frequency > 0) {
            tree.frequency[usize::from(symbol)] = frequency;
            tree.add(symbol);
            used = usize::from(symbol) + 1;
        }
        // Decoders want two codes at least: the first symbols get one if there is nothing else.
        while tree.heap_len < 2 {
            let symbol = if used < 2 { used } else { 0 };
            used = used.max(symbol + 1);
            tree.frequency[symbol] = 1;
            tree.add(symbol as u16);
        }
        (1..=tree.heap_len / 2).rev().for_each(|place| tree.sink(place));
        let joined = tree.join(frequencies.len());
        (tree.lengths(joined.as_slice(), frequencies.len(), max_bits), used)
    }

    fn add(&mut self, node: u16) {
        self.heap_len += 1;
        self.heap[self.heap_len] = node;
    }

    /// Whether `a` is to be joined no later than `b`.
    fn is_before(&self, a: u16, b: u16) -> bool {
        let rank = |node: u16| (self.frequency[usize::from(node)], self.depth[usize::from(node)]);
        rank(a) <= rank(b)
    }

    /// Moves the node in `place` down until the heap is in order.
    fn sink(&mut self, mut place: usize) {
        let node = self.heap[place];
        while 2 * place <= self.heap_len {
            let mut below = 2 * place;
            if below < self.heap_len && self.is_before(self.heap[below + 1], self.heap[below]) {
                below += 1;
            }
            if self.is_before(node, self.heap[below]) {
                break;
            }
            self.heap[place] = self.heap[below];
            place = below;
        }
        self.heap[place] = node;
    }

    /// Joins the two rarest nodes until one is left. Returns all nodes but the root in the order in which they were
    /// joined, rarest first.
    fn join(&mut self, leaves: usize) -> Joined {
        let mut joined = Joined { nodes: [0; NODES], len: 0 };
        let mut new = leaves;
        while self.heap_len >= 2 {
            let first = self.heap[1];
            self.heap[1] = self.heap[self.heap_len];
            self.heap_len -= 1;
            self.sink(1);
            let second = self.heap[1];
            for node in [first, second] {
                joined.push(node);
                self.parent[usize::from(node)] = new as u16;
            }
            let (first, second) = (usize::from(first), usize::from(second));
            self.frequency[new] = self.frequency[first] + self.frequency[second];
            self.depth[new] = self.depth[first].max(self.depth[second]) + 1;
            self.heap[1] = new as u16;
            self.sink(1);
            new += 1;
        }
        // The root.
        joined.push(self.heap[1]);
        joined
    }

    /// Depth of each leaf, at most `max_bits`: leaves that are too deep move up, and others down, rarest first.
    fn lengths(&self, joined: &[u16], leaves: usize, max_bits: u32) -> [u8; FIXED_LITERALS_AND_LENGTHS] {
        let mut level = [0_u8; NODES];
        let mut counts = [0_u16; MAX_BITS as usize + 1];
        let most = max_bits as u8;
        let mut too_deep = 0_i32;
        for &node in joined.iter().rev().skip(1) {
            let below = level[usize::from(self.parent[usize::from(node)])] + 1;
            too_deep += i32::from(below > most);
            let below = below.min(most);
            level[usize::from(node)] = below;
            if usize::from(node) < leaves {
                counts[usize::from(below)] += 1;
            }
        }
        if too_deep > 0 {
            let most = usize::from(most);
            while too_deep > 0 {
                // A leaf of the deepest level that has room moves down, and one that was too deep beside it.
                let Some(above) = (1..most).rev().find(|&length| counts[length] > 0) else { break };
                counts[above] -= 1;
                counts[above + 1] += 2;
                counts[most] -= 1;
                too_deep -= 2;
            }
            let mut rarest_first = joined.iter().filter(|&&node| usize::from(node) < leaves);
            for length in (1..=most).rev() {
                for &node in rarest_first.by_ref().take(counts[length].into()) {
                    level[usize::from(node)] = length as u8;
                }
            }
        }
        let mut lengths = [0; FIXED_LITERALS_AND_LENGTHS];
        lengths[..leaves].copy_from_slice(&level[..leaves]);
        lengths
    }
}

/// Nodes in the order in which they were joined.
struct Joined {
    nodes: [u16; NODES],
    len: usize,
}

impl Joined {
    fn push(&mut self, node: u16) {
        self.nodes[self.len] = node;
        self.len += 1;
    }

    fn as_slice(&self) -> &[u16] {
        &self.nodes[..self.len]
    }
}
