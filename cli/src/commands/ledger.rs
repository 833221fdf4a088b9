//! `ledger`: what devices really downloaded.

mod check;
mod import;
mod report;

use crate::args::ledger::{LedgerAction, LedgerArgs, WhichArgs};
use crate::exit_code;
use crate::failure::Failure;
use mender_delta::fleet::ledger::error::LedgerError;
use mender_delta::fleet::ledger::import::Format;
use mender_delta::fleet::ledger::open::{Ledger, OpenOptions};
use std::path::Path;
use std::time::Duration;

pub(crate) fn run(args: &LedgerArgs) -> Result<(), Failure> {
    match &args.action {
        LedgerAction::Ingest(args) => import::run(args, Format::JsonLines),
        LedgerAction::ImportS3(args) => import::run(args, Format::S3AccessLog),
        LedgerAction::Report(args) => report::run(args),
        LedgerAction::Check(args) => check::run(args),
    }
}

fn open(which: &WhichArgs, create: bool, max_bytes: Option<u64>) -> Result<Ledger, Failure> {
    let mut options = OpenOptions::default();
    options.create = create;
    options.max_bytes = max_bytes;
    options.busy_timeout = Duration::from_secs(which.busy_timeout.into());
    Ledger::open(&which.db, &options).map_err(|error| failed(which, &error))
}

fn failed(which: &WhichArgs, error: &LedgerError) -> Failure {
    let status = exit_code::of_ledger_error(error);
    // A URL may have a password in it.
    match which.db.contains("://") {
        true => Failure::plain(status, error.to_string()),
        false => Failure::about(Path::new(&which.db), status, error),
    }
}
