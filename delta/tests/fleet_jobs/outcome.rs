//! What a job gives: the bytes that the library's plain call gives, however its Artifacts came.

use super::artifacts::{Folder, sha256, spec};
use mender_delta::artifact::{DeltaArtifactOptions, write_delta_artifact};
use mender_delta::fleet::job::failure::Side;
use mender_delta::fleet::job::handle::JobHandle;
use mender_delta::fleet::job::input::{Input, Inputs};
use mender_delta::fleet::job::report::Origin;
use mender_delta::fleet::job::spec::{AlgorithmSpec, LevelName, Packing};
use mender_delta::fleet::job::state::State;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

pub(crate) const LONG: Duration = Duration::from_secs(120);

/// Waits for the end; says why, if it is not the one that is wanted.
pub(crate) fn done(job: &JobHandle) {
    let progress = job.wait(LONG);
    assert_eq!(progress.state, State::Done, "{:?}", progress.failure);
}

/// Everything that the job gives, in odd pieces.
pub(crate) fn output(job: &JobHandle) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), [0; 1009]);
    loop {
        match job.read(&mut piece).unwrap() {
            0 => return all,
            len => all.extend_from_slice(&piece[..len]),
        }
    }
}

pub(crate) fn plainly(from: &Path, to: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    write_delta_artifact(from, to, &mut out, &DeltaArtifactOptions::default()).unwrap();
    out
}

/// Pushes a whole Artifact.
pub(crate) fn push(job: &JobHandle, side: Side, bytes: &[u8]) {
    for piece in bytes.chunks(10_007) {
        job.feed(side, piece).unwrap();
    }
    job.feed(side, &[]).unwrap();
}

#[test]
fn the_bytes_are_those_of_the_plain_call_however_the_artifacts_come() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let expected = plainly(&from, &to);
    let engine = folder.engine();
    let of_paths = engine.submit(spec("a"), Inputs::paths(&from, &to)).unwrap();
    done(&of_paths);
    assert!(output(&of_paths) == expected);
    let report = of_paths.report();
    let outcome = report.outcome.unwrap();
    assert_eq!((outcome.sha256, outcome.len), (sha256(&expected), expected.len() as u64));
    assert_eq!(report.from_sha256, Some(sha256(&fs::read(&from).unwrap())));
    assert_eq!((report.origin, report.mender_status.as_str()), (Some(Origin::Made), "success"));
    assert!(report.peak_memory > 0 && report.peak_disk > 0 && !report.milliseconds.is_empty());

    let pushed = engine.submit(spec("b"), Inputs::pushed()).unwrap();
    push(&pushed, Side::From, &fs::read(&from).unwrap());
    push(&pushed, Side::To, &fs::read(&to).unwrap());
    done(&pushed);
    assert!(output(&pushed) == expected);

    let reader = Input::Reader(Box::new(File::open(&to).unwrap()));
    let mixed = engine.submit(spec("c"), Inputs { from: Input::Path(from), to: reader }).unwrap();
    done(&mixed);
    assert!(output(&mixed) == expected);
    drop((of_paths, pushed, mixed));
    assert_eq!(engine.in_use(), (0, 0));
}

/// Deltas of images that are made here, in all formats. When this fails, what is stored under today's keys is not what would be
/// made now: raise the revision of that generator in `job/key.rs`, then put the new digest here.
#[test]
fn other_bytes_need_another_revision() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let engine = folder.engine();
    let mut others = Vec::new();
    for (algorithm, expected) in [
        (AlgorithmSpec::default(), "ab4ca6b8b433792df640fcc9fbc95e5f3a7f1b842499edca02fbf6cc120ba14b"),
        (
            AlgorithmSpec::Native { level: LevelName::Fast },
            "e069c2c14594e8af090dc7882b9714a61113775c328deb5cbe2b3b0c9fdd04d2",
        ),
        (
            serde_json::from_str(r#"{"name":"xdelta3"}"#).unwrap(),
            "191168daec03675946adfe0de1a01199c5adee68a005edeab832b933db8babfa",
        ),
        (AlgorithmSpec::Bsdiff {}, "016357de6ddcffe10b5069a708c33f64c4d8a0ee0195f7266795f70a175bca69"),
    ] {
        let mut spec = spec("a");
        // How gzip packs is no business of this project.
        (spec.algorithm, spec.compression) = (algorithm, Packing::None);
        let job = engine.submit(spec.clone(), Inputs::paths(&from, &to)).unwrap();
        done(&job);
        let found = sha256(&output(&job)).to_string();
        if found != expected {
            others.push(format!("{:?}: {found}", spec.algorithm));
        }
    }
    assert_eq!(others, Vec::<String>::new());
}
