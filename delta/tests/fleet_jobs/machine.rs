//! What the machine and the services around an engine can do to it.

use super::artifacts::{Folder, artifact, image, spec};
use super::outcome::done;
use super::reasons::failure;
use mender_delta::fleet::job::engine::Engine;
use mender_delta::fleet::job::input::{Input, Inputs};
use mender_delta::fleet::job::options::EngineOptions;
use mender_delta::fleet::reason::Reason;
use mender_delta::fleet::store::Store;
use mender_delta::fleet::store::options::StoreOptions;
use std::io::{self, Read};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A file system of a few bytes, until it is dropped.
pub(crate) struct Small<'p>(&'p Path);

impl<'p> Small<'p> {
    pub(crate) fn mount(place: &'p Path, bytes: usize) -> Option<Self> {
        std::fs::create_dir(place).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "none"])
            .arg(place)
            .output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Self(place))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_ends_the_job_and_nothing_else() {
    let folder = Folder::new();
    let place = folder.path("small");
    let Some(_small) = Small::mount(&place, 1 << 20) else {
        println!("skipped: only root can mount a small file system");
        return;
    };
    let put = |name: &str, seed, len| folder.put(name, &artifact(name, &image(seed, len), |_| {}));
    let (from, to) = (put("large1", 1, 800_000), put("large2", 2, 800_000));
    let (small_from, small_to) = (put("small1", 1, 50_000), put("small2", 2, 50_000));
    let options = EngineOptions { workers: 1, threads: 1, ..EngineOptions::new(place.join("work")) };
    let engine = Engine::new(options).unwrap();
    let job = engine.submit(spec("a"), Inputs::paths(from, to)).unwrap();
    assert_eq!(failure(&job).reason, Reason::DiskFull);
    assert_eq!(engine.in_use(), (0, 0));
    done(&engine.submit(spec("a"), Inputs::paths(small_from, small_to)).unwrap());
}

/// Whoever reads from this panics.
struct Panics;

impl Read for Panics {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("on purpose")
    }
}

#[test]
fn a_panic_ends_the_job_and_nothing_else() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let engine = folder.engine();
    let inputs = Inputs { from: Input::Path(from.clone()), to: Input::Reader(Box::new(Panics)) };
    let panicked = failure(&engine.submit(spec("a"), inputs).unwrap());
    assert_eq!(panicked.reason, Reason::Panic);
    assert!(panicked.text.contains("on purpose"), "{panicked:?}");
    done(&engine.submit(spec("a"), Inputs::paths(from, to)).unwrap());
}

#[test]
fn a_store_that_does_not_answer_is_told_from_everything_else() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let settings = [
        ("endpoint", "http://127.0.0.1:9"),
        ("allow_http", "true"),
        ("region", "nowhere"),
        ("access_key_id", "a"),
        ("secret_access_key", "b"),
    ];
    let options = StoreOptions {
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        timeout: Duration::from_millis(500),
        attempt_timeout: Duration::from_millis(200),
        first_pause: Duration::from_millis(10),
    };
    let store = Store::open("s3://bucket/deltas", &options).unwrap();
    let engine = Engine::new(EngineOptions { store: Some(store), ..folder.options() }).unwrap();
    let reason = failure(&engine.submit(spec("a"), Inputs::paths(from, to)).unwrap()).reason;
    assert!([Reason::StoreUnreachable, Reason::StoreSlow].contains(&reason), "{reason:?}");
    assert_eq!(engine.in_use(), (0, 0));
}

#[test]
fn the_guide_has_every_reason() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/server.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    for reason in Reason::ALL {
        assert!(guide.contains(&format!("| `{}` | ", reason.code())), "{}", reason.code());
    }
}
