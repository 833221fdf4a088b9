//! Each reason, reached on purpose.

use super::artifacts::{Folder, LEN, artifact, image, sha256, spec, tenant};
use super::outcome::{LONG, done};
use mender_artifact::compression::Compression;
use mender_delta::fleet::job::engine::Engine;
use mender_delta::fleet::job::failure::{Failure, Side};
use mender_delta::fleet::job::handle::JobHandle;
use mender_delta::fleet::job::input::{Input, Inputs};
use mender_delta::fleet::job::options::{EngineOptions, Quota};
use mender_delta::fleet::job::spec::{AlgorithmSpec, JobSpec, SignMode};
use mender_delta::fleet::job::state::State;
use mender_delta::fleet::reason::Reason;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

/// Why the job failed.
pub(crate) fn failure(job: &JobHandle) -> Failure {
    let progress = job.wait(LONG);
    assert_eq!(progress.state, State::Failed);
    progress.failure.unwrap()
}

fn fails(engine: &Engine, spec: &JobSpec, from: &Path, to: &Path) -> Failure {
    failure(&engine.submit(spec.clone(), Inputs::paths(from, to)).unwrap())
}

fn changed(change: impl FnOnce(&mut JobSpec)) -> JobSpec {
    let mut spec = spec("a");
    change(&mut spec);
    spec
}

/// A few bytes, and then an error.
struct Broken(usize);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the line is dead"));
        }
        self.0 -= 1;
        buffer[0] = 0;
        Ok(1)
    }
}

#[test]
fn what_is_wrong_with_an_input_says_which_and_where() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let engine = folder.engine();
    let fails = |from: &Path, to: &Path| fails(&engine, &spec("a"), from, to);

    let whole = std::fs::read(&to).unwrap();
    let cut = fails(&from, &folder.put("cut", &whole[..whole.len() / 2]));
    assert_eq!((cut.reason, cut.side), (Reason::BadArtifact, Some(Side::To)));
    assert!(cut.entry.is_some() && cut.offset.is_some(), "{cut:?}");
    let noise = fails(&folder.put("noise", &image(3, 5000)), &to);
    assert_eq!((noise.reason, noise.side), (Reason::BadArtifact, Some(Side::From)));

    let plain = artifact("v2", &image(2, LEN), |plan| plan.compression = Compression::None);
    let mut flipped = plain.clone();
    flipped[plain.len() / 2] ^= 1;
    let flipped = fails(&from, &folder.put("flipped", &flipped));
    assert_eq!(
        (flipped.reason, flipped.entry.as_deref()),
        (Reason::Checksum, Some("data/0000")),
        "{flipped:?}"
    );

    let mut version = plain;
    let at = version.windows(11).position(|text| text == b"\"version\":3").unwrap();
    version[at + 10] = b'9';
    assert_eq!(fails(&from, &folder.put("version", &version)).reason, Reason::Unsupported);

    assert_eq!(fails(&from, &folder.path("nowhere")).reason, Reason::InputIo);
    let other = artifact("v2", &image(2, LEN), |plan| plan.compatible_types = vec!["other".into()]);
    let other = fails(&from, &folder.put("other", &other));
    assert_eq!(other.reason, Reason::BadPair);
    assert!(other.text.contains("expected one of board, found other"), "{other:?}");
    let module = artifact("v2", &image(2, LEN), |plan| {
        plan.payloads[0].header.payload_type = Some("single-file".into());
    });
    let module = fails(&from, &folder.put("module", &module));
    assert_eq!((module.reason, module.side), (Reason::BadPair, Some(Side::To)));
    assert_eq!(fails(&from, &folder.artifact(1)).reason, Reason::FromEqTo);

    let broken = Input::Reader(Box::new(Broken(1000)));
    let job = engine.submit(spec("a"), Inputs { from: Input::Path(from.clone()), to: broken }).unwrap();
    let broken = failure(&job);
    assert_eq!((broken.reason, broken.side), (Reason::InputIo, Some(Side::To)));
    assert!(broken.text.contains("the line is dead"), "{broken:?}");

    // The engine goes on.
    done(&engine.submit(spec("a"), Inputs::paths(&from, &to)).unwrap());
    assert_eq!(engine.in_use(), (0, 0));
}

#[test]
fn what_was_pushed_is_refused_as_soon_as_it_is_known() {
    let folder = Folder::new();
    let bytes = artifact("v1", &image(1, LEN), |plan| plan.compression = Compression::None);
    let engine = folder.engine();
    let refused = |spec: JobSpec, pushed: &[u8]| {
        let job = engine.submit(spec, Inputs::pushed()).unwrap();
        // Without an end: nothing but what has arrived can be the reason.
        let fed = pushed.chunks(1000).try_for_each(|piece| job.feed(Side::From, piece));
        let failure = failure(&job);
        assert_eq!(fed.err().map_or(failure.reason, |error| error.reason), failure.reason);
        failure
    };
    let limits = refused(changed(|spec| spec.limits.input = 1000), &bytes);
    assert_eq!((limits.reason, limits.limit), (Reason::TooLarge, Some(1000)));
    let disk = refused(changed(|spec| spec.limits.disk = 1000), &bytes);
    assert_eq!((disk.reason, disk.wanted), (Reason::LimitDisk, Some(LEN as u64)));
    assert_eq!(refused(spec("a"), b"no Artifact".repeat(100).as_slice()).reason, Reason::BadArtifact);
    assert_eq!(refused(changed(|spec| spec.limits.deadline_seconds = 1), b"").reason, Reason::LimitTime);

    let job = engine.submit(changed(|spec| spec.from_sha256 = Some(sha256(b"x"))), Inputs::pushed()).unwrap();
    job.feed(Side::From, &bytes).unwrap();
    job.feed(Side::From, &[]).unwrap();
    assert_eq!(failure(&job).reason, Reason::Checksum);
    assert_eq!(job.feed(Side::To, &bytes).unwrap_err().reason, Reason::Checksum);

    let job = engine.submit(spec("a"), Inputs::pushed()).unwrap();
    job.feed(Side::From, &bytes[..2000]).unwrap();
    job.feed(Side::From, &[]).unwrap();
    assert_eq!(failure(&job).reason, Reason::BadArtifact);
    let job = engine.submit(spec("a"), Inputs::pushed()).unwrap();
    job.feed(Side::From, &bytes).unwrap();
    job.feed(Side::From, &[]).unwrap();
    assert_eq!(job.feed(Side::From, &[]).unwrap_err().reason, Reason::WrongState);
    job.cancel();
    assert_eq!(job.feed(Side::To, &bytes).unwrap_err().reason, Reason::Cancelled);
    assert_eq!(engine.in_use(), (0, 0));
}

#[test]
fn limits_are_kept() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let engine = folder.engine();
    let reason = |spec: JobSpec| fails(&engine, &spec, &from, &to).reason;
    assert_eq!(reason(changed(|spec| spec.limits.memory = 1 << 20)), Reason::LimitMemory);
    assert_eq!(reason(changed(|spec| spec.limits.disk = 2 * LEN as u64)), Reason::LimitDisk);
    assert_eq!(reason(changed(|spec| spec.limits.output = 100)), Reason::LimitOutput);
    assert_eq!(reason(changed(|spec| spec.limits.input = 100)), Reason::TooLarge);
    assert_eq!(reason(changed(|spec| spec.limits.min_saving_permille = 999)), Reason::NoGain);
    let bsdiff = changed(|spec| {
        spec.algorithm = AlgorithmSpec::Bsdiff {};
        spec.limits.apply_memory = Some(LEN as u64);
    });
    assert_eq!(reason(bsdiff), Reason::ApplyMemory);
    // None of them is in the way of who asks for more.
    done(&engine.submit(spec("a"), Inputs::paths(&from, &to)).unwrap());
}

#[test]
fn the_engine_refuses_what_can_never_fit() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let options = EngineOptions { memory_budget: 1 << 20, ..folder.options() };
    let engine = Engine::new(options).unwrap();
    assert_eq!(fails(&engine, &spec("a"), &from, &to).reason, Reason::LimitMemory);
    drop(engine);
    let options = EngineOptions { disk_budget: LEN as u64, ..folder.options() };
    let engine = Engine::new(options).unwrap();
    let reason = fails(&engine, &spec("a"), &from, &to).reason;
    assert!([Reason::Busy, Reason::LimitDisk].contains(&reason), "{reason:?}");
    assert_eq!(engine.in_use(), (0, 0));
}

#[test]
fn requests_that_make_no_sense_are_refused_at_the_door() {
    let folder = Folder::new();
    let engine = folder.engine();
    let refused = |spec: JobSpec| engine.submit(spec, Inputs::pushed()).unwrap_err().reason;
    assert_eq!(refused(changed(|spec| spec.v = 7)), Reason::BadRequest);
    assert_eq!(refused(changed(|spec| spec.limits.apply_memory = Some(3))), Reason::BadRequest);
    assert_eq!(refused(changed(|spec| spec.verify_key = Some("no key".into()))), Reason::BadRequest);
    let no_such = SignMode::Signer { name: "nobody".into() };
    assert_eq!(refused(changed(|spec| spec.sign = no_such)), Reason::UnknownSigner);
    assert_eq!(engine.jobs(&tenant("a")), []);
    assert!(Engine::new(folder.options()).is_err_and(|failure| failure.reason == Reason::WorkBusy));
    folder.put("a file", b"");
    let options = EngineOptions::new(folder.path("a file"));
    assert!(Engine::new(options).is_err_and(|failure| failure.reason == Reason::WorkIo));
}

#[test]
fn queues_and_quotas() {
    let folder = Folder::new();
    let options = EngineOptions { workers: 1, queue_length: 3, ..folder.options() };
    let engine = Engine::new(options).unwrap();
    let submit = |name: &str| engine.submit(spec(name), Inputs::pushed());
    engine.set_quota(&tenant("a"), Quota { queue_length: 1, jobs_in_parallel: 1 });
    let (one, _two) = (submit("a").unwrap(), submit("a").unwrap());
    assert_eq!(submit("a").unwrap_err().reason, Reason::LimitQuota);
    let (_three, _four) = (submit("b").unwrap(), submit("b").unwrap());
    assert_eq!(submit("c").unwrap_err().reason, Reason::LimitQueue);
    one.cancel();
    submit("a").unwrap().cancel();
    drop(engine);
    assert_eq!(one.progress().state, State::Cancelled);
    assert_eq!(failure(&_two).reason, Reason::Interrupted);
    assert!(_two.feed(Side::From, b"x").is_err());
    assert_eq!(one.wait(Duration::ZERO).failure.unwrap().reason, Reason::Cancelled);
}
