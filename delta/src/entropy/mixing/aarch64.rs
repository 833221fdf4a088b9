//! References in the machine code of AArch64 (Arm Architecture Reference Manual, chapter C4): branches, and the two
//! halves of an address, the page (ADRP) and the place in it (ADD, LDR, STR with an immediate).

use super::architecture::{Kind, Word, four};

/// The page that each register was last given: its address in the base, and in the target.
#[derive(Clone, Copy, Default)]
pub(super) struct Pages([Option<(u32, u32)>; 32]);

const PAGE: u32 = 0xfff;

impl Pages {
    fn of(&self, word: u32) -> Option<(u32, u32)> {
        self.0[(word >> 5 & 31) as usize]
    }

    /// Remembers that the page `word`, moved by `shift`, became `new`.
    pub(super) fn became(&mut self, word: &Word, shift: u32, new: u32) {
        let alike = (new ^ word.old) & 0x9f00_001f == 0;
        self.0[(word.old & 31) as usize] =
            alike.then(|| (page_of(word.old, word.at), page_of(new, word.at.wrapping_add(shift))));
    }
}

/// The page that an ADRP at `at` names.
fn page_of(word: u32, at: u32) -> u32 {
    let pages = (word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3;
    (at & !PAGE).wrapping_add(pages << 12)
}

/// The kind of `word` at `at` and what it refers to; `behind` are the twelve bytes behind it.
pub(super) fn reference(pages: &Pages, word: u32, at: u32, behind: &[u8]) -> Option<(Kind, u32)> {
    let branch = |kind| field(kind).map(|field| (kind, at.wrapping_add(field.distance(word))));
    if word & 0x7c00_0000 == 0x1400_0000 {
        return branch(Kind::Branch);
    }
    if word & 0xff00_0010 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000 {
        return branch(Kind::Condition);
    }
    if word & 0x7e00_0000 == 0x3600_0000 {
        return branch(Kind::Test);
    }
    if word & 0x9f00_0000 == 0x9000_0000 {
        // The place in the page is in one of the next words, if it is near at all.
        let page = page_of(word, at);
        let uses = |next: &u32| next >> 5 & 31 == word & 31;
        let place = behind.chunks_exact(4).map(four).filter(uses).find_map(low);
        return Some((Kind::Page, page | place.unwrap_or(0)));
    }
    let (page, _) = pages.of(word)?;
    low(word).map(|place| (Kind::Low, page | place))
}

/// Where a branch keeps its distance, in words: how many bits, above how many others.
struct Field {
    bits: u32,
    above: u32,
}

fn field(kind: Kind) -> Option<Field> {
    match kind {
        Kind::Branch => Some(Field { bits: 26, above: 0 }),
        Kind::Condition => Some(Field { bits: 19, above: 5 }),
        Kind::Test => Some(Field { bits: 14, above: 5 }),
        _ => None,
    }
}

impl Field {
    fn mask(&self) -> u32 {
        ((1 << self.bits) - 1) << self.above
    }

    /// The distance in bytes.
    fn distance(&self, word: u32) -> u32 {
        let unused = 32 - self.bits;
        ((word >> self.above << unused) as i32 >> unused << 2) as u32
    }
}

/// The place in a page that ADD, LDR or STR with an unsigned immediate adds to a register.
fn low(word: u32) -> Option<u32> {
    let place = (word >> 10 & PAGE) << scale(word)?;
    (place <= PAGE).then_some(place)
}

/// In which power of two the immediate of ADD, LDR or STR counts.
fn scale(word: u32) -> Option<u32> {
    if word & 0x7fc0_0000 == 0x1100_0000 {
        Some(0)
    } else if word & 0x3b00_0000 == 0x3900_0000 {
        // The 128-bit registers have the size bits of bytes.
        Some(if word & 0xc480_0000 == 0x0480_0000 { 4 } else { word >> 30 })
    } else {
        None
    }
}

/// See [`super::architecture::Words::moved`].
pub(super) fn moved(pages: &Pages, word: &Word, shift: u32, by: u32) -> Option<u32> {
    let further = by.wrapping_sub(shift);
    if let Some(field) = field(word.kind) {
        let mask = field.mask();
        let distance = word.old.wrapping_add(further >> 2 << field.above) & mask;
        return (further & 3 == 0).then_some(word.old & !mask | distance);
    }
    let target = word.target.wrapping_add(by);
    if word.kind == Kind::Page {
        let pages = (target >> 12).wrapping_sub(word.at.wrapping_add(shift) >> 12);
        return Some(word.old & 0x9f00_001f | (pages & 3) << 29 | (pages >> 2 & 0x7_ffff) << 5);
    }
    let (scale, (_, page)) = (scale(word.old)?, pages.of(word.old)?);
    let fits = target & !PAGE == page && target & ((1 << scale) - 1) == 0;
    fits.then_some(word.old & !(PAGE << 10) | (target & PAGE) >> scale << 10)
}

/// See [`super::architecture::Words::movement`].
pub(super) fn movement(pages: &Pages, word: &Word, shift: u32, new: u32) -> Option<u32> {
    if let Some(field) = field(word.kind) {
        let further = field.distance(new).wrapping_sub(field.distance(word.old));
        return ((new ^ word.old) & !field.mask() == 0).then_some(shift.wrapping_add(further));
    }
    if word.kind != Kind::Low || (new ^ word.old) & !(PAGE << 10) != 0 {
        return None;
    }
    let (_, page) = pages.of(word.old)?;
    Some((page | low(new)?).wrapping_sub(word.target))
}

/// An instruction without its distance, page or place.
#[cfg(feature = "generate")]
pub(super) fn without_operand(kind: Kind, word: u32) -> u32 {
    match (kind, field(kind)) {
        (_, Some(field)) => word & !field.mask(),
        (Kind::Page, _) => word & 0x9f00_001f,
        _ => word & !(PAGE << 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(pages: &Pages, old: u32, at: u32, behind: &[u32]) -> Word {
        let mut bytes = [0; 12];
        for (place, next) in bytes.chunks_exact_mut(4).zip(behind) {
            place.copy_from_slice(&next.to_le_bytes());
        }
        let (kind, target) = reference(pages, old, at, &bytes).unwrap();
        Word { kind, len: 4, at, old, target }
    }

    #[test]
    fn branches_follow_their_targets() {
        let pages = Pages::default();
        // bl .+0x100; b.eq .-8; cbz x1, .+0x40; tbz w0, #3, .+0x20
        for (old, kind, distance) in [
            (0x9400_0040, Kind::Branch, 0x100),
            (0x54ff_ffc0, Kind::Condition, -8),
            (0xb400_0201, Kind::Condition, 0x40),
            (0x3618_0100, Kind::Test, 0x20),
        ] {
            let word = word(&pages, old, 0x1000, &[]);
            assert_eq!((word.kind, word.target), (kind, 0x1000_u32.wrapping_add_signed(distance)));
            let new = moved(&pages, &word, 0x20, 0x30).unwrap();
            let field = field(kind).unwrap();
            assert_eq!(field.distance(new) as i32, distance + 0x10);
            assert_eq!(movement(&pages, &word, 0x20, new), Some(0x30));
            assert_eq!(moved(&pages, &word, 0, 2), None);
            assert_eq!(movement(&pages, &word, 0, old ^ 0x8000_0000), None);
        }
    }

    #[test]
    fn both_halves_of_an_address() {
        let mut pages = Pages::default();
        // adrp x0, page 3; add x0, x0, #0xff8; ldr x1, [x0, #0xff8]
        let (adrp, add, ldr) = (0xf000_0000, 0x913f_e000, 0xf947_fc01);
        let page = word(&pages, adrp, 0x5004, &[0, add]);
        assert_eq!((page.kind, page.target), (Kind::Page, 0x8ff8));
        // The target moves by 16 and so into the next page.
        let new = moved(&pages, &page, 0, 16).unwrap();
        assert_eq!(page_of(new, 0x5004), 0x9000);
        pages.became(&page, 0, new);
        for (old, expected) in [(add, 0x9100_2000), (ldr, 0xf940_0401)] {
            let low = word(&pages, old, 0x500c, &[]);
            assert_eq!((low.kind, low.target), (Kind::Low, 0x8ff8));
            assert_eq!(moved(&pages, &low, 0, 16), Some(expected));
            assert_eq!(moved(&pages, &low, 0, 0), None, "another page");
            assert_eq!(movement(&pages, &low, 0, expected), Some(16));
        }
        assert_eq!(moved(&pages, &word(&pages, ldr, 0, &[]), 0, 20), None, "not a multiple of eight");
    }
}
