//! What a server does for a device that asks: choose, and have the delta made that would be worth it. docs/server.md shows the
//! middle of it.
//!
//!     serve WORK_FOLDER STORE DEVICE.json OLD.mender NEW.mender
//!
//! prints the SHA-256 of the Artifact that the device is to get.
#![allow(clippy::print_stdout, reason = "this is a program")]

use mender_artifact::read::ReadOptions;
use mender_delta::fleet::catalog::device::Device;
use mender_delta::fleet::catalog::index::Catalog;
use mender_delta::fleet::catalog::limits::CatalogLimits;
use mender_delta::fleet::catalog::select::{Candidates, Request};
use mender_delta::fleet::catalog::summary::ArtifactSummary;
use mender_delta::fleet::job::engine::Engine;
use mender_delta::fleet::job::input::Inputs;
use mender_delta::fleet::job::options::EngineOptions;
use mender_delta::fleet::job::spec::JobSpec;
use mender_delta::fleet::plan::policy::Policy;
use mender_delta::fleet::plan::single::plan;
use mender_delta::fleet::store::Store;
use mender_delta::fleet::store::options::StoreOptions;
use mender_delta::fleet::tenant::TenantId;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// What there is for one tenant.
struct Server {
    engine: Engine,
    catalog: Catalog,
    /// Full Artifacts by identifier.
    files: BTreeMap<String, PathBuf>,
}

impl Server {
    /// The identifier of the Artifact of a release that a device is to get; none if there is nothing for it.
    fn answer(&mut self, device: &Device, release: &str) -> Result<Option<String>, Box<dyn Error>> {
        // Jobs are all alike, but for the two Artifacts.
        let usual = JobSpec::new(self.catalog.tenant().clone());
        let queue = Some(self.engine.queue(&usual.tenant));
        let policy = Policy { queue, ..Policy::new(usual.tenant.clone()) };
        let request = Request { candidates: Candidates::Release(release), ..Request::default() };
        let insight = self.engine.insight(&usual);
        let now = SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
        let plan = plan(&self.catalog, device, &request, &policy, &insight, now)?.plan;
        let Some(pair) = plan.pair() else {
            return Ok(plan.artifact().map(|artifact| artifact.id.clone()));
        };
        // In the store already, under way, or to be made: asking is the same.
        let job = self.engine.submit(
            insight.spec(&pair),
            Inputs::paths(&self.files[&pair.from.id], &self.files[&pair.to.id]),
        )?;
        // A server would tell the device to ask again, and others that ask meanwhile, too.
        if job.wait(Duration::from_secs(600)).failure.is_some() {
            return Ok(Some(pair.to.id.clone()));
        }
        let delta = ArtifactSummary::from_artifact(job.output(), None, &ReadOptions::default())?;
        let id = delta.id.clone();
        // From now on it is a candidate as others are.
        self.catalog.insert(delta)?;
        Ok(Some(id))
    }
}

impl Server {
    fn new(work: &str, store: &str, artifacts: &[PathBuf]) -> Result<Self, Box<dyn Error>> {
        let store = Store::open(store, &StoreOptions::default())?;
        let engine = Engine::new(EngineOptions { store: Some(store), ..EngineOptions::new(work) })?;
        let mut catalog = Catalog::new(TenantId::new("acme")?, &CatalogLimits::default());
        let mut files = BTreeMap::new();
        for path in artifacts {
            let artifact = ArtifactSummary::from_artifact(File::open(path)?, None, &ReadOptions::default())?;
            files.insert(artifact.id.clone(), path.clone());
            catalog.insert(artifact)?;
        }
        Ok(Self { engine, catalog, files })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [work, store, device, old, new] = &arguments[..] else {
        return Err("usage: serve WORK_FOLDER STORE DEVICE.json OLD.mender NEW.mender".into());
    };
    let device = Device::from_json(&fs::read(device)?)?;
    let release = ArtifactSummary::from_artifact(File::open(new)?, None, &ReadOptions::default())?.name;
    let mut server = Server::new(work, store, &[old.into(), new.into()])?;
    println!("{}", server.answer(&device, &release)?.unwrap_or_else(|| "nothing".to_owned()));
    Ok(())
}
