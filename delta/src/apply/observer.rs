//! Whoever wants to know what each piece of a target costs in its delta: the hook of explanations.

/// Where bytes of the target come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comes<'b> {
    /// The delta has them.
    Stored,
    /// The base has them, from `base` on.
    Copied {
        /// Offset in the base.
        base: u64,
    },
    /// The base has bytes like them, from `base` on; the delta has the difference.
    Resembles {
        /// Offset in the base.
        base: u64,
        /// The bytes of the base.
        old: &'b [u8],
    },
    /// They are zero.
    Zero,
}

/// Told by an applier what it does. Offsets are those of operations: with a fold, of the unfolded images. Costs are in
/// the unit of [`crate::entropy::spent`]; what a window header and the ends of streams take is told to nobody.
pub trait Observer {
    /// An operation that yields target from `at` on cost this much, its bytes apart. One operation may be told in
    /// several parts.
    fn operation(&mut self, at: u64, cost: u64);

    /// How many bytes from `at` on belong together: stored bytes are told in such pieces.
    fn together(&self, at: u64) -> u64;

    /// The next bytes of the target, which stand at `at`, and what they cost.
    fn bytes(&mut self, at: u64, comes: Comes<'_>, bytes: &[u8], cost: u64);
}
