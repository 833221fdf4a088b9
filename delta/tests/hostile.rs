//! Damaged and lying deltas whose check values are right, so that the decoders behind the checks have to hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

use mender_delta::apply::{Applier, Base, CallerError, Header, Status, Target};
use mender_delta::entropy::mixing::architecture::MARGIN;
use mender_delta::entropy::mixing::coder::Encoder;
use mender_delta::entropy::mixing::model::{Copying, Model};
use mender_delta::entropy::zigzag::zigzag;
use mender_delta::error::Error;
use mender_delta::format::native::header::Codec;
use mender_delta::format::native::level::Level;
use mender_delta::format::native::window::{WindowHeader, put_number};
use mender_delta::format::native::writer::Layout;
use mender_delta::generate::generate;
use mender_delta::op::CopyKind;
use mender_delta::options::GenerateOptions;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::time::{Duration, Instant};

/// Deltas that want more memory than this are refused by the device.
const MEMORY: u64 = 64 << 20;
/// No case may take longer, in the slowest of profiles on a busy machine.
const MOST_TIME: Duration = Duration::from_secs(5);

/// Xorshift: the same cases in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound.max(1)
    }

    /// Below a power of two whose size is chosen first, so that small numbers are likely.
    fn small(&mut self, bits: usize) -> usize {
        let bound = 1 << self.below(bits);
        self.below(bound)
    }

    /// A number that is likely to lie on the edge of something; `there` is what belongs there.
    fn lie(&mut self, there: u64) -> u64 {
        let edges =
            [0, 1, 2, 127, 128, 511, 4096, 1 << 16, 1 << 20, 1 << 26, 1 << 28, 1 << 31, 1 << 32, 1 << 63];
        let edge = edges[self.below(edges.len())];
        match self.below(6) {
            0 => edge,
            1 => edge.wrapping_sub(1),
            2 => u64::MAX >> self.below(64),
            3 => there.wrapping_add(1),
            4 => there.wrapping_sub(1),
            _ => there ^ 1 << self.below(64),
        }
    }
}

fn crc32(bytes: &[&[u8]]) -> u32 {
    !bytes.iter().flat_map(|bytes| bytes.iter()).fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

/// A delta in its parts; its check values are made when it is put together.
#[derive(Clone)]
struct Parts {
    header: Header,
    windows: Vec<(WindowHeader, Vec<u8>)>,
    /// Behind the last window.
    tail: Vec<u8>,
}

impl Parts {
    fn of(delta: &[u8]) -> Self {
        let header = Header::parse(delta).unwrap();
        let (mut rest, mut windows) = (&delta[Header::LEN..], Vec::new());
        while let Some((fields, behind)) = rest.split_first_chunk() {
            let window = WindowHeader::decode(fields);
            let (body, behind) = behind.split_at(window.body_len() as usize);
            windows.push((window, body.to_vec()));
            rest = behind;
        }
        Parts { header, windows, tail: Vec::new() }
    }

    /// Everything behind the header.
    fn behind_header(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (window, body) in &self.windows {
            let fields = window.encode();
            let fields = &fields[..WindowHeader::LEN - 4];
            out.extend(fields);
            out.extend(crc32(&[fields, body]).to_le_bytes());
            out.extend(body);
        }
        [out, self.tail.clone()].concat()
    }

    /// Byte range of a stream in the body of a window.
    fn stream(&self, window: usize, stream: usize) -> std::ops::Range<usize> {
        let (header, body) = &self.windows[window];
        let start: usize = header.packed[..stream].iter().map(|&len| len as usize).sum();
        start.min(body.len())..(start + header.packed[stream] as usize).min(body.len())
    }

    /// Puts `bytes` in place of a stream, with the length that it has then.
    fn put_stream(&mut self, window: usize, stream: usize, bytes: Vec<u8>) {
        let range = self.stream(window, stream);
        let (header, body) = &mut self.windows[window];
        header.packed[stream] = bytes.len() as u32;
        body.splice(range, bytes);
    }
}

/// Flips, sets, inserts, deletes, repeats or swaps some bytes.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(3) {
        let (at, len) = (random.below(bytes.len()), 1 + random.small(8));
        let end = (at + len).min(bytes.len());
        match random.below(8) {
            _ if bytes.is_empty() => bytes.extend((0..len).map(|i| (random.next() >> (i % 32)) as u8)),
            0..=2 => bytes[at] ^= 1 << random.below(8),
            3 => bytes[at] = [0, 1, 2, 0x7f, 0x80, 0xa0, 0xc0, 0xe0, 0xff][random.below(9)],
            4 => drop(bytes.splice(at..at, (0..len).map(|_| random.next() as u8).collect::<Vec<u8>>())),
            5 => drop(bytes.drain(at..end)),
            6 => {
                let again = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                drop(bytes.splice(to..to, again));
            }
            _ => {
                let other = random.below(bytes.len());
                bytes.swap(at, other);
            }
        }
    }
}

/// Wraps bytes in plain LZMA2 chunks, so that any stream at all can be told to the decoder.
fn plain_chunks(bytes: &[u8]) -> Vec<u8> {
    let chunk = |bytes: &[u8]| {
        let len = (bytes.len() as u16).wrapping_sub(1).to_be_bytes();
        [&[1][..], &len, bytes].concat()
    };
    bytes.chunks(1 << 16).flat_map(chunk).collect()
}

/// Operations that lie, packed as the header's codec has it, and how many; they fill `target_len` or not.
fn lying_operations(header: &Header, target_len: u64, random: &mut Random) -> (Vec<u8>, u32) {
    let mut left = target_len;
    let mut number = |random: &mut Random| match random.below(5) {
        0 => random.lie(left),
        1 => 0,
        _ => {
            let some = random.below((left as usize).min(300) + 1) as u64;
            left -= some;
            some
        }
    };
    let mut ops = Vec::new();
    for _ in 0..1 + random.below(12) {
        let kind = [CopyKind::Exact, CopyKind::Add, CopyKind::Zero][random.below(3)];
        let distance = match random.below(4) {
            0 => random.lie(header.base_size) as i64,
            1 => -(random.below(5000) as i64),
            _ => random.below(5000) as i64,
        };
        ops.push((number(random), Copying { kind, len: number(random), distance }));
    }
    let count = ops.len() as u32;
    let packed = match header.codec {
        Codec::Lzma2 | Codec::Lean => {
            let mut out = Vec::new();
            for (literal, copying) in ops {
                put_number(&mut out, literal);
                let kind = if random.below(40) == 0 { 3 } else { copying.kind.code() };
                put_number(&mut out, copying.len << 2 | kind);
                if copying.len > 0 && copying.kind != CopyKind::Zero {
                    put_number(&mut out, zigzag(copying.distance));
                }
            }
            if random.below(10) == 0 {
                out.extend([0xff; 11]);
            }
            plain_chunks(&out)
        }
        Codec::Mixed => {
            let mut memory = vec![0; header.shape().words()];
            let mut model = Model::new(&header.shape(), &mut memory);
            let mut encoder = Encoder::default();
            for &(literal, copying) in &ops {
                model.literal_len(&mut encoder, literal);
                model.copying(&mut encoder, copying);
            }
            for (_, copying) in ops {
                if copying.kind == CopyKind::Add {
                    let mut piece = vec![7; (copying.len as usize).min(64)];
                    let old = &[3; 64 + 2 * MARGIN][..piece.len() + 2 * MARGIN];
                    model.difference(&mut encoder, old, [0, 8], &mut piece);
                }
            }
            encoder.finish()
        }
    };
    (packed, count)
}

/// Changes one delta in one way; `other` is another delta of the same layout.
fn change(parts: &mut Parts, other: &Parts, random: &mut Random) -> &'static str {
    let window = random.below(parts.windows.len());
    let stream = random.below(3);
    match random.below(16) {
        0..=4 => {
            let mut bytes = parts.windows[window].1[parts.stream(window, stream)].to_vec();
            damage(&mut bytes, random);
            parts.put_stream(window, stream, bytes);
            "bytes of a stream"
        }
        5 => {
            // The lengths are not told.
            damage(&mut parts.windows[window].1, random);
            "bytes of a body"
        }
        6 | 7 => {
            let header = &mut parts.windows[window].0;
            match random.below(5) {
                0 => header.target_len = random.lie(header.target_len),
                1 | 2 => header.plain[stream] = random.lie(header.plain[stream].into()) as u32,
                3 => header.packed[stream] = random.lie(header.packed[stream].into()) as u32,
                _ => {
                    // The sum stays: bytes of one stream are told to be another's.
                    let moved = random.below(header.packed[stream] as usize + 1) as u32;
                    header.packed[stream] -= moved;
                    header.packed[(stream + 1) % 3] += moved;
                }
            }
            "lengths of a window"
        }
        8 | 9 => {
            let header = &mut parts.header;
            match random.below(8) {
                0 => header.base_size = random.lie(header.base_size),
                1 => header.target_size = random.lie(header.target_size),
                2..=4 => header.history[stream] = random.lie(header.history[stream].into()) as u32,
                5 => header.window_body = random.lie(header.window_body.into()) as u32,
                6 => header.io_block = random.lie(header.io_block.into()) as u32,
                _ => {
                    let mixed = header.codec == Codec::Mixed;
                    header.codec = match header.codec {
                        Codec::Lzma2 => Codec::Lean,
                        Codec::Lean => Codec::Mixed,
                        Codec::Mixed => Codec::Lzma2,
                    };
                    header.history[1] = if mixed { 1 << 12 } else { 0 };
                }
            }
            "numbers of the header"
        }
        10 => {
            let other = random.below(parts.windows.len());
            match random.below(4) {
                0 => drop(parts.windows.remove(window)),
                1 => parts.windows.insert(other, parts.windows[window].clone()),
                2 => parts.windows.swap(window, other),
                _ => damage(&mut parts.tail, random),
            }
            "order of windows"
        }
        11 => {
            let from = random.below(other.windows.len());
            let bytes = other.windows[from].1[other.stream(from, stream)].to_vec();
            parts.put_stream(window, stream, bytes);
            parts.windows[window].0.plain[stream] = other.windows[from].0.plain[stream];
            "another delta's stream"
        }
        _ => {
            let target_len = parts.windows[0].0.target_len;
            let told = random.below(3) > 0;
            let (packed, count) = lying_operations(&parts.header, target_len, random);
            let plain = match parts.header.codec {
                Codec::Lzma2 | Codec::Lean => packed.len().saturating_sub(3) as u32,
                Codec::Mixed => count,
            };
            parts.windows[0].0.plain[0] = if told { plain } else { plain + 20 };
            if parts.header.codec == Codec::Mixed && random.below(4) > 0 {
                parts.header.history[1] = parts.header.history[1].max(plain);
            }
            parts.put_stream(0, 0, packed);
            "operations"
        }
    }
}

/// A base of `len` bytes in the header's words, and as many as there are in truth.
struct Checked<'i> {
    old: &'i [u8],
    promised: u64,
}

impl Base for Checked<'_> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError> {
        let end = offset.checked_add(buffer.len() as u64).expect("a range that ends");
        assert!(end <= self.promised, "read of {offset}..{end} in a base of {}", self.promised);
        (&mut &*self.old).read_at(offset, buffer)
    }
}

/// A partition: a little larger than the new image.
struct Partition {
    got: Vec<u8>,
    promised: u64,
    room: usize,
}

impl Target for Partition {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        let end = self.got.len() + bytes.len();
        assert!(end as u64 <= self.promised, "{end} bytes for a target of {}", self.promised);
        if end > self.room {
            return Err(CallerError { action: "write behind the end of the partition", code: 28 });
        }
        self.got.extend(bytes);
        Ok(())
    }
}

/// How applying ended: the field or kind of the error.
fn ending(error: &Error) -> String {
    match error {
        Error::Format(malformed) => format!("refused: {}", malformed.field),
        Error::Truncated { .. } => "truncated".into(),
        Error::Unsupported { field, .. } => format!("unsupported: {field}"),
        Error::TargetDigest { .. } => "wrong digest".into(),
        Error::Limit { what, .. } => format!("limit: {what}"),
        Error::Base(_) => "base failed".into(),
        Error::Target(_) => "target failed".into(),
        other => panic!("not an answer to bad input: {other}"),
    }
}

/// Endings that the checks before any decoder give.
const BEFORE_DECODERS: [&str; 4] =
    ["truncated", "refused: window length", "refused: window body", "refused: window check value"];

struct Device {
    /// Never cleared: a decoder must not depend on what it finds.
    arena: Vec<u8>,
    random: Random,
}

impl Device {
    /// Applies a changed delta in exactly the memory that it asks for.
    fn apply(&mut self, parts: &Parts, old: &[u8], new: &[u8]) -> Result<(), Error> {
        let mut header = parts.header;
        header.memory = u64::MAX;
        let header = Header::parse(&header.encode())?;
        let needed = header.memory_needed();
        if needed > MEMORY {
            return Err(Error::Limit { what: "memory of the device", wanted: needed, limit: MEMORY });
        }
        let start = self.random.below(4);
        let arena = &mut self.arena[start..start + needed as usize];
        assert!(Applier::new(&header, &mut arena[1..]).is_err());
        let mut applier = Applier::new(&header, arena)?;
        let mut base = Checked { old, promised: header.base_size };
        let room = new.len() + 100_000;
        let mut target = Partition { got: Vec::new(), promised: header.target_size, room };
        let (delta, mut at) = (parts.behind_header(), 0);
        let mut status = Status::NeedInput;
        while at < delta.len() {
            let len = (1 + self.random.small(14)).min(delta.len() - at);
            match applier.push(&delta[at..at + len], &mut base, &mut target) {
                Ok(now) => status = now,
                Err(error) => {
                    assert!(applier.push(&[0], &mut base, &mut target).is_err() && applier.finish().is_err());
                    return Err(error);
                }
            }
            assert!(applier.written() == target.got.len() as u64);
            at += len;
        }
        applier.finish()?;
        assert!(status == Status::Done || header.target_size == 0);
        assert!(target.got == new, "success with {} wrong bytes", target.got.len());
        Ok(())
    }
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    (0..len).map(|_| random.next() as u8).collect()
}

/// Old and new: moved blocks, changed bytes, zeros, text, news, an odd length.
fn pair(seed: u64) -> (Vec<u8>, Vec<u8>) {
    let words = b"usr lib share doc copyright debian systemd python3 aarch64 linux gnu ";
    let text: Vec<u8> = words.iter().copied().cycle().take(6_000).collect();
    let old = [noise(20_000, seed), text.clone(), noise(9_000, seed + 1)].concat();
    let mut changed = old[5_000..9_000].to_vec();
    for at in (0..changed.len()).step_by(61) {
        changed[at] = changed[at].wrapping_add(3);
    }
    let mut prose = text[17..4_000].to_vec();
    prose.reverse();
    let new =
        [&old[8_192..16_384], &[0; 5_000], &changed, &prose, &noise(700, seed + 2), &old[..777]].concat();
    (old, new)
}

/// Many changes of deltas of one layout.
fn attack(layout: Layout, cases: u64, seed: u64) {
    let layout = Layout { window_room: 2048, io_block: 512, ..layout };
    let history = layout.history.map(|history| history.min(1 << 14));
    let options = GenerateOptions { threads: 1, layout: Layout { history, ..layout }, ..Default::default() };
    let samples: Vec<_> = (0..4)
        .map(|i| {
            let (old, new) = pair(1000 + seed + i);
            let mut out = Cursor::new(Vec::new());
            generate(&old, &new, &options, &mut out).unwrap();
            (old, new, Parts::of(&out.into_inner()))
        })
        .collect();
    assert!(samples.iter().all(|(_, _, parts)| parts.windows.len() >= 3));
    let mut device =
        Device { arena: noise(MEMORY as usize / 64, 5).repeat(65), random: Random(seed | 1 << 40) };
    for (old, new, parts) in &samples {
        device.apply(parts, old, new).expect("what was not changed");
    }

    let (mut endings, mut kinds) = (BTreeMap::<String, u64>::new(), BTreeMap::<&str, [u64; 2]>::new());
    let (start, mut slowest) = (Instant::now(), Duration::ZERO);
    for case in 0..cases {
        let mut random = Random((seed << 32 | (case + 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let (old, new, good) = &samples[random.below(samples.len())];
        let mut parts = good.clone();
        let other = &samples[random.below(samples.len())].2;
        let kind = change(&mut parts, other, &mut random);
        let said = Say(case, kind);
        let begun = Instant::now();
        let result = device.apply(&parts, old, new);
        let took = begun.elapsed();
        assert!(took < MOST_TIME, "{took:?}");
        drop(said);
        slowest = slowest.max(took);
        let ending = result.map_or_else(|error| ending(&error), |()| "success, right bytes".into());
        let header = Header::parse(&{ Header { memory: u64::MAX, ..parts.header } }.encode());
        let decoded = header.is_ok()
            && !BEFORE_DECODERS.contains(&ending.as_str())
            && !ending.starts_with("limit: memory of the device");
        kinds.entry(kind).or_default()[usize::from(decoded)] += 1;
        *endings.entry(ending).or_default() += 1;
    }
    let reached: u64 = kinds.values().map(|counts| counts[1]).sum();
    println!(
        "{:?}: {cases} cases, {reached} reached the decoders; {:?}, slowest {slowest:?}",
        layout.codec,
        { start.elapsed() }
    );
    for (kind, [before, in_decoders]) in &kinds {
        println!("  changed {kind}: {before} refused before the decoders, {in_decoders} reached them");
    }
    for (ending, count) in &endings {
        println!("  {count:6} {ending}");
    }
    assert!(reached >= cases * 6 / 10, "only {reached} of {cases} reached the decoders");
    for field in ["control stream", "literal stream", "copy offset", "copy length", "literal length"] {
        let count = endings.get(&format!("refused: {field}")).copied().unwrap_or(0);
        assert!(count >= cases / 500, "{count} cases were refused for their {field}");
    }
}

/// Says which case it was when one fails.
struct Say(u64, &'static str);

impl Drop for Say {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("case {}: {}", self.0, self.1);
        }
    }
}

#[test]
fn lzma2_holds() {
    attack(Layout::quick_to_apply(), 12_000, 1);
}

#[test]
fn mixing_holds() {
    attack(Layout::default(), 5_000, 2);
}

#[test]
fn lean_deltas() {
    attack(Layout::within(Level::Fast, 48 << 10).unwrap(), 6_000, 3);
}
