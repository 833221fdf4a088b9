//! An engine among others, over a store that fills up or goes away while it works, and fed with all that is bad.

use super::artifacts::{Folder, artifact, image, spec, tenant};
use super::machine::Small;
use super::outcome::{LONG, done, output, plainly};
use super::reasons::failure;
use mender_delta::fleet::job::engine::Engine;
use mender_delta::fleet::job::failure::Side;
use mender_delta::fleet::job::input::{Input, Inputs};
use mender_delta::fleet::job::options::EngineOptions;
use mender_delta::fleet::job::state::State;
use mender_delta::fleet::reason::Reason;
use mender_delta::fleet::store::Store;
use mender_delta::fleet::store::gc::GcOptions;
use mender_delta::fleet::store::options::StoreOptions;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

fn open(place: &Path) -> Store {
    let options = StoreOptions { timeout: Duration::from_secs(2), ..StoreOptions::default() };
    Store::open(place.to_str().unwrap(), &options).unwrap()
}

fn engine(folder: &Folder, work: &str, store: &Path) -> Engine {
    let work_folder = folder.path(work);
    Engine::new(EngineOptions { store: Some(open(store)), work_folder, ..folder.options() }).unwrap()
}

/// Everything below a folder that is a file.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(inside) = fs::read_dir(folder) else { return Vec::new() };
    let paths = inside.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn two_engines_on_one_store_publish_each_result_once_whoever_collects_beside_them() {
    let folder = Folder::new();
    let versions: Vec<PathBuf> = (1..=5).map(|seed| folder.artifact(seed)).collect();
    let place = folder.path("store");
    let engines = [engine(&folder, "work1", &place), engine(&folder, "work2", &place)];
    let store = open(&place);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // No pause between passes; the grace is that of publishing.
        let collects = scope.spawn(|| {
            let mut passes = 0;
            while !is_over.load(Ordering::Relaxed) {
                let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
                store.gc(&tenant("a"), &GcOptions::at(i64::try_from(now).unwrap())).unwrap();
                passes += 1;
            }
            passes
        });
        let to = &versions[4];
        let jobs: Vec<_> = versions[..4]
            .iter()
            .flat_map(|from| {
                engines
                    .each_ref()
                    .map(|engine| (from, engine.submit(spec("a"), Inputs::paths(from, to)).unwrap()))
            })
            .collect();
        for (from, job) in &jobs {
            done(job);
            assert!(output(job) == plainly(from, to));
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(collects.join().unwrap() > 0);
    });
    let kept = store.list(&tenant("a")).unwrap();
    assert_eq!(kept.len(), 4);
    for entry in &kept {
        assert_eq!(store.find(&tenant("a"), &entry.key).unwrap().as_ref(), Some(&entry.record));
    }
    // Objects and their records, and nothing that is not finished.
    assert_eq!(files(&place).len(), 8, "{:?}", files(&place));
}

#[test]
fn a_store_that_is_full_has_nothing_half_and_takes_it_when_there_is_room() {
    let folder = Folder::new();
    let place = folder.path("small");
    let Some(_small) = Small::mount(&place, 256 << 10) else {
        println!("skipped: only root can mount a small file system");
        return;
    };
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let engine = engine(&folder, "work", &place);
    fs::write(place.join("filler"), vec![0; 4 << 20]).unwrap_err();
    let full = failure(&engine.submit(spec("a"), Inputs::paths(&from, &to)).unwrap());
    assert_eq!(full.reason, Reason::StoreFull, "{full:?}");
    assert_eq!(engine.in_use(), (0, 0));
    fs::remove_file(place.join("filler")).unwrap();
    assert_eq!(open(&place).list(&tenant("a")).unwrap(), []);
    assert_eq!(files(&place).iter().filter(|path| fs::metadata(path).unwrap().len() > 0).count(), 0);
    // It was no failure that lasts.
    let job = engine.submit(spec("a"), Inputs::paths(&from, &to)).unwrap();
    done(&job);
    assert!(output(&job) == plainly(&from, &to));
}

#[test]
fn a_store_that_goes_away_while_a_job_is_worked_on_fails_that_job_and_may_come_back() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let (place, away) = (folder.path("store"), folder.path("away"));
    let engine = engine(&folder, "work", &place);
    let job =
        engine.submit(spec("a"), Inputs { from: Input::Path(from.clone()), to: Input::Pushed }).unwrap();
    let bytes = fs::read(&to).unwrap();
    job.feed(Side::To, &bytes[..bytes.len() / 2]).unwrap();
    fs::rename(&place, &away).unwrap();
    // No folder can be made there meanwhile.
    fs::write(&place, b"").unwrap();
    job.feed(Side::To, &bytes[bytes.len() / 2..]).unwrap();
    job.feed(Side::To, &[]).unwrap();
    let gone = failure(&job);
    assert!(
        [Reason::StoreUnreachable, Reason::StoreDenied, Reason::StoreMissing].contains(&gone.reason),
        "{gone:?}"
    );
    assert_eq!(engine.in_use(), (0, 0));
    fs::remove_file(&place).unwrap();
    fs::rename(&away, &place).unwrap();
    let job = engine.submit(spec("a"), Inputs::paths(&from, &to)).unwrap();
    done(&job);
    assert_eq!(open(&place).list(&tenant("a")).unwrap().len(), 1);
}

/// The Artifacts of `testdata/bad`, each with one defect.
fn bad() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bad");
    let mut bad: Vec<PathBuf> =
        files(&all).into_iter().filter(|path| path.extension().is_some_and(|end| end == "mender")).collect();
    bad.sort();
    assert!(bad.len() > 100);
    bad
}

#[test]
fn whatever_is_bad_and_pushed_ends_its_job_with_a_reason_and_harms_no_other() {
    let folder = Folder::new();
    let good = folder.artifact(1);
    let engine = folder.engine();
    let mut wrong = Vec::new();
    for (nth, path) in bad().into_iter().enumerate() {
        let bytes = fs::read(&path).unwrap();
        let (pushed, inputs) = if nth % 2 == 0 {
            (Side::To, Inputs { from: Input::Path(good.clone()), to: Input::Pushed })
        } else {
            (Side::From, Inputs { from: Input::Pushed, to: Input::Path(good.clone()) })
        };
        let job = engine.submit(spec("hostile"), inputs).unwrap();
        // Whoever pushes is told as soon as it is known.
        let fed = bytes.chunks(1000 + nth).chain([&[][..]]).try_for_each(|piece| job.feed(pushed, piece));
        let end = job.wait(LONG);
        let reason = end.failure.as_ref().map(|failure| failure.reason);
        let told = fed.err().map(|failure| failure.reason);
        let is_plain = matches!(
            reason,
            Some(
                Reason::BadArtifact
                    | Reason::Checksum
                    | Reason::Unsupported
                    | Reason::TooLarge
                    | Reason::BadPair
                    | Reason::LimitDisk
                    | Reason::LimitMemory
            )
        );
        if end.state != State::Failed || !is_plain || told.is_some_and(|told| Some(told) != reason) {
            wrong.push(format!("{}: {:?}, told {told:?}", path.display(), end));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(engine.in_use(), (0, 0));
    let other = folder.artifact(2);
    done(&engine.submit(spec("a"), Inputs::paths(&good, &other)).unwrap());
}

#[test]
fn an_image_that_says_it_is_huge_is_refused_before_it_comes() {
    let folder = Folder::new();
    let from = folder.artifact(1);
    let engine = folder.engine();
    let large = artifact("v2", &image(2, 8 << 20), |_| {});
    let mut small = spec("a");
    small.limits.disk = 1 << 20;
    let job = engine.submit(small, Inputs { from: Input::Path(from), to: Input::Pushed }).unwrap();
    // The header is in the first pieces; the rest of the image is neither read nor kept.
    let fed = large.chunks(64 << 10).try_for_each(|piece| job.feed(Side::To, piece));
    let refused = failure(&job);
    assert_eq!((refused.reason, refused.side), (Reason::LimitDisk, Some(Side::To)), "{refused:?}");
    assert_eq!(fed.unwrap_err().reason, Reason::LimitDisk);
    assert_eq!(engine.in_use(), (0, 0));
}
