//! The Artifacts that there are: files, folders of them, and JSON about them.

use crate::exit_code::{self, ExitStatus};
use crate::failure::{Failure, chain};
use crate::progress::{Counted, Progress};
use mender_artifact::read::ReadOptions;
use mender_delta::fleet::catalog::error::CatalogError;
use mender_delta::fleet::catalog::index::Catalog;
use mender_delta::fleet::catalog::limits::{CatalogLimits, MAX_CATALOG_LEN};
use mender_delta::fleet::catalog::summary::ArtifactSummary;
use mender_delta::fleet::tenant::TenantId;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

/// Ends of the names of files that a folder is looked through for.
const ENDS: [&str; 3] = ["mender", "json", "jsonl"];

/// A catalog, and where the Artifacts in it are.
pub(super) struct Artifacts {
    pub(super) catalog: Catalog,
    /// Files by identifier of the Artifact; those known from JSON have none.
    pub(super) files: BTreeMap<String, PathBuf>,
}

impl Artifacts {
    /// Reads all that these paths name.
    pub(super) fn read(paths: &[PathBuf], tenant: &TenantId) -> Result<Self, Failure> {
        let catalog = Catalog::new(tenant.clone(), &CatalogLimits::default());
        let mut artifacts = Self { catalog, files: BTreeMap::new() };
        for path in paths {
            let failed = |error: &std::io::Error| Failure::io(path, ExitStatus::OpenInput, error);
            if !fs::metadata(path).map_err(|error| failed(&error))?.is_dir() {
                artifacts.add_file(path)?;
                continue;
            }
            let entries = fs::read_dir(path).map_err(|error| failed(&error))?;
            let mut names: Vec<PathBuf> = entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<_, _>>()
                .map_err(|error| failed(&error))?;
            names.retain(|name| name.extension().is_some_and(|end| ENDS.iter().any(|known| end == *known)));
            names.sort();
            for name in names.iter().filter(|name| name.is_file()) {
                artifacts.add_file(name)?;
            }
        }
        Ok(artifacts)
    }

    fn add_file(&mut self, path: &Path) -> Result<(), Failure> {
        let failed = |error: &std::io::Error| Failure::io(path, ExitStatus::OpenInput, error);
        let mut file = File::open(path).map_err(|error| failed(&error))?;
        let mut begin = Vec::new();
        file.by_ref().take(512).read_to_end(&mut begin).map_err(|error| failed(&error))?;
        file.rewind().map_err(|error| failed(&error))?;
        let begin = begin.trim_ascii_start();
        if begin.is_empty() || begin.starts_with(b"{") || begin.starts_with(b"[") {
            return self.add_json(path, file);
        }
        let size = file.metadata().ok().map(|meta| meta.len());
        let id = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let input = Counted::new(file, "reading", size, Progress::new());
        let options = ReadOptions { skip_script_contents: true, ..ReadOptions::default() };
        let artifact = ArtifactSummary::from_artifact(input, Some(&id), &options);
        let artifact = artifact.map_err(|error| failure(path, &error))?;
        self.catalog.insert(artifact).map_err(|error| failure(path, &error))?;
        self.files.insert(id.into_owned(), path.to_path_buf());
        Ok(())
    }

    fn add_json(&mut self, path: &Path, file: File) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        let read = file.take(MAX_CATALOG_LEN as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| Failure::io(path, ExitStatus::System, &error))?;
        let all = ArtifactSummary::all_from_json(&bytes).map_err(|error| failure(path, &error))?;
        for artifact in all {
            self.catalog.insert(artifact).map_err(|error| failure(path, &error))?;
        }
        Ok(())
    }
}

/// What the catalog says about one file.
pub(super) fn failure(path: &Path, error: &CatalogError) -> Failure {
    match error {
        CatalogError::Artifact(error) => Failure::artifact(path, error),
        CatalogError::Io(error) => Failure::io(path, ExitStatus::System, error),
        _ => Failure::about(path, status(error), chain(error)),
    }
}

/// How a command ends that fails for this.
pub(super) fn status(error: &CatalogError) -> ExitStatus {
    match error {
        CatalogError::Artifact(error) => exit_code::of_artifact_error(error),
        CatalogError::Io(_) => ExitStatus::System,
        CatalogError::Limit { .. } => ExitStatus::Limit,
        CatalogError::TenantMismatch { .. } => ExitStatus::Usage,
        _ => ExitStatus::Invalid,
    }
}
