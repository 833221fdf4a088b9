//! `ledger report`: sums, as text, JSON, CSV or a page.

use super::{failed, open};
use crate::args::ledger::{ByName, FormatName, LedgerReportArgs};
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::output::{Output, is_no_input};
use mender_delta::fleet::ledger::render;
use mender_delta::fleet::ledger::report::{By, Query};
use std::io::Write;
use std::path::Path;

pub(super) fn run(args: &LedgerReportArgs) -> Result<(), Failure> {
    is_no_input(&args.output_path, &[Path::new(&args.which.db)])?;
    let by = match args.by {
        ByName::Device => By::Device,
        ByName::Deployment => By::Deployment,
        ByName::Tenant => By::Tenant,
        ByName::Day => By::Day,
    };
    let query = Query { by, since: args.since, until: args.until };
    let mut ledger = open(&args.which, false, None)?;
    let report =
        ledger.tenant(&args.which.tenant).report(&query).map_err(|error| failed(&args.which, &error))?;
    let text = match args.format {
        FormatName::Text => render::text(&report, args.top),
        FormatName::Json => format!("{:#}\n", render::json(&report)),
        FormatName::Csv => render::csv(&report),
        FormatName::Html => render::html(&report, args.top),
    };
    let path = &args.output_path;
    let mut output = Output::create(path)?;
    output.write_all(text.as_bytes()).map_err(|error| Failure::io(path, ExitStatus::Output, &error))?;
    output.commit()
}
