//! `conf get|set|merge IMAGE`: the configuration of the Mender client inside of an image or Artifact.

pub(super) mod document;
pub(super) mod edit;

use super::inside::read::Image;
use crate::args::conf::ConfAction;
use crate::args::conf::{ConfArgs, ConfGetArgs, ConfMergeArgs, ConfSetArgs};
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::read_small_or_standard;
use crate::report;
use document::Key;
use serde_json::Value;
use std::path::Path;

/// More than any configuration has.
pub(super) const CONF_MAX_BYTES: u64 = 1 << 20;

pub(crate) fn run(args: &ConfArgs) -> Result<(), Failure> {
    match &args.action {
        ConfAction::Get(args) => get(args),
        ConfAction::Set(args) => set(args),
        ConfAction::Merge(args) => merge(args),
    }
}

fn get(args: &ConfGetArgs) -> Result<(), Failure> {
    let path = Path::new(&args.image);
    let keys: Vec<Key> = args.keys.iter().map(|key| Key::parse(key)).collect::<Result<_, _>>()?;
    let image = Image::open(path, &args.part)?;
    let route = image.route(args.conf.file.as_bytes(), &args.part)?;
    let text = image.small_file(&route, args.conf.file.as_bytes(), CONF_MAX_BYTES)?;
    let about = |message: String| Failure::about(path, ExitStatus::Invalid, message);
    let conf = document::parse(&text).map_err(|message| about(format!("{}: {message}", args.conf.file)))?;
    if keys.is_empty() {
        return report::print(&String::from_utf8_lossy(&text));
    }
    let mut lines = String::new();
    for key in &keys {
        let value = key.find(&conf).ok_or_else(|| {
            let message = format!("{}: expected the key {key}, found none", args.conf.file);
            Failure::about(path, ExitStatus::Usage, message)
        })?;
        match value {
            Value::String(text) => lines.push_str(text),
            other => lines.push_str(&other.to_string()),
        }
        lines.push('\n');
    }
    report::print(&lines)
}

fn set(args: &ConfSetArgs) -> Result<(), Failure> {
    let values = args.values.iter().map(|word| assignment(word)).collect::<Result<Vec<_>, _>>()?;
    edit::edit(Path::new(&args.image), &args.change, &args.conf.file, |conf| {
        values.iter().try_for_each(|(key, value)| key.set(conf, value))
    })
}

fn merge(args: &ConfMergeArgs) -> Result<(), Failure> {
    let patches = args.patches.iter().map(|word| patch(word)).collect::<Result<Vec<_>, _>>()?;
    edit::edit(Path::new(&args.image), &args.change, &args.conf.file, |conf| {
        for patch in &patches {
            match patch {
                Patch::Object(patch) => document::merge(conf, patch),
                Patch::Value(key, value) => key.set(conf, value)?,
            }
        }
        Ok(())
    })
}

enum Patch {
    Object(Value),
    Value(Key, String),
}

/// JSON itself, `KEY=VALUE`, or the name of a file with JSON.
fn patch(word: &str) -> Result<Patch, Failure> {
    let object = |text: &[u8], name: &str| {
        let about = |message: String| Failure::about(name, ExitStatus::Usage, message);
        document::parse(text).map(Patch::Object).map_err(about)
    };
    if word.trim_start().starts_with('{') {
        return object(word.as_bytes(), "PATCH");
    }
    if word.contains('=') && !Path::new(word).exists() {
        return assignment(word).map(|(key, value)| Patch::Value(key, value));
    }
    let text = read_small_or_standard(Path::new(word), CONF_MAX_BYTES, ExitStatus::OpenInput)?;
    object(&text, word)
}

fn assignment(word: &str) -> Result<(Key, String), Failure> {
    match word.split_once('=') {
        Some((key, value)) => Ok((Key::parse(key)?, value.to_owned())),
        None => Err(Failure::usage(format!("expected KEY=VALUE, found '{word}'"))),
    }
}
