//! Sets the checksums of tar headers right, so that a changed header gets past them.

/// Goes from header to header as far as sizes lead.
pub(crate) fn seal_all(archive: &mut [u8]) {
    let mut at = 0;
    while let Some(block) = archive.get_mut(at..at + 512) {
        at += 512;
        if block.iter().all(|byte| *byte == 0) {
            continue;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let digits = block[124..136].iter().filter(|byte| (b'0'..b'8').contains(*byte));
        let size = digits.fold(0_usize, |size, digit| (size << 3 | usize::from(digit - b'0')) & 0xff_ffff);
        at += size.next_multiple_of(512);
    }
}
