//! Deltas for `testdata/delta/base.bin`: native, VCDIFF, BSDIFF40.

use crate::case::Case;
use std::fs;
use std::io::Write as _;

/// Bytes of the header of a native delta; the last four are its check value.
const HEADER: usize = 132;

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

/// The sound delta with other bytes at `at` of its header, whose check value is right.
fn native(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut delta = sound();
    delta[at..at + bytes.len()].copy_from_slice(bytes);
    let check = crc32(&delta[..HEADER - 4]);
    delta[HEADER - 4..HEADER].copy_from_slice(&check.to_le_bytes());
    delta
}

fn sound() -> Vec<u8> {
    fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/delta/delta.bin")).unwrap()
}

pub(crate) fn cases() -> Vec<Case> {
    let case = Case::delta;
    let whole = sound();
    let flipped = |at: usize| {
        let mut delta = sound();
        delta[at] ^= 1;
        delta
    };
    let mut cases = vec![
        case("native-magic", "a native delta with a wrong first byte", flipped(0)),
        case("native-version", "a native delta of another version", native(8, &[99, 0])),
        case("native-header-sum", "a header whose check value is wrong", flipped(20)),
        case("native-codec", "a codec that there is not", native(10, &[9])),
        case("native-base-other", "a delta of another base", native(32, &[0; 32])),
        case("native-base-larger", "a delta of a larger base", native(16, &(1_u64 << 40).to_le_bytes())),
        case("native-target-longer", "a target longer than what the windows yield", {
            native(24, &(1_u64 << 30).to_le_bytes())
        }),
        case("native-size-negative", "a target size past 63 bits", native(24, &[0xff; 8])),
        case("native-memory-claim", "a promise of 1 TiB of memory: devices would have to believe it", {
            native(96, &(1_u64 << 40).to_le_bytes())
        }),
        case("native-memory-broken", "a promise of less memory than it takes", native(96, &[0; 8])),
        case("native-history-claim", "a history of 4 GiB", native(112, &[0xff; 4])),
        case("native-window-claim", "a window body of 4 GiB", native(116, &[0xff; 4])),
        case("native-io-block", "pieces of no bytes", native(120, &[0; 4])),
        case("native-body-flipped", "a flipped bit in a window", flipped(HEADER + 60)),
        case("native-cut", "a delta that ends too early", whole[..whole.len() - 1].to_vec()),
        case("native-longer", "bytes behind the end of a delta", [&whole[..], b"x"].concat()),
        case("native-target-digest", "a right delta of a target with another digest", native(64, &[0; 32])),
    ];
    cases.extend(vcdiff());
    cases.extend(bsdiff());
    cases
}

/// What the others are made of.
pub(crate) fn sound_ones() -> Vec<Case> {
    vec![
        Case::delta("native-sound", "nothing", sound()),
        Case::delta("vcdiff-sound", "nothing", [&VCDIFF[..], &window(3, 0, [3, 1, 0], b"abc\x04")].concat()),
        Case::delta(
            "vcdiff-sound-copy",
            "nothing",
            [&VCDIFF[..], &window(4, 0, [0, 1, 1], &[20, 9])].concat(),
        ),
        Case::delta("bsdiff-sound", "nothing", patch(&[4, 2, 3], &[1; 4], b"ab", 6)),
    ]
}

/// Base-128, most significant first.
fn number(mut value: u64) -> Vec<u8> {
    let mut digits = vec![(value & 0x7f) as u8];
    while value > 0x7f {
        value >>= 7;
        digits.insert(0, (value & 0x7f) as u8 | 0x80);
    }
    digits
}

/// A window with a segment of 100 bytes of the base, and what is said about its sections.
fn window(target_len: u64, packed: u8, lens: [u64; 3], sections: &[u8]) -> Vec<u8> {
    let fields: Vec<u8> = [number(target_len), vec![packed], lens.map(number).concat()].concat();
    let sum = lens.iter().fold(0_u64, |sum, len| sum.wrapping_add(*len));
    let len = number(sum.wrapping_add(fields.len() as u64));
    [&[1][..], &number(100), &number(0), &len, &fields, sections].concat()
}

const VCDIFF: [u8; 5] = [0xd6, 0xc3, 0xc4, 0, 0];

fn vcdiff() -> Vec<Case> {
    let case = Case::delta;
    let with = |window: Vec<u8>| [&VCDIFF[..], &window].concat();
    // ADD of three bytes is instruction 4; COPY of 4 from an address told is 20.
    let checked = {
        let fields = [number(3), vec![0], number(3), number(1), number(0), vec![1, 2, 3, 4]].concat();
        let len = number(fields.len() as u64 + 4);
        [&[5][..], &number(100), &number(0), &len, &fields, b"abc", &[4]].concat()
    };
    vec![
        case("vcdiff-cut", "a VCDIFF delta that ends in a window", with(window(3, 0, [3, 1, 0], b"ab"))),
        case("vcdiff-app-header", "an application header of nearly 2^63 bytes", {
            [&[0xd6, 0xc3, 0xc4, 0, 4][..], &number(i64::MAX as u64), b"abc"].concat()
        }),
        case("vcdiff-secondary-unknown", "a secondary compression that there is not", {
            [&[0xd6, 0xc3, 0xc4, 0, 1, 99][..], &window(3, 0, [3, 1, 0], b"abc\x04")].concat()
        }),
        case("vcdiff-code-table", "a code table of its own", {
            [&[0xd6, 0xc3, 0xc4, 0, 2][..], &[3, 1, 2, 3]].concat()
        }),
        case("vcdiff-number-long", "a number of more than 64 bits", {
            [&[0xd6, 0xc3, 0xc4, 0, 0, 1][..], &[0xff; 11], &[0]].concat()
        }),
        case("vcdiff-sections-overflow", "section sizes whose sum overflows", {
            with(window(3, 0, [u64::MAX / 2, u64::MAX / 2, 4], b"abc\x04"))
        }),
        case("vcdiff-section-empty", "a packed section of no bytes, said to unpack to some", {
            [&[0xd6, 0xc3, 0xc4, 0, 1, 2][..], &window(3, 1, [0, 1, 0], b"\x04")].concat()
        }),
        case("vcdiff-section-zero", "a packed section that is said to unpack to nothing", {
            [&[0xd6, 0xc3, 0xc4, 0, 1, 2][..], &window(3, 1, [1, 1, 0], b"\x00\x04")].concat()
        }),
        case("vcdiff-window-claim", "a window of nearly 2^62 bytes", {
            with(window(1 << 62, 0, [3, 1, 0], b"abc\x04"))
        }),
        case("vcdiff-copy-outside", "a copy from behind the segment", {
            with(window(4, 0, [0, 1, 2], &[&[20][..], &number(5000)].concat()))
        }),
        case("vcdiff-segment-outside", "a segment past the end of the base", {
            let fields: Vec<u8> = [number(4), vec![0], number(0), number(1), number(1)].concat();
            let len = number(fields.len() as u64 + 2);
            [&VCDIFF[..], &[1], &number(1 << 40), &number(1 << 40), &len, &fields, &[20, 0]].concat()
        }),
        case("vcdiff-target-overrun", "instructions for more than the window", {
            with(window(2, 0, [3, 1, 0], b"abc\x04"))
        }),
        case("vcdiff-target-short", "instructions for less than the window", {
            with(window(9, 0, [3, 1, 0], b"abc\x04"))
        }),
        case("vcdiff-sum", "a window with a wrong check value", with(checked)),
    ]
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// A patch of these streams, whose packing is sound.
fn patch(control: &[i64], difference: &[u8], extra: &[u8], target_size: i64) -> Vec<u8> {
    let number = |n: i64| (n.unsigned_abs() | if n < 0 { 1 << 63 } else { 0 }).to_le_bytes();
    let control: Vec<u8> = control.iter().flat_map(|&n| number(n)).collect();
    let [control, difference, extra] = [&control, difference, extra].map(packed);
    let lens = [control.len() as i64, difference.len() as i64, target_size].map(number).concat();
    [b"BSDIFF40", &lens[..], &control, &difference, &extra].concat()
}

fn bsdiff() -> Vec<Case> {
    let case = Case::delta;
    let good = patch(&[4, 2, 3], &[1; 4], b"ab", 6);
    let header = |at: usize, bytes: [u8; 8]| {
        let mut patch = good.clone();
        patch[at..at + 8].copy_from_slice(&bytes);
        patch
    };
    let minus = (9_u64 | 1 << 63).to_le_bytes();
    vec![
        case("bsdiff-control-negative", "a negative number of bytes to add (CVE-2014-9862)", {
            patch(&[-1, 7, 0], &[], &[1; 7], 6)
        }),
        case("bsdiff-new-negative", "a negative number of new bytes (CVE-2014-9862)", {
            patch(&[7, -1, 0], &[1; 7], &[], 6)
        }),
        case("bsdiff-sum-overflows", "numbers whose sum overflows (CVE-2020-14315)", {
            patch(&[4, i64::MAX, 0], &[1; 4], b"ab", 6)
        }),
        case(
            "bsdiff-seek-overflows",
            "a move past 63 bits",
            patch(&[1, 0, i64::MAX, 1, 0, 0], &[1; 2], b"", 3),
        ),
        case("bsdiff-too-many", "more bytes to add than the target has", patch(&[7, 0, 0], &[1; 7], b"", 6)),
        case(
            "bsdiff-nothing-for-ever",
            "operations that do nothing",
            patch(&[0, 0, 1].repeat(9), b"", b"", 3),
        ),
        case("bsdiff-control-len-negative", "a negative length of a stream", header(8, minus)),
        case("bsdiff-difference-len-huge", "a stream past the end of the patch", {
            header(16, (1_u64 << 62).to_le_bytes())
        }),
        case("bsdiff-target-negative", "a negative target size", header(24, minus)),
        case("bsdiff-target-huge", "a target of 2^62 bytes", header(24, (1_u64 << 62).to_le_bytes())),
        case("bsdiff-cut", "a patch that ends too early", good[..good.len() - 9].to_vec()),
        case("bsdiff-too-little", "fewer differences than the operations take", {
            patch(&[4, 2, 3], &[1; 2], b"ab", 6)
        }),
    ]
}
