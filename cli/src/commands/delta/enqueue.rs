//! `delta enqueue`: puts tasks from standard input into the queue that workers take them from.

use super::worker::{queue, queue_failed};
use crate::args::server::EnqueueArgs;
use crate::exit_code::{self, ExitStatus};
use crate::failure::Failure;
use crate::input::STANDARD;
use crate::report;
use mender_delta::fleet::worker::task::Task;
use serde_json::{Deserializer, Value, json};
use std::io::{Read, stdin};

/// Most bytes of all tasks together.
const MAX_LEN: u64 = 256 << 20;

pub(crate) fn run(args: &EnqueueArgs) -> Result<(), Failure> {
    let mut text = Vec::new();
    let unread = |error| Failure::io(STANDARD, ExitStatus::OpenInput, &error);
    stdin().lock().take(MAX_LEN + 1).read_to_end(&mut text).map_err(unread)?;
    if text.len() as u64 > MAX_LEN {
        return Err(Failure::plain(ExitStatus::Limit, format!("tasks: expected at most {MAX_LEN} bytes")));
    }
    // All are read before the first is put.
    let mut tasks = Vec::new();
    for value in Deserializer::from_slice(&text).into_iter::<Value>() {
        let value = value.map_err(|error| Failure::usage(format!("task {}: {error}", tasks.len() + 1)))?;
        let task = Task::from_json(value.to_string().as_bytes());
        tasks.push(task.map_err(|failure| {
            let text = format!("task {}: {failure}", tasks.len() + 1);
            Failure::plain(exit_code::of_reason(failure.reason), text)
        })?);
    }
    let queue = queue(&args.nats, &args.queue)?;
    for task in &tasks {
        let put = queue.enqueue(task, args.again.as_deref()).map_err(|error| queue_failed(&error))?;
        let line = json!({"v": 1, "task": task.id(), "sequence": put.sequence, "duplicate": put.duplicate});
        report::print(&format!("{line}\n"))?;
    }
    Ok(())
}
