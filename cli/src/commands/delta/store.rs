//! `delta store`: what is in a store, into it, out of it, and what has to go.

use super::store_address::{failed, open, tenant};
use crate::args::server::{StoreAction, StoreArgs, StoreGcArgs, StoreGetArgs, StoreListArgs, StorePutArgs};
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::report;
use mender_delta::fleet::clock::{Clock, SystemClock};
use mender_delta::fleet::digest::Sha256Sum;
use mender_delta::fleet::job::key::JobKey;
use mender_delta::fleet::store::error::StoreError;
use mender_delta::fleet::store::gc::{GcOptions, GcReport};
use serde_json::json;
use std::fs::File;

pub(crate) fn run(args: &StoreArgs) -> Result<(), Failure> {
    match &args.action {
        StoreAction::List(args) => list(args),
        StoreAction::Get(args) => get(args),
        StoreAction::Put(args) => put(args),
        StoreAction::Gc(args) => collect(args),
    }
}

fn list(args: &StoreListArgs) -> Result<(), Failure> {
    let tenant = tenant(&args.tenant.tenant)?;
    let entries = open(&args.at.store, &args.at.settings)?.list(&tenant).map_err(|error| failed(&error))?;
    let mut text = String::new();
    for entry in &entries {
        let object = entry.record.object;
        if args.json {
            let line = json!({
                "v": 1, "key": entry.key, "sha256": object.sha256, "len": object.len,
                "published": entry.record.published, "note": entry.record.note,
            });
            text.push_str(&format!("{line}\n"));
        } else {
            text.push_str(&format!("{}  {}  {:>12}\n", entry.key, object.sha256, object.len));
        }
    }
    report::print(&text)
}

fn get(args: &StoreGetArgs) -> Result<(), Failure> {
    let tenant = tenant(&args.tenant.tenant)?;
    let store = open(&args.at.store, &args.at.settings)?;
    let wrong = |what: &str| Failure::usage(format!("--{what}: expected 64 lower-case hexadecimal digits"));
    let sha256: Sha256Sum = match (&args.key, &args.object) {
        (Some(key), _) => {
            let key: JobKey = key.parse().map_err(|_| wrong("key"))?;
            let missing = || StoreError::Missing { entry: key.to_string() };
            let found = store.find(&tenant, &key).and_then(|record| record.ok_or_else(missing));
            found.map_err(|error| failed(&error))?.object.sha256
        }
        (None, Some(object)) => object.parse().map_err(|_| wrong("object"))?,
        (None, None) => return Err(Failure::usage("expected --key or --object")),
    };
    store.fetch(&tenant, &sha256, &args.output_path).map_err(|error| failed(&error))?;
    Ok(())
}

fn put(args: &StorePutArgs) -> Result<(), Failure> {
    let tenant = tenant(&args.tenant.tenant)?;
    let mut file =
        File::open(&args.file).map_err(|error| Failure::io(&args.file, ExitStatus::OpenInput, &error))?;
    let store = open(&args.at.store, &args.at.settings)?;
    let object = store.put(&tenant, &mut file, None).map_err(|error| failed(&error))?;
    report::print(&format!("{}\n", object.sha256))
}

fn collect(args: &StoreGcArgs) -> Result<(), Failure> {
    let tenant = tenant(&args.tenant.tenant)?;
    let options = GcOptions {
        max_age: args.max_age.map(|age| age.as_secs()),
        quota: args.quota,
        grace: args.grace.as_secs(),
        verify: args.verify,
        dry_run: args.dry_run,
        ..GcOptions::at(SystemClock.now())
    };
    let store = open(&args.at.store, &args.at.settings)?;
    let report = store.gc(&tenant, &options).map_err(|error| failed(&error))?;
    report::print(&if args.json { json_of(&report) } else { text_of(&report, args.dry_run) })
}

fn json_of(report: &GcReport) -> String {
    let json = json!({
        "v": 1,
        "keys_old": report.keys_old,
        "keys_over_quota": report.keys_over_quota,
        "keys_broken": report.keys_broken,
        "objects": report.objects,
        "bytes": report.bytes,
        "failures": report.failures,
        "kept_keys": report.kept_keys,
        "kept_bytes": report.kept_bytes,
    });
    format!("{json}\n")
}

fn text_of(report: &GcReport, dry_run: bool) -> String {
    format!(
        "{}: {} objects, {} bytes; keys: {} old, {} over the quota, {} broken; {} failures\nkept: {} keys, {} bytes\n",
        if dry_run { "would be removed" } else { "removed" },
        report.objects,
        report.bytes,
        report.keys_old,
        report.keys_over_quota,
        report.keys_broken,
        report.failures,
        report.kept_keys,
        report.kept_bytes,
    )
}
