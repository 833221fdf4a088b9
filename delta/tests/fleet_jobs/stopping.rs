//! Work that is cancelled begins nothing new, in every phase: what makes cancelling soon is held here, how soon it is
//! depends on the machine.

use super::artifacts::image;
use mender_delta::error::Error;
use mender_delta::format::native::writer::Layout;
use mender_delta::generate::generate;
use mender_delta::options::GenerateOptions;
use mender_delta::progress::Phase;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// What is written, and how often after the work was cancelled.
struct Output<'o> {
    kept: Cursor<Vec<u8>>,
    cancel: &'o AtomicBool,
    late: &'o AtomicUsize,
    /// Set by going back to the header: all else is written.
    is_written: &'o AtomicBool,
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
        let before = self.kept.position();
        let now = self.kept.seek(to)?;
        self.is_written.fetch_or(now < before, Ordering::SeqCst);
        Ok(now)
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

/// How the making of a delta ended, what was told in all, and what was told and written after it was cancelled.
struct End {
    made: Result<(), Error>,
    told: Told,
    after: usize,
    late: usize,
}

/// Makes a delta that is cancelled as a phase tells for the nth time that it begins something.
///
/// The proof goes beside the writing, and tells how far it is when all is written. Here it waits for that behind the 8 MiB of
/// the image after which it has memory given back, so that there is something left to be told.
fn cancelled_at(images: &[Vec<u8>; 2], threads: usize, at: Option<(&str, usize)>) -> End {
    let (cancel, late, is_written) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicBool::new(false));
    let (told, after) = (Mutex::new(Told::new()), AtomicUsize::new(0));
    let (makers, is_packing) = (Mutex::new(HashSet::<ThreadId>::new()), AtomicBool::new(false));
    let progress = |phase: Phase, _: u64, _: u64| {
        if !matches!(phase, Phase::Prove) {
            makers.lock().unwrap().insert(thread::current().id());
            is_packing.fetch_or(matches!(phase, Phase::Pack), Ordering::SeqCst);
        }
        after.fetch_add(usize::from(cancel.load(Ordering::SeqCst)), Ordering::SeqCst);
        let mut told = told.lock().unwrap();
        let count = told.entry(name(phase)).or_default();
        *count += 1;
        if at == Some((name(phase), *count)) {
            cancel.store(true, Ordering::SeqCst);
        }
    };
    let relieve = || {
        let is_maker = makers.lock().unwrap().contains(&thread::current().id());
        if is_maker || !is_packing.load(Ordering::SeqCst) {
            return;
        }
        let begin = Instant::now();
        while !is_written.load(Ordering::SeqCst)
            && !cancel.load(Ordering::SeqCst)
            && begin.elapsed() < Duration::from_secs(20)
        {
            thread::sleep(Duration::from_millis(1));
        }
        // From the header to the word that it is written.
        thread::sleep(Duration::from_millis(100));
    };
    let options = GenerateOptions {
        threads,
        layout: Layout { operations: OPERATIONS, ..Layout::default() },
        progress: Some(&progress),
        relieve: Some(&relieve),
        cancel: Some(&cancel),
        ..GenerateOptions::default()
    };
    let mut output =
        Output { kept: Cursor::new(Vec::new()), cancel: &cancel, late: &late, is_written: &is_written };
    let made = generate(&images[0], &images[1], &options, &mut output).map(drop);
    End { made, told: told.into_inner().unwrap(), after: after.into_inner(), late: late.into_inner() }
}

/// Operations of a window: two for each place where the images differ.
const OPERATIONS: u32 = 8;

#[test]
fn after_a_cancellation_nothing_new_is_begun_in_any_phase() {
    let old = image(1, 10 << 20);
    let mut new = old.clone();
    // Windows of half a MiB: four of them lie behind the first 8 MiB.
    for at in (60_000..new.len()).step_by(128 << 10) {
        new[at] = new[at].wrapping_add(1);
    }
    let images = [old, new];
    for threads in [1, 2] {
        let whole = cancelled_at(&images, threads, None);
        whole.made.unwrap();
        for phase in ["compare", "match", "pack", "prove"] {
            let times = whole.told.get(phase).copied().unwrap_or(0);
            // Of the proof as much is told as is left when all is written.
            let middle = if phase == "prove" { 2 } else { times.div_ceil(2) };
            for nth in [1, middle] {
                let End { made, after, late, .. } = stopped_at(&images, threads, phase, nth);
                assert!(matches!(made, Err(Error::Cancelled)), "{phase} {nth} of {:?}: {made:?}", whole.told);
                // Who was between looking and telling: other threads of the pool, the one that proves, the one that writes.
                assert!(after <= threads + 1, "{phase} {nth}, {threads} threads: told {after} times");
                // At most what had been packed already.
                assert!(late <= 2 * (threads + 1), "{phase} {nth}, {threads} threads: {late} writes");
            }
        }
    }
}

/// Makes a delta that is cancelled while there is something to be cancelled: behind the last that is told there is not. How
/// much that is of the proof differs from run to run.
fn stopped_at(images: &[Vec<u8>; 2], threads: usize, phase: &str, nth: usize) -> End {
    let mut tries = 0;
    loop {
        let end = cancelled_at(images, threads, Some((phase, nth)));
        let is_too_late = end.made.is_ok() && end.told.get(phase).copied().unwrap_or(0) <= nth;
        tries += 1;
        if !is_too_late || tries == 10 {
            return end;
        }
    }
}
