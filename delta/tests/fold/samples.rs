//! Inputs that lead encoders into all their corners, the same on every machine.

/// Numbers that look random and are the same everywhere.
pub(crate) fn noise(seed: u32) -> impl Iterator<Item = u32> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    })
}

fn bytes(seed: u32, len: usize, of: impl Fn(u32) -> u8) -> Vec<u8> {
    noise(seed).take(len).map(of).collect()
}

/// Words of a small language, repeated near and far.
fn text(seed: u32, len: usize, words: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 32);
    let mut numbers = noise(seed);
    while out.len() < len {
        let number = numbers.next().unwrap_or_default();
        // Low words often, others seldom.
        let word = (number % words) * ((number >> 12) % words) / words;
        out.extend_from_slice(format!("{:x} ", u64::from(word).wrapping_mul(0x9e37_79b9) >> 7).as_bytes());
        if number % 61 == 0 {
            let from = number as usize % out.len();
            let piece: Vec<u8> = out[from..].iter().take(number as usize % 300).copied().collect();
            out.extend_from_slice(&piece);
        }
    }
    out.truncate(len);
    out
}

/// All inputs, each with a name.
pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = vec![
        ("nothing".into(), vec![]),
        ("zeros".into(), vec![0; 131_072]),
        ("many zeros".into(), vec![0; 400_000]),
        ("period 3".into(), (0..100_000_u32).map(|i| (i % 3) as u8).collect()),
        ("period 259".into(), (0..100_000_u32).map(|i| (i % 259) as u8).collect()),
        // Frequencies that grow like Fibonacci's numbers: codes longer than 15 bits.
        ("steep".into(), {
            let mut out = Vec::new();
            let (mut a, mut b) = (1_usize, 1);
            for symbol in 0..22_u8 {
                out.extend(noise(symbol.into()).take(a).flat_map(|n| [symbol * 11, (n % 5) as u8]));
                (a, b) = (b, a + b);
            }
            out
        }),
    ];
    for len in [1, 2, 3, 4, 5, 257, 258, 259, 261, 262, 263, 600] {
        all.push((format!("{len} alike"), vec![b'a'; len]));
        all.push((format!("{len} letters"), bytes(5, len, |n| b'a' + (n % 3) as u8)));
    }
    for len in
        [32_505, 32_506, 32_507, 32_768, 65_273, 65_274, 65_535, 65_536, 65_537, 98_304, 131_072, 300_001]
    {
        all.push((format!("text of {len}"), text(len as u32, len, 1000)));
        all.push((format!("four letters, {len}"), bytes(9, len, |n| b'a' + (n % 4) as u8)));
        all.push((format!("noise of {len}"), bytes(7, len, |n| n as u8)));
        all.push((format!("almost noise, {len}"), bytes(8, len, |n| (n % 251) as u8 & (n >> 9) as u8 | 1)));
    }
    for seed in 0..12 {
        let words = 20 << seed;
        all.push((format!("text with {words} words"), text(seed, 150_000 + 999 * seed as usize, words)));
        // Parts of every kind one behind the other: blocks of all three forms.
        let mut mixed = Vec::new();
        for (i, number) in noise(seed + 100).take(30).enumerate() {
            let len = number as usize % 12_000;
            match i % 4 {
                0 => mixed.extend(bytes(number, len, |n| n as u8)),
                1 => mixed.extend(text(number, len, 300)),
                2 => mixed.extend(bytes(number, len / 8, |n| (n % 16) as u8).repeat(4)),
                _ => mixed.resize(mixed.len() + len, (number >> 16) as u8),
            }
        }
        all.push((format!("mixed {seed}"), mixed));
    }
    all
}
