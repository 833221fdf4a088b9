//! Machine code without what it refers to.

use super::elf::Section;
use crate::entropy::mixing::architecture::{Architecture, MARGIN, Reader};

/// Clears the operands of references in a section of code. What a reference is, is decided as in the model that codes
/// the differences later.
pub(super) fn clear(machine: u16, file: &[u8], out: &mut [u8], section: &Section<'_>) {
    let architecture = Architecture::of_elf(machine);
    let code = section.of(file);
    if architecture == Architecture::None || code.is_empty() {
        return;
    }
    let padded = [&[0; MARGIN][..], code, &[0; MARGIN]].concat();
    let mut reader = Reader::new(architecture, section.at);
    let mut done = 0;
    while done < code.len() {
        let (word, len) = reader.next_without_operand(&padded, done, code.len() - done);
        super::put(out, section.at + done, &word.to_le_bytes()[..len]);
        done += len;
    }
}
