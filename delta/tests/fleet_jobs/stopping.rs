//! Work that is cancelled begins nothing new, in every phase: what makes cancelling soon is held here, how soon it is
//! depends on the machine.

use super::artifacts::image;
use mender_delta::error::Error;
use mender_delta::generate::generate;
use mender_delta::options::GenerateOptions;
use mender_delta::progress::Phase;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What is written, and how often after the work was cancelled.
struct Output<'o> {
    kept: Cursor<Vec<u8>>,
    cancel: &'o AtomicBool,
    late: &'o AtomicUsize,
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.late.fetch_add(usize::from(self.cancel.load(Ordering::SeqCst)), Ordering::SeqCst);
        self.kept.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.kept.flush()
    }
}

impl Seek for Output<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.kept.seek(to)
    }
}

/// How often each phase tells how far it is.
type Told = BTreeMap<&'static str, usize>;

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Compare => "compare",
        Phase::Match => "match",
        Phase::Pack => "pack",
        Phase::Prove => "prove",
        _ => "other",
    }
}

/// Makes a delta that is cancelled as a phase tells for the nth time that it begins something; what was told in all, and what
/// was told and written after that.
fn cancelled_at(images: &[Vec<u8>; 2], threads: usize, at: Option<(&str, usize)>) -> (Told, usize, usize) {
    let (cancel, late) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (told, after) = (Mutex::new(Told::new()), AtomicUsize::new(0));
    let progress = |phase: Phase, _: u64, _: u64| {
        after.fetch_add(usize::from(cancel.load(Ordering::SeqCst)), Ordering::SeqCst);
        let mut told = told.lock().unwrap();
        let count = told.entry(name(phase)).or_default();
        *count += 1;
        if at == Some((name(phase), *count)) {
            cancel.store(true, Ordering::SeqCst);
        }
    };
    let options = GenerateOptions {
        threads,
        progress: Some(&progress),
        cancel: Some(&cancel),
        ..GenerateOptions::default()
    };
    let mut output = Output { kept: Cursor::new(Vec::new()), cancel: &cancel, late: &late };
    let made = generate(&images[0], &images[1], &options, &mut output);
    match at {
        None => drop(made.unwrap()),
        Some(at) => assert!(matches!(made, Err(Error::Cancelled)), "{at:?}: {:?}", made.err()),
    }
    (told.into_inner().unwrap(), after.into_inner(), late.into_inner())
}

#[test]
fn after_a_cancellation_nothing_new_is_begun_in_any_phase() {
    let old = image(1, 5 << 20);
    let mut new = old.clone();
    for at in (0..new.len()).step_by(6007) {
        new[at] = new[at].wrapping_add(1);
    }
    let images = [old, new];
    for threads in [1, 2] {
        let (told, _, _) = cancelled_at(&images, threads, None);
        for phase in ["compare", "match", "pack", "prove"] {
            let times = told.get(phase).copied().unwrap_or(0);
            assert!(times > 0, "{phase}: {told:?}");
            for nth in [1, times.div_ceil(2)] {
                let (_, after, late) = cancelled_at(&images, threads, Some((phase, nth)));
                // Who was between looking and telling: other threads of the pool, the one that proves, the one that writes.
                assert!(after <= threads + 1, "{phase} {nth}, {threads} threads: told {after} times");
                // At most what had been packed already.
                assert!(late <= 2 * (threads + 1), "{phase} {nth}, {threads} threads: {late} writes");
            }
        }
    }
}
