//! Equal jobs share their work; what only repeats itself is not done again; tenants share nothing.

use super::artifacts::{Folder, sha256, spec, tenant};
use super::leaving::slow_pair;
use super::outcome::{LONG, done, output, push};
use super::reasons::failure;
use mender_delta::fleet::clock::Clock;
use mender_delta::fleet::job::engine::Engine;
use mender_delta::fleet::job::failure::Side;
use mender_delta::fleet::job::input::Inputs;
use mender_delta::fleet::job::options::EngineOptions;
use mender_delta::fleet::job::report::Origin;
use mender_delta::fleet::job::spec::JobSpec;
use mender_delta::fleet::job::state::State;
use mender_delta::fleet::reason::Reason;
use mender_delta::fleet::store::Store;
use mender_delta::fleet::store::options::StoreOptions;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A job that says which Artifacts it is about.
fn named(name: &str, from: &Path, to: &Path) -> JobSpec {
    let mut spec = spec(name);
    spec.from_sha256 = Some(sha256(&fs::read(from).unwrap()));
    spec.to_sha256 = Some(sha256(&fs::read(to).unwrap()));
    spec
}

#[test]
fn equal_jobs_are_one_piece_of_work_and_each_is_cancelled_by_itself() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    // Nothing of them is worked on before all have asked: the only worker is at something slow.
    let engine = Engine::new(EngineOptions { workers: 1, ..folder.options() }).unwrap();
    let (old, new) = slow_pair(&folder);
    let slow = engine.submit(spec("b"), Inputs::paths(&old, &new)).unwrap();
    while slow.progress().state == State::Queued {
        std::thread::sleep(Duration::from_millis(1));
    }
    let jobs: Vec<_> =
        (0..8).map(|_| engine.submit(named("a", &from, &to), Inputs::paths(&from, &to)).unwrap()).collect();
    slow.cancel();
    jobs[0].cancel();
    jobs[5].cancel();
    let mut origins = Vec::new();
    for (nth, job) in jobs.iter().enumerate() {
        if nth == 0 || nth == 5 {
            let state = job.wait(LONG).state;
            assert!(state == State::Cancelled || state == State::Done, "{state:?}");
            continue;
        }
        done(job);
        origins.push(job.report().origin.unwrap());
    }
    assert!(origins.iter().all(|&origin| origin == Origin::Joined), "{origins:?}");
    let first = output(&jobs[1]);
    assert!(!first.is_empty() && jobs[2..5].iter().all(|job| output(job) == first));
}

#[test]
fn the_second_has_inputs_of_its_own_when_the_first_ones_are_bad() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let engine = Engine::new(EngineOptions { workers: 1, ..folder.options() }).unwrap();
    let gone = folder.path("gone");
    let first = engine.submit(named("a", &from, &to), Inputs::paths(&gone, &to)).unwrap();
    let other = engine.submit(named("a", &from, &to), Inputs::paths(&to, &from)).unwrap();
    let good = engine.submit(named("a", &from, &to), Inputs::paths(&from, &to)).unwrap();
    assert_eq!(failure(&first).reason, Reason::InputIo);
    assert_eq!(failure(&other).reason, Reason::Checksum);
    done(&good);
    // A wrong claim has not become what is remembered of the key.
    done(&engine.submit(named("a", &from, &to), Inputs::paths(&from, &to)).unwrap());
}

/// A clock that is set.
struct Set(AtomicI64);

impl Clock for Set {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn failures_that_last_are_remembered_until_the_clock_says_otherwise() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let clock = Arc::new(Set(AtomicI64::new(1_000_000)));
    let failure_lifetime = Duration::from_secs(1000);
    let of_engine = Arc::clone(&clock) as Arc<dyn Clock>;
    let options = EngineOptions { clock: of_engine, failure_lifetime, ..folder.options() };
    let engine = Engine::new(options).unwrap();
    let ask = |name: &str| {
        let mut spec = named(name, &from, &to);
        spec.limits.min_saving_permille = 999;
        let job = engine.submit(spec, Inputs::paths(&from, &to)).unwrap();
        assert_eq!(failure(&job).reason, Reason::NoGain);
        job.report().origin.unwrap()
    };
    assert_eq!(ask("a"), Origin::Made);
    assert_eq!(ask("a"), Origin::Remembered);
    assert_eq!(ask("b"), Origin::Made);
    // Wherever the clock jumps: before the failure, or after it expired.
    clock.0.store(-5_000_000, Ordering::SeqCst);
    assert_eq!(ask("a"), Origin::Made);
    clock.0.store(2_000_000, Ordering::SeqCst);
    assert_eq!(ask("a"), Origin::Made);
    assert_eq!(ask("a"), Origin::Remembered);
}

#[test]
fn results_are_published_once_and_found_again() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let place = folder.path("store");
    let open = || {
        let store = Store::open(place.to_str().unwrap(), &StoreOptions::default()).unwrap();
        let engine = Engine::new(EngineOptions { store: Some(store.clone()), ..folder.options() }).unwrap();
        (engine, store)
    };
    let (engine, store) = open();
    let made = engine.submit(spec("a"), Inputs::paths(&from, &to)).unwrap();
    done(&made);
    let (expected, key) = (output(&made), made.report().key.unwrap());
    assert_eq!(
        (made.report().origin, made.report().mender_status.as_str()),
        (Some(Origin::Made), "artifact_uploaded")
    );
    assert_eq!(store.find(&tenant("a"), &key).unwrap().unwrap().object.sha256, sha256(&expected));
    assert_eq!(store.find(&tenant("b"), &key).unwrap(), None);
    let mut hopeless = named("a", &from, &to);
    hopeless.limits.min_saving_permille = 999;
    assert_eq!(
        failure(&engine.submit(hopeless.clone(), Inputs::paths(&from, &to)).unwrap()).reason,
        Reason::NoGain
    );
    drop((made, engine));

    // Another engine, which remembers nothing by itself, and to which nothing has to be pushed.
    let (engine, _) = open();
    let found = engine.submit(named("a", &from, &to), Inputs::pushed()).unwrap();
    done(&found);
    assert_eq!(found.report().origin, Some(Origin::Stored));
    found.feed(Side::From, b"not looked at").unwrap();
    assert!(output(&found) == expected);
    let found = engine.submit(spec("a"), Inputs::paths(&from, &to)).unwrap();
    done(&found);
    assert_eq!(found.report().origin, Some(Origin::Stored));
    let failed = engine.submit(hopeless, Inputs::paths(&from, &to)).unwrap();
    assert_eq!(failure(&failed).reason, Reason::NoGain);
    assert_eq!(failed.report().origin, Some(Origin::Remembered));
}

#[test]
fn tenants_share_nothing() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let place = folder.path("store");
    let store = Store::open(place.to_str().unwrap(), &StoreOptions::default()).unwrap();
    let engine = Engine::new(EngineOptions { store: Some(store.clone()), ..folder.options() }).unwrap();
    let (a, b) = (tenant("a"), tenant("b"));
    let of_a = engine.submit(named("a", &from, &to), Inputs::paths(&from, &to)).unwrap();
    done(&of_a);
    let of_b = engine.submit(named("b", &from, &to), Inputs::pushed()).unwrap();
    // Nothing of a's is taken for b: not before its own Artifacts came, nor after.
    assert_eq!(of_b.wait(Duration::from_millis(200)).state, State::Spooling);
    push(&of_b, Side::From, &fs::read(&from).unwrap());
    push(&of_b, Side::To, &fs::read(&to).unwrap());
    done(&of_b);
    let (of_a_report, of_b_report) = (of_a.report(), of_b.report());
    assert_eq!((of_a_report.origin, of_b_report.origin), (Some(Origin::Made), Some(Origin::Made)));
    assert_ne!(of_a_report.key, of_b_report.key);
    assert!(output(&of_a) == output(&of_b));

    // No name of one leads anywhere with the other's.
    for (mine, other, job) in [(&a, &b, &of_a), (&b, &a, &of_b)] {
        assert_eq!(engine.jobs(mine), [job.id().clone()]);
        assert!(engine.job(mine, job.id()).is_ok());
        assert_eq!(engine.job(other, job.id()).unwrap_err().reason, Reason::UnknownJob);
        assert_eq!(engine.take_up(other, job.id(), None).unwrap_err().reason, Reason::UnknownJob);
        assert_eq!(engine.forget(other, job.id()).unwrap_err().reason, Reason::UnknownJob);
        let key = job.report().key.unwrap();
        assert!(store.find(mine, &key).unwrap().is_some());
        assert_eq!(store.find(other, &key).unwrap(), None);
    }
    // Even the same key would be another one's.
    assert_eq!(store.failure(&b, &of_a_report.key.unwrap(), 0).unwrap(), None);
    check_folders(&folder.path("work"));
}

/// Folders of tenants are closed to others, and no file in a spool folder has a name.
#[cfg(unix)]
fn check_folders(work: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for name in ["a", "b"] {
        for folder in [work.join(name), work.join(name).join("spool"), work.join(name).join("journal")] {
            let mode = fs::metadata(&folder).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
        }
        assert_eq!(fs::read_dir(work.join(name).join("spool")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(work.join(name).join("journal")).unwrap().count(), 0);
    }
}

#[cfg(not(unix))]
fn check_folders(_: &Path) {}
