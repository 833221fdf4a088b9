//! The default code table (RFC 3284, section 5.6): what the 256 instruction codes mean.

/// What an instruction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Noop,
    /// Takes bytes from the data section.
    Add,
    /// Repeats one byte of the data section.
    Run,
    /// Copies from the segment or the target; the address mode.
    Copy(u8),
}

/// An instruction. Size 0 says that the size stands behind the code in the instruction section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// What it does.
    pub kind: Kind,
    /// Bytes of target.
    pub size: u8,
}

/// Address modes: itself, back from here, four near, three same.
pub const MODES: u8 = 9;

const NOOP: Instruction = Instruction { kind: Kind::Noop, size: 0 };

/// The two instructions of a code.
pub fn instructions(code: u8) -> [Instruction; 2] {
    let add = |size| Instruction { kind: Kind::Add, size };
    let copy = |mode, size| Instruction { kind: Kind::Copy(mode), size };
    match code {
        0 => [Instruction { kind: Kind::Run, size: 0 }, NOOP],
        1..=18 => [add(code - 1), NOOP],
        19..=162 => {
            let (mode, size) = ((code - 19) / 16, (code - 19) % 16);
            [copy(mode, if size == 0 { 0 } else { size + 3 }), NOOP]
        }
        163..=234 => {
            let (mode, sizes) = ((code - 163) / 12, (code - 163) % 12);
            [add(sizes / 3 + 1), copy(mode, sizes % 3 + 4)]
        }
        235..=246 => {
            let (mode, size) = ((code - 235) / 4 + 6, (code - 235) % 4 + 1);
            [add(size), copy(mode, 4)]
        }
        247..=255 => [copy(code - 247, 4), add(1)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spots_of_the_table_in_the_rfc() {
        let add = |size| Instruction { kind: Kind::Add, size };
        let copy = |mode, size| Instruction { kind: Kind::Copy(mode), size };
        for (code, expected) in [
            (1, [add(0), NOOP]),
            (18, [add(17), NOOP]),
            (19, [copy(0, 0), NOOP]),
            (20, [copy(0, 4), NOOP]),
            (34, [copy(0, 18), NOOP]),
            (35, [copy(1, 0), NOOP]),
            (147, [copy(8, 0), NOOP]),
            (162, [copy(8, 18), NOOP]),
            (163, [add(1), copy(0, 4)]),
            (165, [add(1), copy(0, 6)]),
            (174, [add(4), copy(0, 6)]),
            (175, [add(1), copy(1, 4)]),
            (234, [add(4), copy(5, 6)]),
            (235, [add(1), copy(6, 4)]),
            (238, [add(4), copy(6, 4)]),
            (246, [add(4), copy(8, 4)]),
            (247, [copy(0, 4), add(1)]),
            (255, [copy(8, 4), add(1)]),
        ] {
            assert_eq!(instructions(code), expected, "{code}");
        }
    }
}
