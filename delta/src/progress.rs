//! What long work tells about how far it is.

/// What is being done, for progress displays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Hashing images and looking for equal blocks.
    Compare,
    /// Aligning changed pieces; counted in bytes of target.
    Match,
    /// Packing and writing; counted in bytes of target.
    Pack,
    /// Applying the delta to prove it; counted in bytes of target.
    Prove,
    /// Applying a delta; counted in bytes of target.
    Apply,
}

/// Called with a phase, what is done of it and how much there is, in bytes; from any thread.
pub type Progress<'a> = &'a (dyn Fn(Phase, u64, u64) + Sync);
