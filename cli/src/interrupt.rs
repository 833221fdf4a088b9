//! What a signal that ends the process must not leave behind: unfinished files, a terminal without echo.
//!
//! Outputs get their names only when they are complete, so the process may end anywhere. It ends at the first signal,
//! whatever it is waiting for, and undoes what is pending on the way.

use std::path::Path;
#[cfg(unix)]
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
#[cfg(unix)]
use std::{sync::TryLockError, time::Duration};

type Undo = Box<dyn FnOnce() + Send>;

struct Pending {
    last_id: u64,
    undos: Vec<(u64, Undo)>,
}

static PENDING: Mutex<Pending> = Mutex::new(Pending { last_id: 0, undos: Vec::new() });

/// Something to be undone if a signal ends the process. Dropped, it is no longer pending.
#[must_use]
pub(crate) struct Guard(u64);

/// Has `undo` run if a signal ends the process before the guard is dropped.
pub(crate) fn undo_with(undo: impl FnOnce() + Send + 'static) -> Guard {
    locked().add(Box::new(undo))
}

/// Makes something with a file that has to be removed if a signal ends the process before the guard is dropped. No
/// signal comes in between. `path` says where the file is, if there is one. Another file that has its
/// name by then stays.
pub(crate) fn make_file<T, E>(
    make: impl FnOnce() -> Result<T, E>,
    path: impl FnOnce(&T) -> Option<&Path>,
) -> Result<(T, Option<Guard>), E> {
    let mut pending = locked();
    let made = make()?;
    let guard = path(&made).map(|path| {
        let (path, made) = (path.to_path_buf(), identity(path));
        pending.add(Box::new(move || {
            if identity(&path) == made {
                let _ = std::fs::remove_file(path);
            }
        }))
    });
    Ok((made, guard))
}

/// Device and inode of what has this name; nothing where there are no such numbers.
fn identity(path: &Path) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::symlink_metadata(path).ok().map(|about| (about.dev(), about.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// Something that is under way and must not be left half-way.
static UNDER_WAY: Mutex<()> = Mutex::new(());

/// Does something to its end before a signal ends the process.
pub(crate) fn uninterrupted<T>(work: impl FnOnce() -> T) -> T {
    let _under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
    work()
}

fn locked() -> MutexGuard<'static, Pending> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pending {
    fn add(&mut self, undo: Undo) -> Guard {
        self.last_id += 1;
        self.undos.push((self.last_id, undo));
        Guard(self.last_id)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        locked().undos.retain(|(id, _)| *id != self.0);
    }
}

/// From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT end the process as described above, and a file that would grow past
/// the limit of the process is an error of the write instead of SIGXFSZ, which ends it anywhere. Those that whoever started the process
/// has it ignore stay ignored.
#[cfg(unix)]
pub(crate) fn watch() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
    let ignored = ignored_signals();
    let watched =
        [SIGINT, SIGTERM, SIGHUP, SIGQUIT].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    // Nobody looks at the flag: that the signal is handled is enough.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    // Without a thread that looks, signals do what they always do: the process ends, its unfinished output stays. They
    // are caught once there is one.
    let (catch, caught) = std::sync::mpsc::sync_channel(1);
    let watching = std::thread::Builder::new().spawn(move || {
        let signals: Option<signal_hook::iterator::Signals> = caught.recv().ok();
        if let Some(signal) = signals.and_then(|mut signals| signals.forever().next()) {
            let _nothing_under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
            // Kept until the end: what is pending now is all there is to undo.
            let mut pending = patiently_locked();
            for (_, undo) in pending.iter_mut().flat_map(|pending| pending.undos.drain(..).rev()) {
                undo();
            }
            std::process::exit(crate::exit_code::of_signal(signal));
        }
    });
    if let (Ok(_), Ok(signals)) = (watching, signal_hook::iterator::Signals::new(watched)) {
        // It waits for them.
        let _ = catch.send(signals);
    }
}

/// Whoever opens a pipe that nobody reads holds it for ever; then there is no file yet.
#[cfg(unix)]
fn patiently_locked() -> Option<MutexGuard<'static, Pending>> {
    for _ in 0..100 {
        match PENDING.try_lock() {
            Ok(pending) => return Some(pending),
            Err(TryLockError::Poisoned(pending)) => return Some(pending.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    None
}

/// Nothing is watched where there are no such signals.
#[cfg(not(unix))]
pub(crate) fn watch() {}

/// The signals that the process was started to ignore, bit 0 for signal 1; none where the system does not tell.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_guard_is_no_longer_pending() {
        let (first, second) = (undo_with(|| {}), undo_with(|| {}));
        let id = first.0;
        drop(first);
        let ids = |pending: &Pending| pending.undos.iter().map(|(id, _)| *id).collect::<Vec<_>>();
        let pending = ids(&PENDING.lock().unwrap());
        assert!(!pending.contains(&id) && pending.contains(&second.0), "{pending:?}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_file_that_was_made_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (folder.path().join("a"), folder.path().join("b"));
        let undo = || {
            let made = make_file(|| std::fs::write(&path, "made").map(|()| path.clone()), |path| Some(path));
            let guard = made.unwrap().1;
            let id = guard.as_ref().unwrap().0;
            let mut pending = locked();
            let at = pending.undos.iter().position(|(of, _)| *of == id).unwrap();
            pending.undos.remove(at).1
        };
        undo()();
        assert!(!path.exists());
        let after = undo();
        std::fs::rename(&path, &elsewhere).unwrap();
        std::fs::write(&path, "of another").unwrap();
        after();
        assert!(path.exists() && elsewhere.exists());
    }
}
