//! An Artifact read in several ways that have to agree.

use crate::drawn::pieces;
use mender_artifact::check::{examine, validate};
use mender_artifact::error::Error;
use mender_artifact::limits::Limits;
use mender_artifact::read::decompress::BuiltIn;
use mender_artifact::read::push::{Config, Event, Reader, memory_needed};
use mender_artifact::read::verify::SignatureRule;
use mender_artifact::read::{ReadOptions, ReadReport, read_artifact};

/// Small enough that thousands of readings are quick, and that nothing unpacks to much.
pub(crate) fn limits() -> Limits {
    Limits {
        unpacked_buffer_bytes: 1000,
        decoder_bytes: 8 << 20,
        payloads: 4,
        payload_file_bytes: 1 << 20,
        augmented: true,
        ..Limits::device()
    }
}

/// What a reading brings to light.
#[derive(Debug, PartialEq, Default)]
struct Transcript {
    events: Vec<String>,
    payload: Vec<Vec<u8>>,
}

fn transcript(bytes: &[u8], seed: u8, limits: &Limits) -> Result<Transcript, Error> {
    // Not a byte more than is asked for, and none of it zero.
    let mut memory = vec![0xa5; memory_needed(limits)];
    let config = Config { limits: limits.clone(), signature: SignatureRule::NotChecked, keep_scripts: true };
    let mut reader = Reader::new(&mut memory, config, BuiltIn)?;
    let mut transcript = Transcript::default();
    for mut piece in pieces(bytes, seed) {
        loop {
            let event = match reader.push(&mut piece) {
                Ok(event) => event,
                Err(error) => {
                    let again = reader.push(&mut &b"x"[..]).map(|event| format!("{event:?}"));
                    assert_eq!(again.unwrap_err().to_string(), error.to_string(), "an error does not stay");
                    assert!(reader.finish().is_err());
                    return Err(error);
                }
            };
            match event {
                Event::NeedInput => break,
                Event::Header(view) => {
                    transcript.events.push(format!("{:?}", view.info().artifact_name()));
                    transcript.events.extend(view.scripts().map(|script| format!("{script:?}")));
                    transcript.events.extend(view.payloads().map(|payload| {
                        let files: Vec<_> = payload.files().collect();
                        let meta_data: Vec<_> = payload.meta_data().collect();
                        format!("{:?} {files:?} {meta_data:?}", payload.type_info_json)
                    }));
                }
                Event::FileBegin(file) => {
                    transcript.events.push(format!("{file:?}"));
                    transcript.payload.push(Vec::new());
                }
                Event::Data(bytes) => transcript.payload.last_mut().unwrap().extend_from_slice(bytes),
                Event::FileEnd => transcript.events.push("end".to_owned()),
                other => panic!("{other:?}"),
            }
        }
        assert!(piece.is_empty(), "input is left");
    }
    reader.finish()?;
    Ok(transcript)
}

/// One line that a person can read.
pub(crate) fn check_message(text: &str) {
    assert!(!text.is_empty() && text.len() < 2000, "{text}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

/// Reads whole, in pieces of all kinds and byte by byte: the same outcome, the same words. What a key-less check says
/// must fit to it. Returns the report of a sound Artifact.
pub(crate) fn read(bytes: &[u8], seed: u8) -> Option<ReadReport> {
    let limits = limits();
    let whole = transcript(bytes, 0, &limits);
    let others = if bytes.len() < 1 << 14 { vec![1, seed] } else { vec![seed] };
    for seed in others {
        match (&whole, transcript(bytes, seed, &limits)) {
            (Ok(whole), Ok(pieces)) => assert_eq!(*whole, pieces, "pieces {seed}"),
            (Err(whole), Err(pieces)) => {
                let (whole, pieces) = (whole.to_string(), pieces.to_string());
                // What unpacks before the damage shows, and is wrong itself, depends on the pieces.
                let damaged = [&whole, &pieces].iter().any(|text| text.contains("compressed stream"));
                assert!(whole == pieces || damaged, "pieces {seed}: {pieces}, whole: {whole}");
            }
            (whole, pieces) => panic!("pieces {seed}: {whole:?}, {pieces:?}"),
        }
    }
    if let Err(error) = &whole {
        check_message(&error.to_string());
    }
    let found = examine(bytes, None, &limits);
    assert_eq!(found.problems.is_empty(), validate(bytes, None, &limits).is_ok(), "{:?}", found.problems);
    found.problems.iter().for_each(|problem| check_message(&problem.to_string()));
    let report = read_artifact(bytes, &ReadOptions { limits, ..ReadOptions::default() }, &mut ());
    // Two headers that contradict each other come to light when they are put together.
    assert!(whole.is_ok() || report.is_err());
    report.ok()
}
