//! Estimates of deltas from the Artifacts themselves.

use super::artifacts::Artifacts;
use crate::failure::chain;
use crate::progress::Progress;
use crate::report;
use mender_artifact::error::{Entry, Error};
use mender_artifact::read::{PayloadSink, ReadOptions, read_artifact};
use mender_delta::estimate::estimate;
use mender_delta::fleet::plan::insight::{Insight, Pair};
use mender_delta::fleet::tenant::TenantId;
use mender_delta::mapped::MappedImage;
use mender_delta::options::GenerateOptions;
use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Estimates deltas between Artifacts that are there.
pub(super) struct Estimates<'a> {
    artifacts: &'a Artifacts,
    /// The image that was unpacked last as the new one, and the Artifact that it is from: most deltas lead to the same.
    new: RefCell<Option<(String, MappedImage)>>,
}

impl<'a> Estimates<'a> {
    pub(super) fn new(artifacts: &'a Artifacts) -> Self {
        Self { artifacts, new: RefCell::new(None) }
    }

    /// The image in an Artifact; `None`, and says why, if it is not to be had.
    fn image(&self, id: &str) -> Option<MappedImage> {
        let Some(path) = self.artifacts.files.get(id) else {
            report::warn(&format!("{id}: not estimated: the artifact is not there"));
            return None;
        };
        let image = unpack(path);
        image.map_err(|why| report::warn(&format!("{}: not estimated: {why}", path.display()))).ok()
    }
}

impl Insight for Estimates<'_> {
    fn estimate(&self, _: &TenantId, pair: &Pair<'_>) -> Option<u64> {
        let old = self.image(&pair.from.id)?;
        let mut new = self.new.borrow_mut();
        let known = new.take().filter(|(id, _)| *id == pair.to.id);
        let (_, new) = new.insert(match known {
            Some(known) => known,
            None => (pair.to.id.clone(), self.image(&pair.to.id)?),
        });
        let progress = Progress::new();
        let told = |phase, done, total| progress.tell_phase(phase, done, total);
        let options = GenerateOptions { progress: Some(&told), ..GenerateOptions::default() };
        let found = estimate(old.bytes(), new.bytes(), &options);
        let name = &pair.from.id;
        let found = found.map_err(|error| report::warn(&format!("{name}: not estimated: {}", chain(&error))));
        Some(found.ok()?.delta_len)
    }
}

/// The payload of an Artifact in a file without a name.
fn unpack(path: &Path) -> Result<MappedImage, String> {
    let failed = |error: &(dyn std::error::Error + 'static)| chain(error);
    let input = File::open(path).map_err(|error| failed(&error))?;
    let mut image = Image(tempfile::tempfile().map_err(|error| failed(&error))?);
    read_artifact(input, &ReadOptions::default(), &mut image).map_err(|error| failed(&error))?;
    MappedImage::of(&image.0).map_err(|error| failed(&error))
}

struct Image(File);

impl PayloadSink for Image {
    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.write_all(bytes).map_err(|error| Error::io(Entry::PayloadFile(0), error))
    }
}
