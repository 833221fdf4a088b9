//! Pairs of images that look like something.

/// Bytes of a generator with a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound.max(1)
    }
}

/// An image of words that come again, zero runs and noise.
pub(crate) fn image(len: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed | 1 << 40);
    let words: Vec<Vec<u8>> = (0..2000)
        .map(|_| {
            let len = 3 + random.below(40);
            std::iter::repeat_with(|| (random.next() >> 24) as u8).take(len).collect()
        })
        .collect();
    let mut out = Vec::with_capacity(len + 4096);
    while out.len() < len {
        match random.below(40) {
            0 => out.extend(std::iter::repeat_n(0, random.below(3000))),
            1 => out.extend(std::iter::repeat_with(|| random.next() as u8).take(300)),
            _ => out.extend(&words[random.below(words.len())]),
        }
    }
    out.truncate(len);
    out
}

/// What an update may make of `old`: bytes changed here and there, a part moved, something new, something gone.
pub(crate) fn updated(old: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random(seed | 1 << 41);
    let mut new = old.to_vec();
    for _ in 0..new.len() / 1500 {
        let at = random.below(new.len());
        new[at] = new[at].wrapping_add(1 + random.below(9) as u8);
    }
    let third = new.len() / 3;
    let moved = new.split_off(2 * third);
    new.splice(third / 2..third / 2, moved);
    new.splice(third..third, image(new.len() / 50, seed ^ 77));
    new.drain(third + third / 2..third + third / 2 + third / 30);
    new
}
