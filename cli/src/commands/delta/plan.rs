//! `delta plan`: which Artifact a device should get, and which deltas are worth making for a fleet.

mod artifacts;
mod estimates;

use crate::args::delta::AlgorithmName;
use crate::args::delta_plan::DeltaPlanArgs;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::{Input, read_small_or_standard};
use crate::output::{Output, is_no_input};
use crate::report;
use artifacts::{Artifacts, failure};
use estimates::Estimates;
use mender_delta::fleet::catalog::device::Device;
use mender_delta::fleet::catalog::error::CatalogError;
use mender_delta::fleet::catalog::limits::MAX_DOCUMENT_LEN;
use mender_delta::fleet::catalog::provides::apply_provides;
use mender_delta::fleet::catalog::select::{Candidates, Request};
use mender_delta::fleet::catalog::who_has::WhoHas;
use mender_delta::fleet::plan::fleet::{FleetOptions, FleetPlanner};
use mender_delta::fleet::plan::input::read_fleet;
use mender_delta::fleet::plan::policy::{DeltaKind, Policy};
use mender_delta::fleet::plan::single::{Plan, plan};
use mender_delta::fleet::tenant::TenantId;
use std::io::{BufReader, Write};
use std::path::Path;
use std::time::SystemTime;

pub(crate) fn run(args: &DeltaPlanArgs) -> Result<(), Failure> {
    let policy = policy(args)?;
    let artifacts = Artifacts::read(&args.catalog, &policy.tenant)?;
    if let Some(path) = &args.save_catalog {
        save(path, args, &artifacts)?;
    }
    let candidates = match &args.release {
        Some(name) => Candidates::Release(name),
        None => Candidates::Ids(&args.artifact),
    };
    let request = Request {
        candidates,
        allowed: None,
        max_bytes: args.max_size,
        require_signed: args.require_signed,
        require_module: !args.any_module,
        reinstall: args.reinstall,
    };
    match (&args.device, &args.fleet, &args.who_has) {
        (_, Some(path), Some(id)) => who_has(args, path, id, &artifacts),
        (_, Some(path), None) => fleet(args, path, &artifacts, request, &policy),
        (Some(path), _, _) => device(args, path, &artifacts, &request, &policy),
        (None, None, _) => Err(Failure::usage("expected --device or --fleet")),
    }
}

fn policy(args: &DeltaPlanArgs) -> Result<Policy, Failure> {
    let tenant = TenantId::new(&args.tenant).map_err(|error| Failure::usage(format!("--tenant: {error}")))?;
    let kind = |name: &AlgorithmName| match name {
        AlgorithmName::Native => Ok(DeltaKind::Native),
        AlgorithmName::Xdelta3 => Ok(DeltaKind::Xdelta3),
        AlgorithmName::Bsdiff => Err(Failure::usage("--algorithm: expected native or xdelta3, found bsdiff")),
    };
    let mut policy = Policy {
        enabled: !args.no_generate,
        max_image_bytes: args.max_image_size,
        min_saving_permille: permille(args.min_saving),
        decode_memory_bytes: args.apply_memory,
        can_sign: args.can_sign,
        ..Policy::new(tenant)
    };
    if !args.algorithm.is_empty() {
        policy.kinds = args.algorithm.iter().map(kind).collect::<Result<_, _>>()?;
    }
    Ok(policy)
}

/// Tenths of a per cent; the command line has seen to their being less than 1,000.
fn permille(tenths: u64) -> u16 {
    u16::try_from(tenths).unwrap_or(1000)
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

fn save(path: &Path, args: &DeltaPlanArgs, artifacts: &Artifacts) -> Result<(), Failure> {
    let inputs: Vec<&Path> =
        args.catalog.iter().chain(&args.device).chain(&args.fleet).map(AsRef::as_ref).collect();
    is_no_input(path, &inputs)?;
    let mut output = Output::create(path)?;
    for artifact in artifacts.catalog.iter() {
        let written = serde_json::to_writer(&mut output, artifact).map_err(std::io::Error::from);
        let written = written.and_then(|()| output.write_all(b"\n"));
        written.map_err(|error| Failure::io(path, ExitStatus::Output, &error))?;
    }
    output.commit()
}

fn device(
    args: &DeltaPlanArgs,
    path: &Path,
    artifacts: &Artifacts,
    request: &Request<'_>,
    policy: &Policy,
) -> Result<(), Failure> {
    let json = read_small_or_standard(path, MAX_DOCUMENT_LEN as u64, ExitStatus::OpenInput)?;
    let device = Device::from_json(&json).map_err(|error| failure(path, &error))?;
    let answer = plan(&artifacts.catalog, &device, request, policy, &(), now())
        .map_err(|error| failure(path, &error))?;
    let installed = match answer.plan {
        Plan::Full { artifact, .. } | Plan::Existing { artifact } => Some(artifact),
        // A delta installs what the full Artifact does.
        Plan::Generate { to, .. } => Some(to),
        Plan::Nothing => None,
    };
    let after = installed.map(|artifact| apply_provides(&device, artifact));
    report::print(&if args.json {
        report::plan::device_json(&answer, after.as_ref())
    } else {
        report::plan::device_text(&answer, after.as_ref())
    })
}

/// Reads a fleet, device by device.
fn read(
    path: &Path,
    keys: Option<&[String]>,
    each: &mut dyn FnMut(Device) -> Result<(), CatalogError>,
) -> Result<(), Failure> {
    let input = BufReader::with_capacity(1 << 18, Input::open(path)?);
    read_fleet(input, keys, each).map(|_| ()).map_err(|wrong| {
        let status = artifacts::status(&wrong.error);
        Failure::about(path, status, crate::failure::chain(&wrong))
    })
}

fn fleet(
    args: &DeltaPlanArgs,
    path: &Path,
    artifacts: &Artifacts,
    request: Request<'_>,
    policy: &Policy,
) -> Result<(), Failure> {
    let options = FleetOptions {
        estimates: args.estimate,
        assumed_permille: args.assume.map(permille),
        ..FleetOptions::default()
    };
    let failed = |error: CatalogError| failure(path, &error);
    let mut planner = FleetPlanner::new(&artifacts.catalog, request, policy, &options).map_err(failed)?;
    let keys = planner.keys().to_vec();
    read(path, Some(&keys), &mut |device| planner.add(device))?;
    let estimates = Estimates::new(artifacts);
    let plan = planner.finish(&estimates, now()).map_err(failed)?;
    report::print(&if args.json { report::plan::fleet_json(&plan) } else { report::plan::fleet_text(&plan) })
}

fn who_has(args: &DeltaPlanArgs, path: &Path, id: &str, artifacts: &Artifacts) -> Result<(), Failure> {
    let missing = || Failure::usage(format!("--who-has: no artifact has the id '{id}'"));
    let artifact = artifacts.catalog.get(id).ok_or_else(missing)?;
    let mut found = WhoHas::default();
    read(path, None, &mut |device| {
        found.add(&device, artifact);
        Ok(())
    })?;
    report::print(&if args.json {
        report::plan::who_has_json(id, &found)
    } else {
        report::plan::who_has_text(&found)
    })
}
