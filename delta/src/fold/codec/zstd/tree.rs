//! The match finder of zstd's optimal parsers: a binary tree of positions sorted by what follows them, and a table for
//! matches of three bytes.

use super::code::{Repeats, log2};

/// Longest match that is compared, and most matches of a position.
pub(super) const LONG: usize = 1 << 12;
/// Positions this close to the end of the source are not looked at.
pub(super) const TAIL: usize = 8;
/// Where the first position is numbered; what is below is none.
const ORIGIN: usize = 2;

/// How the finder looks, as powers of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) window: u32,
    pub(super) tree: u32,
    pub(super) hash: u32,
    pub(super) search: u32,
    pub(super) match_min: usize,
    pub(super) target: usize,
    /// 7 to 9, see [`super::literals::Strategy`].
    pub(super) strategy: u32,
}

impl Shape {
    fn short_hash(self) -> u32 {
        if self.match_min == 3 { self.window.min(17) } else { 0 }
    }

    /// Words of the tables.
    pub(super) fn words(self) -> [usize; 3] {
        let short = if self.match_min == 3 { 1 << self.short_hash() } else { 0 };
        [1 << self.hash, 1 << self.tree, short]
    }

    /// A match longer than this is taken without weighing.
    pub(super) fn sufficient(self) -> usize {
        self.target.min(LONG - 1)
    }
}

/// A match that was found: its length, and its offset as sequences have it.
pub(super) type Found = [u32; 2];

/// The tables of one source.
pub(super) struct Tree<'s> {
    hashes: &'s mut [u32],
    nodes: &'s mut [u32],
    short: &'s mut [u32],
    shape: Shape,
    origin: usize,
    /// First positions that the tree and the table of short matches lack.
    next: usize,
    next_short: usize,
}

/// The four bytes at `at`; three at the end of the source.
fn four(source: &[u8], at: usize) -> u32 {
    match source.get(at..) {
        Some([a, b, c, d, ..]) => u32::from_le_bytes([*a, *b, *c, *d]),
        Some([a, b, c]) => u32::from_le_bytes([*a, *b, *c, 0]),
        _ => 0,
    }
}

/// How many bytes from `at` on are those from `from` on, which is before.
fn common(source: &[u8], at: usize, from: usize) -> usize {
    let (here, there) = (source.get(at..).unwrap_or_default(), source.get(from..).unwrap_or_default());
    let mut len = 0;
    while let (Some(a), Some(b)) = (eight(here, len), eight(there, len)) {
        if a != b {
            return len + ((a ^ b).trailing_zeros() / 8) as usize;
        }
        len += 8;
    }
    len + here[len..].iter().zip(&there[len..]).take_while(|(a, b)| a == b).count()
}

fn eight(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + 8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// Where a branch is hung in.
#[derive(Clone, Copy)]
enum Branch {
    At(usize),
    Nowhere,
}

impl<'s> Tree<'s> {
    /// Takes words as many as the shape says.
    pub(super) fn new(shape: Shape, scratch: &'s mut [u32]) -> Self {
        let [hashes, nodes, short] = shape.words();
        scratch[..hashes + nodes + short].fill(0);
        let (hashes, rest) = scratch.split_at_mut(hashes);
        let (nodes, rest) = rest.split_at_mut(nodes);
        let short = &mut rest[..short];
        Self { hashes, nodes, short, shape, origin: ORIGIN, next: 0, next_short: 0 }
    }

    /// Forgets all positions of a source of this length.
    pub(super) fn restart(&mut self, len: usize) {
        self.origin += len;
        self.next = 0;
        self.next_short = 0;
    }

    /// Takes up the count of short positions where the tree is, at the start of a pass.
    pub(super) fn begin(&mut self) {
        self.next_short = self.next;
    }

    fn mask(&self) -> usize {
        (1 << (self.shape.tree - 1)) - 1
    }

    fn hash(&self, source: &[u8], at: usize) -> usize {
        (four(source, at).wrapping_mul(2_654_435_761) >> (32 - self.shape.hash)) as usize
    }

    fn hang(&mut self, branch: Branch, value: usize) {
        if let Branch::At(at) = branch {
            self.nodes[at] = value as u32;
        }
    }

    /// All matches at `at`, each longer than the one before, the first longer than two (or three) bytes; none where a
    /// long match has been skipped. `found` has room for them.
    pub(super) fn find(
        &mut self,
        source: &[u8],
        at: usize,
        repeats: Repeats,
        no_literals: bool,
        found: &mut [Found],
    ) -> usize {
        if at < self.next {
            return 0;
        }
        while self.next < at {
            self.next += self.insert(source, self.next);
        }
        self.next = at;
        self.all(source, at, repeats, no_literals, found)
    }

    /// Hangs a position in; returns how many positions that settles.
    fn insert(&mut self, source: &[u8], at: usize) -> usize {
        let here = at + self.origin;
        let hash = self.hash(source, at);
        let mut candidate = self.hashes[hash] as usize;
        self.hashes[hash] = here as u32;
        let mask = self.mask();
        let lowest_node = here.saturating_sub(mask);
        let (mut smaller, mut larger) = (Branch::At(2 * (here & mask)), Branch::At(2 * (here & mask) + 1));
        let (mut common_smaller, mut common_larger) = (0, 0);
        let (mut best, mut end) = (8, here + 9);
        let mut compares = 1u32 << self.shape.search;
        while compares > 0 && candidate >= self.origin {
            compares -= 1;
            let node = 2 * (candidate & mask);
            let from = candidate - self.origin;
            let mut len = common_smaller.min(common_larger);
            len += common(source, at + len, from + len);
            if len > best {
                best = len;
                end = end.max(candidate + len);
            }
            if at + len == source.len() {
                break;
            }
            if source[from + len] < source[at + len] {
                self.hang(smaller, candidate);
                common_smaller = len;
                if candidate <= lowest_node {
                    smaller = Branch::Nowhere;
                    break;
                }
                smaller = Branch::At(node + 1);
                candidate = self.nodes[node + 1] as usize;
            } else {
                self.hang(larger, candidate);
                common_larger = len;
                if candidate <= lowest_node {
                    larger = Branch::Nowhere;
                    break;
                }
                larger = Branch::At(node);
                candidate = self.nodes[node] as usize;
            }
        }
        self.hang(smaller, 0);
        self.hang(larger, 0);
        let skipped = best.saturating_sub(384).min(192);
        skipped.max(end - (here + 8))
    }

    fn all(
        &mut self,
        source: &[u8],
        at: usize,
        repeats: Repeats,
        no_literals: bool,
        found: &mut [Found],
    ) -> usize {
        let match_min = self.shape.match_min;
        let sufficient = self.shape.sufficient();
        let mut count = 0;
        let mut best = match_min - 1;
        let here = at + self.origin;
        let first = u32::from(no_literals);
        for value in first + 1..first + 4 {
            let offset = repeats.offset(value - first, no_literals) as usize;
            if offset == 0 || offset > at {
                continue;
            }
            let len = common(source, at, at - offset);
            if len >= match_min && len > best {
                best = len;
                found[count] = [len as u32, value - first];
                count += 1;
                if len > sufficient || at + len == source.len() {
                    return count;
                }
            }
        }
        if match_min == 3 && best < 3 {
            if let Some(offset) = self.short_match(source, at) {
                let len = common(source, at, at - offset);
                if len >= 3 {
                    best = len;
                    found[0] = [len as u32, offset as u32 + 3];
                    count = 1;
                    if len > sufficient || at + len == source.len() {
                        self.next = at + 1;
                        return 1;
                    }
                }
            }
        }
        let hash = self.hash(source, at);
        let mut candidate = self.hashes[hash] as usize;
        self.hashes[hash] = here as u32;
        let mask = self.mask();
        let lowest_node = here.saturating_sub(mask);
        let (mut smaller, mut larger) = (Branch::At(2 * (here & mask)), Branch::At(2 * (here & mask) + 1));
        let (mut common_smaller, mut common_larger) = (0, 0);
        let mut end = here + 9;
        let mut compares = 1u32 << self.shape.search;
        while compares > 0 && candidate >= self.origin {
            compares -= 1;
            let node = 2 * (candidate & mask);
            let from = candidate - self.origin;
            let mut len = common_smaller.min(common_larger);
            len += common(source, at + len, from + len);
            if len > best {
                end = end.max(candidate + len);
                best = len;
                found[count] = [len as u32, (here - candidate) as u32 + 3];
                count += 1;
                if len > LONG || at + len == source.len() {
                    break;
                }
            }
            if at + len == source.len() {
                break;
            }
            if source[from + len] < source[at + len] {
                self.hang(smaller, candidate);
                common_smaller = len;
                if candidate <= lowest_node {
                    smaller = Branch::Nowhere;
                    break;
                }
                smaller = Branch::At(node + 1);
                candidate = self.nodes[node + 1] as usize;
            } else {
                self.hang(larger, candidate);
                common_larger = len;
                if candidate <= lowest_node {
                    larger = Branch::Nowhere;
                    break;
                }
                larger = Branch::At(node);
                candidate = self.nodes[node] as usize;
            }
        }
        self.hang(smaller, 0);
        self.hang(larger, 0);
        self.next = end - 8 - self.origin;
        count
    }

    /// The offset of the last position with the same three bytes, perhaps.
    fn short_match(&mut self, source: &[u8], at: usize) -> Option<usize> {
        let log = self.shape.short_hash();
        let hash = |at| ((four(source, at) << 8).wrapping_mul(506_832_829) >> (32 - log)) as usize;
        for position in self.next_short..at {
            self.short[hash(position)] = (position + self.origin) as u32;
        }
        self.next_short = self.next_short.max(at);
        let found = self.short[hash(at)] as usize;
        (found >= self.origin && at + self.origin - found < 1 << 18).then(|| at + self.origin - found)
    }
}

/// The shape that libzstd gives a level for a source of this length, which is at most 128 KiB; `None` for levels
/// whose parser is not optimal.
pub(super) fn shape(level: u8, len: usize) -> Option<Shape> {
    let is_small = len <= 16 << 10;
    let (tree, hash, search, match_min, target, strategy) = match (is_small, level) {
        (false, 13) => (18, 17, 3, 4, 12, 7),
        (false, 14) => (18, 17, 4, 3, 32, 7),
        (false, 15) => (18, 17, 6, 3, 256, 7),
        (false, 16) => (18, 17, 6, 3, 128, 8),
        (false, 17) => (18, 17, 8, 3, 256, 8),
        (false, 18) => (18, 17, 10, 3, 512, 8),
        (false, 19) => (18, 17, 5, 3, 256, 9),
        (false, 20) => (18, 17, 7, 3, 512, 9),
        (false, 21) => (18, 17, 9, 3, 512, 9),
        (false, 22) => (18, 17, 11, 3, 999, 9),
        (true, 11) => (15, 14, 3, 4, 12, 7),
        (true, 12) => (15, 14, 4, 3, 24, 7),
        (true, 13) => (15, 14, 5, 3, 32, 8),
        (true, 14) => (15, 15, 6, 3, 64, 8),
        (true, 15) => (15, 15, 7, 3, 256, 8),
        (true, 16) => (15, 15, 5, 3, 48, 9),
        (true, 17) => (15, 15, 6, 3, 128, 9),
        (true, 18) => (15, 15, 7, 3, 256, 9),
        (true, 19) => (15, 15, 8, 3, 256, 9),
        (true, 20) => (15, 15, 8, 3, 512, 9),
        (true, 21) => (15, 15, 9, 3, 512, 9),
        (true, 22) => (15, 15, 10, 3, 999, 9),
        _ => return None,
    };
    let most = if is_small { 14 } else { 17 };
    let window = if len < 64 { 6 } else { log2(len as u32 - 1) + 1 }.min(most);
    let tree = (window + 1).min(tree);
    let hash = (window + 1).min(hash);
    Some(Shape { window: window.max(10), tree, hash, search, match_min, target, strategy })
}
