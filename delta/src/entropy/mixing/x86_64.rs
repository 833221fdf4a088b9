//! References in the machine code of x86-64, as far as they show without decoding whole instructions.

use super::architecture::{MARGIN, four};

/// Distances from this on, either way, are no references.
const FAR: u32 = 1 << 26;

/// The distance in the four bytes at [`MARGIN`] of `old` if they look like the operand of a call, a jump, or an
/// instruction that addresses relative to itself.
pub(super) fn field(old: &[u8]) -> Option<u32> {
    let distance = four(&old[MARGIN..]);
    let far = (distance as i32).unsigned_abs();
    let (before, second, third) = (old[MARGIN - 1], old[MARGIN - 2], old[MARGIN - 3]);
    let jump = matches!(before, 0xe8 | 0xe9) || (second == 0x0f && before & 0xf0 == 0x80);
    // Mode 0 with base 5 is the address of the next instruction plus the distance.
    let operand = before & 0xc7 == 0x05 && (third == 0x0f || takes_memory(second));
    (distance != 0 && far <= FAR && (jump || operand)).then_some(distance)
}

/// Opcodes of one byte that are often used with an operand in memory.
fn takes_memory(opcode: u8) -> bool {
    matches!(
        opcode,
        0x01 | 0x03 | 0x09 | 0x0b | 0x21 | 0x23 | 0x29 | 0x2b | 0x33 | 0x38..=0x3b | 0x63 | 0x80 | 0x81 | 0x83
            | 0x85 | 0x88..=0x8b | 0x8d | 0xc6 | 0xc7 | 0xf6 | 0xf7 | 0xff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(before: [u8; 3], operand: [u8; 4]) -> Option<u32> {
        let mut old = [0; 2 * MARGIN + 4];
        old[MARGIN - 3..MARGIN].copy_from_slice(&before);
        old[MARGIN..MARGIN + 4].copy_from_slice(&operand);
        field(&old)
    }

    #[test]
    fn operands_of_calls_jumps_and_addresses() {
        assert_eq!(at([0, 0, 0xe8], [1, 2, 0, 0]), Some(0x201));
        assert_eq!(at([0, 0x0f, 0x84], [0xf0, 0xff, 0xff, 0xff]), Some(-16_i32 as u32));
        assert_eq!(at([0x48, 0x8d, 0x3d], [4, 0, 0, 0]), Some(4));
        assert_eq!(at([0x0f, 0x10, 0x05], [4, 0, 0, 0]), Some(4));
        assert_eq!(at([0x48, 0x8d, 0x7d], [4, 0, 0, 0]), None, "another mode");
        assert_eq!(at([0, 0, 0xe8], [0, 0, 0, 0]), None, "to be filled in");
        assert_eq!(at([0, 0, 0xe8], [0, 0, 0, 0x7f]), None, "too far");
    }
}
