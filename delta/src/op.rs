//! Operations: the hinge between matching and wire formats.

use crate::error::Error;

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

/// What an operation does after its literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyKind {
    /// Bytes of the base as they are.
    Exact = 0,
    /// Bytes of the base, each plus a byte of the difference stream, modulo 256.
    Add = 1,
    /// Zero bytes; takes no base position.
    Zero = 2,
}

impl CopyKind {
    /// The two low bits of the copy number.
    pub fn code(self) -> u64 {
        self as u64
    }

    /// The kind that `code` stands for; `at` is where in the delta its window begins.
    ///
    /// # Errors
    /// `Format` for 3.
    pub fn of_code(code: u64, at: u64) -> Result<CopyKind, Error> {
        match code {
            0 => Ok(CopyKind::Exact),
            1 => Ok(CopyKind::Add),
            2 => Ok(CopyKind::Zero),
            other => Err(Error::format("copy kind", at, 2, other)),
        }
    }
}
