//! `ledger check`: whether the sums are what the events say.

use super::{failed, open};
use crate::args::ledger::LedgerCheckArgs;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::report;

pub(super) fn run(args: &LedgerCheckArgs) -> Result<(), Failure> {
    let mut ledger = open(&args.which, false, None)?;
    let damage = ledger.damage().map_err(|error| failed(&args.which, &error))?;
    if let Some(damage) = damage {
        return Err(Failure::plain(ExitStatus::Invalid, format!("ledger: check: corrupt: {damage}")));
    }
    let checked = ledger.tenant(&args.which.tenant).check().map_err(|error| failed(&args.which, &error))?;
    for difference in &checked.differences {
        report::warn(difference);
    }
    match checked.differences.len() {
        0 => report::print(&format!(
            "{} events of {} downloads: all sums are right\n",
            checked.events, checked.downloads
        )),
        _ => Err(Failure::plain(ExitStatus::Invalid, "ledger: check: the sums are not what the events say")),
    }
}
