//! Writing from what the fuzzer says, reading it back, changing and signing it: nothing is lost on the way.

use crate::drawn::Drawn;
use mender_artifact::compression::Compression;
use mender_artifact::error::{Category, Error};
use mender_artifact::header::{PayloadHeader, TypeInfoValue};
use mender_artifact::modify::{Changes, modify};
use mender_artifact::read::{PayloadSink, ReadOptions, read_artifact};
use mender_artifact::rewrite::{Original, Source, Target};
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::script::ScriptInput;
use mender_artifact::write::{WriteOptions, write_artifact};
use std::io::Cursor;
use std::num::NonZeroUsize;

#[derive(Default)]
struct Collected(Vec<(String, Vec<u8>)>);

impl PayloadSink for Collected {
    fn begin_file(&mut self, _payload: usize, name: &str, _size: u64) -> Result<(), Error> {
        self.0.push((name.to_owned(), Vec::new()));
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.last_mut().unwrap().1.extend_from_slice(bytes);
        Ok(())
    }
}

fn text(drawn: &mut Drawn<'_>) -> String {
    let len = usize::from(drawn.byte());
    String::from_utf8_lossy(drawn.bytes(len)).into_owned()
}

fn texts(drawn: &mut Drawn<'_>) -> Vec<String> {
    let count = drawn.below(4);
    (0..count).map(|_| text(drawn)).collect()
}

/// What the Artifact is to say, in the order in which it is drawn.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    let how = drawn.byte();
    let files: Vec<(String, Vec<u8>)> =
        (0..drawn.below(4)).map(|_| (text(&mut drawn), drawn.piece().to_vec())).collect();
    let mut header = PayloadHeader { payload_type: Some(text(&mut drawn)), ..PayloadHeader::default() };
    for key in texts(&mut drawn) {
        let value = if drawn.flag() {
            TypeInfoValue::One(text(&mut drawn))
        } else {
            TypeInfoValue::Many(texts(&mut drawn))
        };
        header.provides.insert(key.clone(), value.clone());
        header.depends.insert(key, value);
    }
    header.clears = drawn.flag().then(|| texts(&mut drawn));
    header.meta_data = serde_json::from_str(&text(&mut drawn)).ok();
    let inputs = files.iter().map(|(name, contents)| {
        PayloadInput::from_reader(name.clone(), Some(contents.len() as u64), &contents[..])
    });
    let scripts = texts(&mut drawn).into_iter().map(|name| {
        ScriptInput::from(mender_artifact::header::StateScript { name, mode: 0o755, contents: b"x".to_vec() })
    });
    let plan = ArtifactPlan {
        artifact_name: text(&mut drawn),
        artifact_group: drawn.flag().then(|| text(&mut drawn)),
        compatible_types: texts(&mut drawn),
        depends_names: texts(&mut drawn),
        depends_groups: texts(&mut drawn),
        scripts: scripts.collect(),
        payloads: vec![PayloadPlan { header, files: inputs.collect(), checksum_provide: None }],
        compression: [Compression::None, Compression::Gzip, Compression::Zstd, Compression::None]
            [usize::from(how & 3)],
        ..ArtifactPlan::default()
    };
    let options = WriteOptions { threads: NonZeroUsize::MIN, ..WriteOptions::default() };
    let mut artifact = Vec::new();
    let written = match write_artifact(plan, &mut artifact, &options) {
        Ok(written) => written,
        Err(error) => return crate::reading::check_message(&error.to_string()),
    };
    let read = |artifact: &[u8]| {
        let mut sink = Collected::default();
        let report = read_artifact(artifact, &ReadOptions::default(), &mut sink);
        (report.expect("what was written is read"), sink.0)
    };
    let (report, payload) = read(&artifact);
    assert_eq!(report.header, written.header);
    assert_eq!(payload, files);
    let mut original = Original::read(Source::Stream(Box::new(Cursor::new(&artifact)))).unwrap();
    let name = text(&mut drawn);
    let changes = Changes { artifact_name: Some(name.clone()), ..Changes::default() };
    match modify(&mut original, &changes) {
        Ok(_) => {
            let mut changed = Vec::new();
            original.write(Target::Stream(&mut changed)).unwrap();
            let (report, payload) = read(&changed);
            assert_eq!((report.header.artifact_name, payload), (name, files));
        }
        Err(error) => {
            assert!(error.category() != Category::Io, "{error}");
            crate::reading::check_message(&error.to_string());
        }
    }
}
