//! From what a device reports to the delta that it gets: the example, and what the planner is told by an engine.

use super::artifacts::{Folder, LEN, artifact, image, spec, tenant};
use super::leaving::slow_pair;
use super::outcome::{LONG, done};
use mender_artifact::read::ReadOptions;
use mender_delta::fleet::catalog::summary::ArtifactSummary;
use mender_delta::fleet::job::engine::Engine;
use mender_delta::fleet::job::input::Inputs;
use mender_delta::fleet::job::options::{EngineOptions, Quota};
use mender_delta::fleet::job::report::Origin;
use mender_delta::fleet::job::spec::{AlgorithmSpec, JobSpec, LevelName};
use mender_delta::fleet::plan::insight::{Insight, Known, Pair};
use mender_delta::fleet::plan::policy::DeltaKind;
use mender_delta::fleet::store::Store;
use mender_delta::fleet::store::options::StoreOptions;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::Command;

fn summary(path: &Path) -> ArtifactSummary {
    ArtifactSummary::from_artifact(File::open(path).unwrap(), None, &ReadOptions::default()).unwrap()
}

fn store(folder: &Folder) -> Store {
    Store::open(folder.path("store").to_str().unwrap(), &StoreOptions::default()).unwrap()
}

/// The example as a program; `None` where it was not built beside the tests.
fn example() -> Option<Command> {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent()?.parent()?.join("examples/serve");
    program.exists().then(|| Command::new(program))
}

#[test]
fn a_device_that_asks_gets_a_delta_and_the_next_one_the_same() {
    let folder = Folder::new();
    let (old, new) = (folder.artifact(1), folder.artifact(2));
    let image = summary(&old);
    let image = image.root_image().unwrap();
    let device = format!(
        r#"{{"device_type":"board","artifact_name":"v1","rootfs-image.version":"v1",
            "rootfs-image.checksum":"{}",
            "rootfs-image.update-module.mender-delta.mender_update_module":"mender-delta",
            "rootfs-image.update-module.mender-delta.version":"1"}}"#,
        image.sha256
    );
    folder.put("device.json", device.as_bytes());
    let mut answers = Vec::new();
    for _ in 0..2 {
        let Some(mut serve) = example() else { return println!("skipped: the example was not built") };
        let output = serve
            .args([
                folder.path("work"),
                folder.path("store"),
                folder.path("device.json"),
                old.clone(),
                new.clone(),
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        answers.push(String::from_utf8(output.stdout).unwrap());
    }
    let id = answers[0].trim_end();
    assert_eq!(answers[0], answers[1]);
    let delta = fs::read(folder.path(&format!("store/acme/objects/{id}"))).unwrap();
    assert!(delta == super::outcome::plainly(&old, &new));
}

/// The guide shows the example's heart as it is.
#[test]
fn the_guide_has_the_example() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(project.join(path)).unwrap();
    let (guide, example) = (read("../docs/server.md"), read("examples/serve.rs"));
    let start = example.find("    /// The identifier of the Artifact of a release").unwrap();
    let end = start + example[start..].find("\n}\n").unwrap();
    let heart: String = example[start..end]
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line)))
        .collect();
    assert!(guide.contains(&heart), "docs/server.md: expected\n{heart}");
}

#[test]
fn the_planner_learns_what_an_engine_and_its_store_know() {
    let folder = Folder::new();
    let (old, new) = (folder.artifact(1), folder.artifact(2));
    let (from, to) = (summary(&old), summary(&new));
    let options = || EngineOptions { store: Some(store(&folder)), ..folder.options() };
    let engine = Engine::new(options()).unwrap();
    let usual = spec("a");
    let native = Pair { from: &from, to: &to, kind: DeltaKind::Native };
    let knows = |engine: &Engine, usual: &JobSpec, pair: &Pair<'_>| {
        let insight = engine.insight(usual);
        (insight.known(&usual.tenant, pair), insight.estimate(&usual.tenant, pair))
    };
    let nothing = (Known::Nothing, None);
    assert_eq!(knows(&engine, &usual, &native), nothing);

    let job = engine.submit(engine.insight(&usual).spec(&native), Inputs::paths(&old, &new)).unwrap();
    done(&job);
    let mut delta = Vec::new();
    job.output().read_to_end(&mut delta).unwrap();
    let len = Some(delta.len() as u64);
    assert_eq!(knows(&engine, &usual, &native), (Known::Nothing, len));
    // Another kind, tenant, level, direction is another delta.
    let xdelta3 = Pair { kind: DeltaKind::Xdelta3, ..native };
    let back = Pair { from: &to, to: &from, ..native };
    let fast = JobSpec { algorithm: AlgorithmSpec::Native { level: LevelName::Fast }, ..spec("a") };
    for (usual, pair) in [(&usual, &xdelta3), (&usual, &back), (&spec("b"), &native), (&fast, &native)] {
        assert_eq!(knows(&engine, usual, pair), nothing);
    }
    // An insight is of one tenant, whoever is asked about.
    assert_eq!(engine.insight(&usual).estimate(&tenant("b"), &native), None);
    drop((job, engine));
    // The next process learns it from the store.
    let engine = Engine::new(options()).unwrap();
    assert_eq!(knows(&engine, &usual, &native), (Known::Nothing, len));
    let again = engine.submit(engine.insight(&usual).spec(&native), Inputs::paths(&old, &new)).unwrap();
    done(&again);
    assert_eq!(again.report().origin, Some(Origin::Stored));

    // What fails for a reason that lasts is known to fail, by this engine and by the next one.
    let same = folder.put("same.mender", &artifact("v3", &image(1, LEN), |_| {}));
    let same_summary = summary(&same);
    let useless = Pair { from: &from, to: &same_summary, kind: DeltaKind::Native };
    let job = engine.submit(engine.insight(&usual).spec(&useless), Inputs::paths(&old, &same)).unwrap();
    assert!(job.wait(LONG).failure.is_some());
    for engine in
        [engine, Engine::new(EngineOptions { work_folder: folder.path("other"), ..options() }).unwrap()]
    {
        let (Known::Failed { code, until, .. }, None) = knows(&engine, &usual, &useless) else {
            panic!("not known to fail")
        };
        assert!(code == "from_eq_to" && until.is_some_and(|until| until > 1_700_000_000), "{code} {until:?}");
    }
}

#[test]
fn a_delta_in_the_making_is_under_way_and_takes_its_place_in_the_queue() {
    let folder = Folder::new();
    let (old, new) = slow_pair(&folder);
    let (from, to) = (summary(&old), summary(&new));
    let quota = Quota { queue_length: 3, jobs_in_parallel: 1 };
    let engine = Engine::new(EngineOptions { quota, workers: 1, ..folder.options() }).unwrap();
    let usual = spec("a");
    let pair = Pair { from: &from, to: &to, kind: DeltaKind::Native };
    let queue = || {
        let queue = engine.queue(&usual.tenant);
        (queue.waiting, queue.most)
    };
    assert_eq!(queue(), (0, 4));
    let insight = engine.insight(&usual);
    let job = engine.submit(insight.spec(&pair), Inputs::paths(&old, &new)).unwrap();
    assert_eq!(insight.known(&usual.tenant, &pair), Known::UnderWay);
    assert_eq!(queue(), (1, 4));
    assert_eq!(engine.queue(&tenant("b")).waiting, 0);
    let joined = engine.submit(insight.spec(&pair), Inputs::paths(&old, &new)).unwrap();
    assert_eq!((joined.report().origin, queue()), (Some(Origin::Joined), (1, 4)));
    job.cancel();
    joined.cancel();
    assert_eq!(insight.known(&usual.tenant, &pair), Known::Nothing);
    assert_eq!(queue(), (0, 4));
}
