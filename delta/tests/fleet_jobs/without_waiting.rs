//! Pushing without ever waiting.

use super::artifacts::{Folder, spec};
use super::outcome::{done, output, plainly};
use mender_delta::fleet::job::failure::Side;
use mender_delta::fleet::job::handle::JobHandle;
use mender_delta::fleet::job::input::Inputs;
use mender_delta::fleet::reason::Reason;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Offers bytes until they are taken; says how often they were not. Nothing at all is the end.
fn offer(job: &JobHandle, side: Side, mut bytes: &[u8]) -> u32 {
    let mut refused = 0;
    loop {
        match job.try_feed(side, bytes).unwrap() {
            Some(taken) if taken == bytes.len() => return refused,
            Some(taken) => bytes = &bytes[taken..],
            None => {
                refused += 1;
                assert!(refused < 60_000);
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

#[test]
fn as_much_is_taken_as_there_is_room_for() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let engine = folder.engine();
    let job = engine.submit(spec("a"), Inputs::pushed()).unwrap();
    for (side, path) in [(Side::From, &from), (Side::To, &to)] {
        offer(&job, side, &fs::read(path).unwrap());
        offer(&job, side, &[]);
        if side == Side::From {
            assert_eq!(job.try_feed(side, b"more").unwrap_err().reason, Reason::WrongState);
        }
    }
    done(&job);
    assert!(output(&job) == plainly(&from, &to));
    // Who still pushes to a job that is done, as an equal one was, is not told off.
    assert_eq!(job.try_feed(Side::To, b"more").unwrap(), Some(4));
    assert_eq!(job.try_feed(Side::To, b"").unwrap(), Some(0));
}

#[test]
fn no_call_waits_and_a_job_that_is_over_says_why() {
    let folder = Folder::new();
    let engine = folder.engine();
    let job = engine.submit(spec("a"), Inputs::pushed()).unwrap();
    let begin = Instant::now();
    // More than goes in at once, whatever the reader takes meanwhile.
    let much = vec![0; 64 << 20];
    match job.try_feed(Side::From, &much) {
        Ok(taken) => assert!(taken.is_none_or(|taken| taken < much.len())),
        Err(failure) => assert_eq!(failure.reason, Reason::BadArtifact),
    }
    assert!(begin.elapsed() < Duration::from_secs(2));
    job.cancel();
    let failure = job.try_feed(Side::From, b"x").unwrap_err();
    assert!(matches!(failure.reason, Reason::Cancelled | Reason::BadArtifact), "{failure}");
}
