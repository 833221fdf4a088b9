//! Damaged and lying VCDIFF deltas whose lengths and check values are right, so that what is behind them has to hold.

use crate::images::{Random, image, updated};
use crate::vcdiff_make::made;
use mender_delta::apply::vcdiff::inspect::inspect;
use mender_delta::apply::vcdiff::{Applier, Known};
use mender_delta::apply::{Base, Target};
use mender_delta::error::{CallerError, Error};
use mender_delta::format::vcdiff::header::{FileHeader, Of, Secondary, Segment, WindowHeader};
use mender_delta::format::vcdiff::number;
use mender_delta::format::vcdiff::writer::VcdiffOptions;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// No case may take longer, in the slowest of profiles on a busy machine.
const MOST_TIME: Duration = Duration::from_secs(5);
const MEMORY: usize = 4 << 20;

/// A delta in its parts; what depends on others is made when it is put together.
#[derive(Clone)]
struct Parts {
    begin: Vec<u8>,
    secondary: Option<Secondary>,
    windows: Vec<(WindowHeader, [Vec<u8>; 3])>,
}

impl Parts {
    fn of(delta: &[u8]) -> Self {
        let header = FileHeader::parse(delta).unwrap().unwrap();
        let begin = header.len + header.application_header_len as usize;
        let mut windows = Vec::new();
        let mut at = begin;
        while at < delta.len() {
            let window = WindowHeader::parse(&delta[at..], header.secondary, 0).unwrap().unwrap();
            at += window.len;
            let sections = window.lens.map(|len| {
                at += len as usize;
                delta[at - len as usize..at].to_vec()
            });
            windows.push((window, sections));
        }
        Parts { begin: delta[..begin].to_vec(), secondary: header.secondary, windows }
    }

    fn together(&self) -> Vec<u8> {
        let mut out = self.begin.clone();
        for (window, sections) in &self.windows {
            let lens = [0, 1, 2].map(|i: usize| sections[i].len() as u64);
            out.extend(WindowHeader { lens, ..*window }.encode());
            sections.iter().for_each(|section| out.extend(section));
        }
        out
    }
}

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(3) {
        let len = 1 + random.below(9);
        let at = random.below(bytes.len());
        let end = (at + len).min(bytes.len());
        match random.below(7) {
            _ if bytes.is_empty() => bytes.extend((0..len).map(|_| random.next() as u8)),
            0..=2 => bytes[at] ^= 1 << random.below(8),
            3 => bytes[at] = [0, 1, 0x13, 0x23, 0x7f, 0x80, 0xa3, 0xff][random.below(8)],
            4 => drop(bytes.splice(at..at, (0..len).map(|_| random.next() as u8).collect::<Vec<u8>>())),
            5 => drop(bytes.drain(at..end)),
            _ => {
                let again = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, again));
            }
        }
    }
}

fn lie(random: &mut Random, there: u64) -> u64 {
    let edges = [0, 1, 127, 128, 4096, 1 << 16, 1 << 20, 1 << 24, 1 << 31, 1 << 32, 1 << 62];
    match random.below(5) {
        0 => edges[random.below(edges.len())],
        1 => u64::MAX >> (1 + random.below(63)),
        2 => there.wrapping_add(1),
        3 => there.wrapping_sub(1) >> 1,
        _ => there ^ 1 << random.below(40),
    }
}

/// Instructions that lie, with addresses and bytes that may or may not be enough.
fn lying(window: &mut (WindowHeader, [Vec<u8>; 3]), random: &mut Random) {
    let (header, sections) = window;
    header.packed = [false; 3];
    sections.iter_mut().for_each(Vec::clear);
    let mut left = header.target_len;
    for _ in 0..1 + random.below(30) {
        sections[1].push(random.next() as u8);
        if random.below(2) == 0 {
            let len = random.below(left.min(5000) as usize + 1) as u64;
            left -= len;
            number::put(&mut sections[1], if random.below(20) == 0 { lie(random, len) } else { len });
        }
        let address = random.below(header.segment.map_or(1, |segment| segment.len) as usize + 1) as u64;
        number::put(&mut sections[2], if random.below(10) == 0 { lie(random, address) } else { address });
        sections[0].extend((0..random.below(20)).map(|i| i as u8));
    }
}

fn change(parts: &mut Parts, random: &mut Random) -> &'static str {
    let count = parts.windows.len();
    let (window, kind) = (random.below(count), random.below(3));
    match random.below(12) {
        0..=4 => {
            damage(&mut parts.windows[window].1[kind], random);
            "bytes of a section"
        }
        5 => {
            lying(&mut parts.windows[window], random);
            "instructions"
        }
        6 => {
            let header = &mut parts.windows[window].0;
            header.packed[kind] = parts.secondary.is_some() && !header.packed[kind];
            "whether a section is packed"
        }
        7 => {
            let header = &mut parts.windows[window].0;
            header.target_len = lie(random, header.target_len) & (u64::MAX >> 1);
            "target length"
        }
        8 => {
            let header = &mut parts.windows[window].0;
            let Segment { of, at, len } = header.segment.unwrap_or(Segment { of: Of::Source, at: 0, len: 9 });
            header.segment = match random.below(4) {
                0 => None,
                1 => Some(Segment { of: Of::Target, at, len }),
                2 => Some(Segment { of, at: lie(random, at) & (u64::MAX >> 2), len }),
                _ => Some(Segment { of, at, len: lie(random, len) & (u64::MAX >> 2) }),
            };
            "segment"
        }
        9 => {
            let other = random.below(count);
            match random.below(3) {
                0 => drop(parts.windows.remove(window)),
                1 => parts.windows.insert(other, parts.windows[window].clone()),
                _ => parts.windows.swap(window, other),
            }
            "order of windows"
        }
        10 => {
            let section = &mut parts.windows[window].1[kind];
            let mut rest = &section[..];
            let plain = number::take(&mut rest).unwrap_or_default();
            let rest = rest.to_vec();
            section.clear();
            number::put(section, lie(random, plain));
            section.extend(rest);
            "unpacked length"
        }
        _ => {
            damage(&mut parts.begin, random);
            "beginning"
        }
    }
}

/// A base that fails the test when it is asked for what it does not have.
struct Strict<'b>(&'b [u8]);

impl Base for Strict<'_> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError> {
        let from = usize::try_from(offset).unwrap();
        buffer.copy_from_slice(&self.0[from..from + buffer.len()]);
        Ok(())
    }
}

/// A target that counts, and keeps what it gets.
struct Bounded {
    kept: Vec<u8>,
    most: usize,
}

impl Target for Bounded {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        self.kept.extend(bytes);
        assert!(self.kept.len() <= self.most);
        Ok(())
    }
}

fn apply(old: &[u8], size: usize, delta: &[u8], step: usize, arena: &mut [u8]) -> Result<Vec<u8>, Error> {
    let known =
        Known { base_size: old.len() as u64, target_size: Some(size as u64), histories: [u64::MAX; 3] };
    let mut applier = Applier::new(known, arena)?;
    let mut target = Bounded { kept: Vec::new(), most: size };
    for piece in delta.chunks(step) {
        if let Err(error) = applier.push(piece, &mut Strict(old), &mut target) {
            let again = applier.push(piece, &mut Strict(old), &mut target);
            assert!(matches!(again, Err(Error::Usage(_))) && applier.finish().is_err());
            return Err(error);
        }
    }
    applier.finish()?;
    Ok(target.kept)
}

#[test]
fn thousands_of_damaged_deltas() {
    let old = image(150_000, 1);
    let new = updated(&old, 2);
    let mut deltas = Vec::new();
    for options in [
        VcdiffOptions { window: 30_000, ..VcdiffOptions::default() },
        VcdiffOptions { window: 40_000, pack: false, ..VcdiffOptions::default() },
    ] {
        deltas.push(made(&old, &new, &options).0);
    }
    if crate::program::is_there("xdelta3") {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("old"), &old).unwrap();
        std::fs::write(folder.path().join("new"), &new).unwrap();
        for options in [["-S", "djw"], ["-S", "lzma"]] {
            let words = ["-e", "-f", "-q", "-W", "32768", "-s", "old", "new", "delta"];
            crate::program::run(folder.path(), "xdelta3", &[&options[..], &words].concat()).unwrap();
            deltas.push(std::fs::read(folder.path().join("delta")).unwrap());
        }
    }
    let mut arena = vec![0; MEMORY];
    let mut random = Random(7);
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let cases = 6000;
    for case in 0..cases {
        let delta = &deltas[case % deltas.len()];
        let mut parts = Parts::of(delta);
        assert!(case > 3 || parts.together() == *delta);
        let what = change(&mut parts, &mut random);
        // Half of the cases have no check values at all: then only the structure can be wrong.
        let checked = case % 8 < 4;
        if !checked {
            parts.windows.iter_mut().for_each(|(window, _)| window.adler32 = None);
        }
        let bad = parts.together();
        let start = Instant::now();
        let outcome = match apply(&old, new.len(), &bad, 1 + random.below(5000), &mut arena) {
            Ok(out) if out == new => "the right image".into(),
            Ok(_) => {
                // Nobody can know without check values, nor that windows of one length changed places.
                assert!(!checked || what == "order of windows", "case {case}: {what}: a wrong image");
                "a wrong image that nothing tells".into()
            }
            Err(error) => format!("{:?}", error.category()),
        };
        assert!(start.elapsed() < MOST_TIME, "case {case}: {what}: {:?}", start.elapsed());
        drop(inspect(&mut &bad[..]));
        *outcomes.entry(outcome).or_default() += 1;
    }
    println!("{outcomes:#?}");
    assert!(outcomes["Format"] > cases / 4);
    assert!(outcomes["Verify"] > cases / 20);
}

#[test]
fn every_truncation_is_an_error() {
    let old = image(60_000, 1);
    let new = updated(&old, 2);
    let (delta, _) = made(&old, &new, &VcdiffOptions { window: 20_000, ..VcdiffOptions::default() });
    let mut arena = vec![0; MEMORY];
    for len in (0..delta.len()).step_by(3).chain(delta.len() - 40..delta.len()) {
        let error = apply(&old, new.len(), &delta[..len], 4096, &mut arena).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{len}: {error}");
        if len > 0 && len < 30 {
            assert!(matches!(inspect(&mut &delta[..len]), Err(Error::Truncated { .. }) | Ok(_)), "{len}");
        }
    }
    let longer = [&delta[..], &[0]].concat();
    assert!(apply(&old, new.len(), &longer, 4096, &mut arena).is_err());
}

#[test]
fn windows_that_copy_from_the_target() {
    use mender_delta::apply::vcdiff::ReadBack;
    struct Whole(Vec<u8>);
    impl Target for Whole {
        fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
            self.0.extend(bytes);
            Ok(())
        }
    }
    impl ReadBack for Whole {
        fn read_back(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError> {
            buffer.copy_from_slice(&self.0[offset as usize..][..buffer.len()]);
            Ok(())
        }
    }
    let window = |segment, target_len, instructions: &[u8], addresses: &[u8], data: &[u8]| {
        let lens = [data.len() as u64, instructions.len() as u64, addresses.len() as u64];
        let header = WindowHeader { segment, target_len, packed: [false; 3], lens, adler32: None, len: 0 };
        [&header.encode(), data, instructions, addresses].concat()
    };
    let segment = Some(Segment { of: Of::Target, at: 2, len: 4 });
    let delta = [
        &[0xd6, 0xc3, 0xc4, 0, 0][..],
        &window(None, 6, &[7], &[], b"abcdef"),
        // Four bytes of the segment and on into the window itself.
        &window(segment, 11, &[19, 11], &[1], b""),
    ]
    .concat();
    let known = Known { base_size: 0, target_size: Some(17), histories: [u64::MAX; 3] };
    let mut arena = vec![0; MEMORY];
    let mut applier = Applier::new(known, &mut arena).unwrap();
    let mut whole = Whole(Vec::new());
    applier.push_reading_back(&delta, &mut &b""[..], &mut whole).unwrap();
    applier.finish().unwrap();
    assert_eq!(whole.0, b"abcdefdefdefdefde");
    let mut applier = Applier::new(known, &mut arena).unwrap();
    let error = applier.push(&delta, &mut &b""[..], &mut Whole(Vec::new())).unwrap_err().to_string();
    assert_eq!(error, "unsupported delta: window that copies from the target before it 2");
}
