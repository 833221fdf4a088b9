//! Operations: the hinge between matching and wire formats.

/// One operation of a delta. A list of them covers the target front to back without gap or overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `len` bytes of the base from `base` on, which equal the target's.
    Copy {
        /// Offset in the base.
        base: u64,
        /// Bytes.
        len: u64,
    },
    /// `len` bytes of the base from `base` on that resemble the target's: the difference is stored.
    Add {
        /// Offset in the base.
        base: u64,
        /// Bytes.
        len: u64,
    },
    /// `len` zero bytes.
    Zero {
        /// Bytes.
        len: u64,
    },
    /// `len` bytes that are stored.
    Literal {
        /// Bytes.
        len: u64,
    },
}

impl Op {
    /// Bytes of target that the operation yields.
    pub fn len(&self) -> u64 {
        match *self {
            Op::Copy { len, .. } | Op::Add { len, .. } | Op::Zero { len } | Op::Literal { len } => len,
        }
    }

    /// Whether it yields nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
