//! The hashes of names that hashed directories are sorted by
//! (<https://docs.kernel.org/filesystems/ext4/dynamic.html#hash-tree-directories>).

/// How a directory hashes names.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameHash {
    kind: Kind,
    /// Whether bytes of names from 128 on count as negative.
    signed: bool,
    seed: [u32; 4],
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Legacy,
    HalfMd4,
    Tea,
}

/// What MD4 begins with, for file systems without a seed of their own.
const DEFAULT_SEED: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
/// This hash means the end of a directory, and no name has it.
const END: u32 = 0xffff_fffe;

impl NameHash {
    /// The hash that a directory's `version` stands for; none for one that is not known.
    pub(super) fn new(version: u8, unsigned: bool, seed: [u32; 4]) -> Option<Self> {
        let (kind, signed) = match version {
            0 => (Kind::Legacy, !unsigned),
            1 => (Kind::HalfMd4, !unsigned),
            2 => (Kind::Tea, !unsigned),
            3 => (Kind::Legacy, false),
            4 => (Kind::HalfMd4, false),
            5 => (Kind::Tea, false),
            _ => return None,
        };
        let seed = if seed == [0; 4] { DEFAULT_SEED } else { seed };
        Some(Self { kind, signed, seed })
    }

    /// The hash of a name, whose lowest bit is 0.
    pub(super) fn of(&self, name: &[u8]) -> u32 {
        let hash = match self.kind {
            Kind::Legacy => self.legacy(name),
            Kind::HalfMd4 => {
                let mut state = self.seed;
                for at in (0..name.len()).step_by(32) {
                    half_md4(&mut state, &self.words::<8>(&name[at..]));
                }
                state[1]
            }
            Kind::Tea => {
                let mut state = self.seed;
                for at in (0..name.len()).step_by(16) {
                    tea(&mut state, &self.words::<4>(&name[at..]));
                }
                state[0]
            }
        };
        match hash & !1 {
            END => END - 2,
            hash => hash,
        }
    }

    fn byte(&self, byte: u8) -> u32 {
        let high = if self.signed && byte >= 0x80 { 0xffff_ff00 } else { 0 };
        high | u32::from(byte)
    }

    fn legacy(&self, name: &[u8]) -> u32 {
        let (mut last, mut before) = (0x12a3_fe2du32, 0x37ab_e8f9u32);
        for byte in name {
            let next = before.wrapping_add(last ^ self.byte(*byte).wrapping_mul(7_152_373));
            let next = if next & 0x8000_0000 != 0 { next.wrapping_sub(0x7fff_ffff) } else { next };
            (before, last) = (last, next);
        }
        last << 1
    }

    /// The next words of a name, filled up with its length.
    fn words<const N: usize>(&self, name: &[u8]) -> [u32; N] {
        let len = u32::try_from(name.len()).unwrap_or(0);
        let pad = (len | len << 8).wrapping_mul(0x1_0001);
        let mut words = [pad; N];
        for (word, bytes) in words.iter_mut().zip(name.chunks(4)) {
            *word = bytes.iter().fold(pad, |word, byte| (word << 8).wrapping_add(self.byte(*byte)));
        }
        words
    }
}

/// MD4 with half of its steps.
fn half_md4(state: &mut [u32; 4], words: &[u32; 8]) {
    type Mix = fn(u32, u32, u32) -> u32;
    const ROUNDS: [(Mix, u32, [usize; 8], [u32; 4]); 3] = [
        (|x, y, z| z ^ x & (y ^ z), 0, [0, 1, 2, 3, 4, 5, 6, 7], [3, 7, 11, 19]),
        (|x, y, z| (x & y).wrapping_add((x ^ y) & z), 0x5a82_7999, [1, 3, 5, 7, 0, 2, 4, 6], [3, 5, 9, 13]),
        (|x, y, z| x ^ y ^ z, 0x6ed9_eba1, [3, 7, 2, 6, 1, 5, 0, 4], [3, 9, 11, 15]),
    ];
    let [mut a, mut b, mut c, mut d] = *state;
    for (mix, constant, order, turns) in ROUNDS {
        for (word, turn) in order.iter().zip(turns.iter().cycle()) {
            let sum = a.wrapping_add(mix(b, c, d)).wrapping_add(words[*word]).wrapping_add(constant);
            (a, b, c, d) = (d, sum.rotate_left(*turn), b, c);
        }
    }
    for (state, value) in state.iter_mut().zip([a, b, c, d]) {
        *state = state.wrapping_add(value);
    }
}

/// The Tiny Encryption Algorithm with the words as its key.
fn tea(state: &mut [u32; 4], key: &[u32; 4]) {
    let [mut x, mut y, ..] = *state;
    let mut sum = 0u32;
    let mix = |value: u32, sum: u32, a: u32, b: u32| {
        (value << 4).wrapping_add(a) ^ value.wrapping_add(sum) ^ (value >> 5).wrapping_add(b)
    };
    for _ in 0..16 {
        sum = sum.wrapping_add(0x9e37_79b9);
        x = x.wrapping_add(mix(y, sum, key[0], key[1]));
        y = y.wrapping_add(mix(x, sum, key[2], key[3]));
    }
    state[0] = state[0].wrapping_add(x);
    state[1] = state[1].wrapping_add(y);
}
