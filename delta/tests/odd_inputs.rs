//! Images of odd sizes and contents, generators that are disturbed, outputs that fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use mender_delta::apply::file::{ApplyOptions, WriteTarget, apply_stream, read_header};
use mender_delta::error::Error;
use mender_delta::format::native::level::{Level, MEMORY};
use mender_delta::format::native::writer::Layout;
use mender_delta::generate::generate;
use mender_delta::options::GenerateOptions;
use mender_delta::progress::Phase;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

fn noise(len: usize, mut state: u64) -> Vec<u8> {
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24).to_le_bytes()[0]
    };
    std::iter::repeat_with(step).take(len).collect()
}

fn periodic(len: usize, period: usize) -> Vec<u8> {
    noise(period, 3 + period as u64).into_iter().cycle().take(len).collect()
}

/// Every `step`th byte another one.
fn changed(image: &[u8], step: usize) -> Vec<u8> {
    let mut out = image.to_vec();
    out.iter_mut().step_by(step).for_each(|byte| *byte ^= 0x55);
    out
}

/// For the least memory.
fn lean() -> Layout {
    Layout::within(Level::Default, *MEMORY.start()).unwrap()
}

fn delta(old: &[u8], new: &[u8], layout: Layout) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    generate(old, new, &GenerateOptions { threads: 2, layout, ..Default::default() }, &mut out).unwrap();
    out.into_inner()
}

fn applied(mut old: &[u8], mut delta: &[u8]) -> Vec<u8> {
    let header = read_header(&mut delta).unwrap();
    let mut out = Vec::new();
    let target = &mut WriteTarget(&mut out);
    apply_stream(&header, &mut delta, &mut old, target, &ApplyOptions::default()).unwrap();
    out
}

#[test]
fn odd_sizes() {
    let (image, other) = (noise(20_000, 1), noise(20_000, 2));
    let sizes = [0, 1, 31, 4095, 4096, 4097, 8192, 12_345];
    for layout in [Layout::default(), Layout::quick_to_apply(), lean()] {
        for old in sizes {
            for new in sizes {
                for new in [&image[..new], &other[..new], &changed(&image, 700)[..new]] {
                    let delta = delta(&image[..old], new, layout);
                    assert!(applied(&image[..old], &delta) == new, "{old} to {}", new.len());
                }
            }
        }
    }
}

#[test]
fn odd_contents() {
    let long = 300_000;
    let base = noise(long, 7);
    let reversed: Vec<u8> = base.iter().rev().copied().collect();
    let without_zero: Vec<u8> = base.iter().map(|&byte| byte.max(1)).collect();
    let pairs = [
        ("identical", base.clone(), base.clone()),
        ("reversed", base.clone(), reversed),
        ("all zero", vec![0; long], vec![0; long + 1]),
        ("from zero", vec![0; long], base.clone()),
        ("to zero", base.clone(), vec![0; long]),
        ("no zero", without_zero.clone(), changed(&without_zero, 4001)),
        ("much shorter", base.clone(), base[123_456..123_999].to_vec()),
        ("much longer", base[1000..1100].to_vec(), base.clone()),
        ("period 1", changed(&vec![1; long], 4001), changed(&vec![1; long], 4003)),
        ("period 3", periodic(long, 3), changed(&periodic(long + 1, 3), 4000)),
        ("period 4096", periodic(long, 4096), changed(&periodic(long - 5, 4096), 4096)),
        ("period 4097", periodic(long, 4097), changed(&periodic(long, 4097)[100..], 4096)),
    ];
    for (name, old, new) in &pairs {
        for layout in [Layout::default(), Layout::quick_to_apply(), lean()] {
            let start = Instant::now();
            assert!(&applied(old, &delta(old, new, layout)) == new, "{name}");
            // Seconds on a slow machine; minutes would be the square of the length.
            assert!(start.elapsed() < Duration::from_secs(60), "{name}: {:?}", start.elapsed());
        }
    }
}

#[test]
fn two_at_once_do_not_disturb_each_other() {
    let old = noise(400_000, 11);
    let new = changed(&old, 1234);
    let alone = delta(&old, &new, Layout::default());
    std::thread::scope(|scope| {
        let runs = [(); 3].map(|()| scope.spawn(|| delta(&old, &new, Layout::default())));
        for run in runs {
            assert!(run.join().unwrap() == alone);
        }
    });
}

#[test]
fn cancelled_in_any_phase() {
    let old = noise(400_000, 11);
    let new = changed(&old, 1234);
    for at in [Phase::Compare, Phase::Match, Phase::Pack] {
        let cancel = AtomicBool::new(false);
        let progress = |phase, _, _| {
            cancel.fetch_or(phase == at, Ordering::Relaxed);
        };
        let options =
            GenerateOptions { progress: Some(&progress), cancel: Some(&cancel), ..Default::default() };
        let result = generate(&old, &new, &options, &mut Cursor::new(Vec::new()));
        assert!(matches!(result, Err(Error::Cancelled)), "{at:?}: {result:?}");
    }
}

/// An output that fails once `left` bytes went through, in either direction.
struct Failing {
    inner: Cursor<Vec<u8>>,
    left: AtomicU64,
}

impl Failing {
    fn spend(&self, len: usize) -> std::io::Result<()> {
        let enough = |left: u64| left.checked_sub(len as u64);
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enough);
        taken.map(drop).map_err(|_| std::io::ErrorKind::StorageFull.into())
    }
}

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.spend(len).map(|()| len)
    }
}

impl Write for Failing {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.spend(buffer.len())?;
        self.inner.write(buffer)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl Seek for Failing {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}

#[test]
fn an_output_that_fails_anywhere_is_told() {
    let old = noise(60_000, 11);
    let new = [changed(&old, 1234), noise(10_000, 5)].concat();
    let options = GenerateOptions { threads: 1, ..Default::default() };
    let failing = |left| Failing { inner: Cursor::default(), left: AtomicU64::new(left) };
    let mut whole = failing(u64::MAX);
    let len = generate(&old, &new, &options, &mut whole).unwrap().delta_len;
    let used = u64::MAX - whole.left.into_inner();
    assert!(used > len, "{used} bytes went through for {len}");
    for left in (0..used).step_by(901).chain([used - 1]) {
        let error = generate(&old, &new, &options, &mut failing(left)).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{left}: {error}");
    }
    generate(&old, &new, &options, &mut failing(used)).unwrap();
}

/// Reads and writes a few bytes at a time; writing is interrupted in between.
struct Interrupted(Cursor<Vec<u8>>, u64);

impl Interrupted {
    const PIECE: usize = 1000;
}

impl Read for Interrupted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = buffer.len().min(Self::PIECE);
        self.0.read(&mut buffer[..len])
    }
}

impl Write for Interrupted {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.1 += 1;
        if self.1 % 3 == 0 {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        self.0.write(&buffer[..buffer.len().min(Self::PIECE)])
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Seek for Interrupted {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn short_reads_and_interrupted_writes_are_no_errors() {
    let old = noise(60_000, 11);
    let new = [changed(&old, 1234), noise(10_000, 5)].concat();
    let mut out = Interrupted(Cursor::default(), 0);
    generate(&old, &new, &GenerateOptions::default(), &mut out).unwrap();
    assert!(applied(&old, out.0.get_ref()) == new);
}

#[test]
fn layouts_that_make_no_sense_are_refused() {
    let old = noise(60_000, 11);
    let new = [changed(&old, 1234), noise(10_000, 5)].concat();
    let good = Layout::default();
    let layouts = [
        Layout { io_block: 0, ..good },
        Layout { io_block: 511, ..good },
        Layout { io_block: (1 << 20) + 1, ..good },
        Layout { window_room: 0, ..good },
        Layout { window_room: 32, ..good },
        Layout { window_room: u32::MAX, ..good },
        Layout { history: [0; 3], ..good },
        Layout { history: [u32::MAX; 3], ..good },
        Layout { history: [1 << 20, (1 << 20) - 1, 1 << 20], ..Layout::quick_to_apply() },
    ];
    for layout in layouts {
        let options = GenerateOptions { layout, ..Default::default() };
        let result = generate(&old, &new, &options, &mut Cursor::new(Vec::new()));
        assert!(matches!(result, Err(Error::Usage(_))), "{layout:?}: {result:?}");
    }
}
