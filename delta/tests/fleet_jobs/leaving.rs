//! Cancelling, deadlines, and engines that go: by being dropped, or killed.

use super::artifacts::{Folder, artifact, image, spec, tenant};
use super::outcome::{LONG, done, output, plainly};
use super::reasons::failure;
use mender_delta::fleet::job::engine::Engine;
use mender_delta::fleet::job::input::Inputs;
use mender_delta::fleet::job::options::EngineOptions;
use mender_delta::fleet::job::state::State;
use mender_delta::fleet::reason::Reason;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Artifacts that keep an engine busy for some seconds: nothing in one image is in the other as it is.
pub(crate) fn slow_pair(folder: &Folder) -> (PathBuf, PathBuf) {
    let old = image(1, 6 << 20);
    let mut new = old.clone();
    for at in (0..new.len()).step_by(61) {
        new[at] = new[at].wrapping_add(1);
    }
    let put = |name: &str, image: &[u8]| folder.put(name, &artifact(name, image, |_| {}));
    (put("slow1", &old), put("slow2", &new))
}

/// How long a worker goes on after its job was cancelled in each state.
#[test]
fn cancelled_work_ends_soon_wherever_it_is() {
    let folder = Folder::new();
    let (from, to) = slow_pair(&folder);
    let engine = Engine::new(EngineOptions { workers: 1, ..folder.options() }).unwrap();
    let mut longest = Duration::ZERO;
    let states = [State::Spooling, State::Planning, State::Diffing, State::Compressing, State::Compressing];
    for (nth, state) in states.into_iter().enumerate() {
        let job = engine.submit(spec("a"), Inputs::paths(&from, &to)).unwrap();
        while job.progress().state != state && !job.progress().state.is_final() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(30 * nth as u64));
        let since = Instant::now();
        job.cancel();
        assert!(since.elapsed() < Duration::from_secs(1));
        assert_eq!(job.progress().state, State::Cancelled);
        while engine.in_use() != (0, 0) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let took = since.elapsed();
        println!("{} in state {}: given back after {took:?}", nth, state.code());
        longest = longest.max(took);
    }
    // 100 ms on an idle machine but for sorting a large file; this one may be busy.
    assert!(longest < Duration::from_secs(10), "{longest:?}");
}

#[test]
fn deadlines_hold_while_work_is_done() {
    let folder = Folder::new();
    let (from, to) = slow_pair(&folder);
    let engine = Engine::new(EngineOptions { workers: 1, ..folder.options() }).unwrap();
    let submit = |seconds: u32| {
        let mut spec = spec("a");
        spec.limits.deadline_seconds = seconds;
        engine.submit(spec, Inputs::paths(&from, &to)).unwrap()
    };
    // The second waits for the only worker.
    let (first, second) = (submit(1), submit(1));
    let since = Instant::now();
    assert_eq!(failure(&first).reason, Reason::LimitTime);
    assert_eq!(failure(&second).reason, Reason::LimitTime);
    assert!(since.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_engine_that_is_dropped_while_it_works_says_so_and_the_next_one_goes_on() {
    let folder = Folder::new();
    let (from, to) = slow_pair(&folder);
    let (quick_from, quick_to) = (folder.artifact(1), folder.artifact(2));
    let engine = Engine::new(EngineOptions { workers: 1, ..folder.options() }).unwrap();
    let busy = engine.submit(spec("a"), Inputs::paths(&from, &to)).unwrap();
    let waiting = engine.submit(spec("a"), Inputs::paths(&quick_from, &quick_to)).unwrap();
    let pushed = engine.submit(spec("b"), Inputs::pushed()).unwrap();
    let finished = engine.submit(spec("b"), Inputs::paths(&quick_from, &quick_from)).unwrap();
    finished.cancel();
    while busy.progress().state == State::Queued {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(engine);
    for job in [&busy, &waiting, &pushed] {
        assert_eq!(failure(job).reason, Reason::Interrupted);
    }
    let engine = folder.engine();
    assert_eq!(engine.tenants_with_unfinished(), [tenant("a"), tenant("b")]);
    let of_a: Vec<_> = engine.unfinished(&tenant("a")).into_iter().map(|job| job.id).collect();
    assert!(of_a.len() == 2 && of_a.contains(busy.id()) && of_a.contains(waiting.id()));
    let again = engine.take_up(&tenant("a"), waiting.id(), None).unwrap();
    assert_eq!(again.id(), waiting.id());
    done(&again);
    assert!(output(&again) == plainly(&quick_from, &quick_to));
    // What was pushed has to be pushed again.
    assert_eq!(engine.take_up(&tenant("b"), pushed.id(), None).unwrap_err().reason, Reason::BadRequest);
    engine.forget(&tenant("b"), pushed.id()).unwrap();
    engine.forget(&tenant("a"), busy.id()).unwrap();
    drop(engine);
    assert_eq!(folder.engine().tenants_with_unfinished(), []);
}

/// Other inputs were written down before it was refused.
#[test]
fn a_job_that_is_refused_as_it_is_taken_up_keeps_the_files_that_it_had() {
    let folder = Folder::new();
    let (slow_from, slow_to) = slow_pair(&folder);
    let engine = Engine::new(EngineOptions { workers: 1, ..folder.options() }).unwrap();
    let job = engine.submit(spec("a"), Inputs::paths(&slow_from, &slow_to)).unwrap();
    drop(engine);
    let engine = folder.engine();
    let before = engine.unfinished(&tenant("a"));
    assert_eq!(before[0].paths, Some([slow_from, slow_to]));
    engine.interrupt();
    let refused = engine.take_up(&tenant("a"), job.id(), Some(Inputs::pushed())).unwrap_err();
    assert_eq!(refused.reason, Reason::Interrupted);
    assert_eq!(engine.unfinished(&tenant("a")), before);
    drop(engine);
    assert_eq!(folder.engine().unfinished(&tenant("a")), before);
}

/// Not a test by itself: the process that the next one kills.
#[test]
#[ignore = "run by another test"]
fn works_until_it_is_killed() {
    let Some(work) = std::env::var_os("FLEET_JOBS_TEST_FOLDER").map(PathBuf::from) else { return };
    let engine = Engine::new(EngineOptions { workers: 1, ..EngineOptions::new(work.join("work")) }).unwrap();
    let job = engine.submit(spec("a"), Inputs::paths(work.join("slow1"), work.join("slow2"))).unwrap();
    let _waiting = engine.submit(spec("b"), Inputs::paths(work.join("slow1"), work.join("slow2"))).unwrap();
    while job.progress().state != State::Compressing {
        std::thread::sleep(Duration::from_millis(1));
    }
    fs::write(work.join("ready"), b"").unwrap();
    let _ = job.wait(LONG);
    std::thread::sleep(LONG);
}

#[test]
fn what_a_killed_engine_had_accepted_is_taken_up_again() {
    let folder = Folder::new();
    let _ = slow_pair(&folder);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "leaving::works_until_it_is_killed"])
        .env("FLEET_JOBS_TEST_FOLDER", folder.path(""))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let since = Instant::now();
    while !folder.path("ready").exists() {
        assert!(since.elapsed() < LONG && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What is left of a file system without nameless files, or of an entry that was not complete.
    fs::write(folder.path("work/a/spool/left"), b"x").unwrap();
    fs::write(folder.path("work/a/journal/.mender-artifact-x.part"), b"{").unwrap();
    let engine = folder.engine();
    assert!(!folder.path("work/a/spool/left").exists());
    assert_eq!(fs::read_dir(folder.path("work/a/journal")).unwrap().count(), 1);
    let mut bytes = Vec::new();
    for name in ["a", "b"] {
        let [job] = &engine.unfinished(&tenant(name))[..] else { panic!("not one job of {name}") };
        let job = engine.take_up(&tenant(name), &job.id, None).unwrap();
        done(&job);
        bytes.push(output(&job));
    }
    assert!(bytes[0] == bytes[1] && bytes[0] == plainly(&folder.path("slow1"), &folder.path("slow2")));
    assert_eq!(engine.tenants_with_unfinished(), []);
    assert_eq!(fs::read_dir(folder.path("work/a/journal")).unwrap().count(), 0);
}
