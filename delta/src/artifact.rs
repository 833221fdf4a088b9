//! Delta Artifacts: two full Artifacts to one that carries the way from one to the other. Outside of `fleet` the
//! only file that knows the crate `mender-artifact`.

use crate::algorithm::{Algorithm, Made, generate};
use crate::error::Error;
use crate::mapped::MappedImage;
use crate::options::GenerateOptions;
use mender_artifact::compression::Compression;
use mender_artifact::error as artifact_error;
use mender_artifact::header::{ArtifactHeader, PayloadFile, PayloadHeader, TypeInfoValue};
use mender_artifact::limits::Limits;
use mender_artifact::read::verify::{SignatureRule, Verify};
use mender_artifact::read::{PayloadSink, ReadOptions, read_artifact};
use mender_artifact::sign::Signer;
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan, ROOTFS_IMAGE};
use mender_artifact::write::{WriteOptions, write_artifact};
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Payload type of Artifacts that carry a native delta: the name of the Update Module that applies it.
pub const PAYLOAD_TYPE: &str = "mender-delta";
/// Payload type of Artifacts that carry a VCDIFF delta: Mender's own Update Module.
pub const XDELTA3_PAYLOAD_TYPE: &str = "mender-binary-delta";
/// `delta_algorithm` in the meta-data of a native delta.
pub const ALGORITHM: &str = "mender-native";
/// The key under which devices know the SHA-256 of their root file system.
pub const CHECKSUM: &str = "rootfs-image.checksum";

/// Looks at a delta before it is put into an Artifact.
pub trait Review {
    /// `delta` turns `old` into `new`; its cursor may be left anywhere.
    ///
    /// # Errors
    /// Ends the work: nothing more is written.
    fn review(&self, old: &[u8], new: &[u8], made: &Made, delta: &mut File) -> Result<(), Error>;
}

/// Options of [`write_delta_artifact`].
#[derive(Clone, Copy, Default)]
pub struct DeltaArtifactOptions<'a> {
    /// How the delta is made.
    pub generate: GenerateOptions<'a>,
    /// In which format; decides the payload type.
    pub algorithm: Algorithm<'a>,
    /// Words for the command line of the decoder, with [`Algorithm::Xdelta3`]; the meta-data carries them.
    pub decoder_arguments: &'a [String],
    /// Signs the delta Artifact.
    pub signer: Option<&'a dyn Signer>,
    /// Key that both Artifacts must be signed with.
    pub verify: Option<&'a dyn Verify>,
    /// Folder for the unpacked images, which have no name there; by default the system's.
    pub spool_directory: Option<&'a Path>,
    /// Packing of the delta Artifact; the delta itself is packed already.
    pub compression: Compression,
    /// Asked whether the delta is good enough.
    pub review: Option<&'a dyn Review>,
    /// Most recent time that the delta Artifact may show, in seconds since 1970.
    pub source_date_epoch: Option<i64>,
    /// Threads that pack the delta Artifact; 0 takes one for each processor.
    pub threads: usize,
}

/// What writing a delta Artifact gave. Lengths are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaArtifactReport {
    /// Of the full Artifact that the delta stands for.
    pub full_artifact_len: u64,
    /// Of the delta Artifact.
    pub delta_artifact_len: u64,
    /// About the delta inside.
    pub delta: Made,
    /// The manifest: what a signature is made of.
    pub manifest: Vec<u8>,
}

/// Writes to `output` an Artifact that turns the image in the Artifact `from` into the one in `to`. Name, device
/// types, scripts, provides, depends, clears and group are those of `to`; it depends on the checksum of `from`.
///
/// # Errors
/// `Artifact` when one cannot be read, `Pair` when they do not make a delta, those of [`generate`], and `Io`.
pub fn write_delta_artifact(
    from: &Path,
    to: &Path,
    output: &mut dyn Write,
    options: &DeltaArtifactOptions<'_>,
) -> Result<DeltaArtifactReport, Error> {
    let unpack = UnpackOptions {
        spool_directory: options.spool_directory,
        verify: options.verify,
        cancel: options.generate.cancel,
        ..UnpackOptions::default()
    };
    let (old, new) =
        rayon::join(|| UnpackedArtifact::open(from, &unpack), || UnpackedArtifact::open(to, &unpack));
    DeltaPayload::make(&old?, &new?, options)?.write(output, options.signer, options)
}

/// A delta that has been made and proved, and everything that its Artifact will say.
pub struct DeltaPayload {
    header: PayloadHeader,
    /// Of the full Artifact.
    artifact: ArtifactHeader,
    /// The image.
    file: PayloadFile,
    full_artifact_len: u64,
    delta: File,
    made: Made,
}

impl DeltaPayload {
    /// Makes the delta between two Artifacts.
    ///
    /// # Errors
    /// `Pair` when they do not make a delta, those of [`generate`], `Io`, and those of [`Review`].
    pub fn make(
        old: &UnpackedArtifact,
        new: &UnpackedArtifact,
        options: &DeltaArtifactOptions<'_>,
    ) -> Result<Self, Error> {
        let header = payload_of_delta(old, new, options)?;
        let mut delta = spool_file(options.spool_directory)?;
        let (old_image, new_image) = (old.map()?, new.map()?);
        let (old_bytes, new_bytes) = (old_image.bytes(), new_image.bytes());
        let relieve = || [&old_image, &new_image].into_iter().for_each(MappedImage::release);
        let generating = GenerateOptions { relieve: Some(&relieve), ..options.generate };
        let made = generate(old_bytes, new_bytes, &generating, &options.algorithm, &mut delta)?;
        if let Some(review) = options.review {
            review.review(old_bytes, new_bytes, &made, &mut delta)?;
        }
        Ok(DeltaPayload {
            header,
            artifact: new.header.clone(),
            file: new.file.clone(),
            full_artifact_len: new.len,
            delta,
            made,
        })
    }

    /// Writes the Artifact; as often as wanted, for instance again when there is a signature for what the first one's
    /// manifest says.
    ///
    /// # Errors
    /// `Artifact` when it cannot be written or signed, and `Io`.
    pub fn write(
        &mut self,
        output: &mut dyn Write,
        signer: Option<&dyn Signer>,
        options: &DeltaArtifactOptions<'_>,
    ) -> Result<DeltaArtifactReport, Error> {
        self.delta.rewind().map_err(spooling)?;
        let file = PayloadInput::from_reader(delta_name(&self.file), Some(self.made.delta_len), &self.delta)
            .with_mode(self.file.mode)
            .with_modified(self.file.modified);
        let plan = ArtifactPlan {
            payloads: vec![PayloadPlan {
                header: self.header.clone(),
                files: vec![file],
                checksum_provide: None,
            }],
            compression: options.compression,
            signer,
            ..ArtifactPlan::like(&self.artifact)
        };
        let default = WriteOptions::default();
        let write = WriteOptions {
            source_date_epoch: options.source_date_epoch,
            cancel: options.generate.cancel,
            threads: NonZeroUsize::new(options.threads).unwrap_or(default.threads),
            spool_directory: options
                .spool_directory
                .map_or_else(|| default.spool_directory.clone(), Path::to_path_buf),
            ..default
        };
        let written = write_artifact(plan, output, &write)
            .map_err(|source| Error::Artifact { path: "delta Artifact".into(), source })?;
        Ok(DeltaArtifactReport {
            full_artifact_len: self.full_artifact_len,
            delta_artifact_len: written.artifact_len_bytes,
            delta: self.made,
            manifest: written.manifest,
        })
    }
}

fn delta_name(file: &PayloadFile) -> String {
    format!("{}.delta", file.name)
}

fn spooling(source: std::io::Error) -> Error {
    Error::Io { action: "use the spool file", path: "temporary file".into(), source }
}

fn spool_file(directory: Option<&Path>) -> Result<File, Error> {
    directory.map_or_else(tempfile::tempfile, tempfile::tempfile_in).map_err(spooling)
}

/// How an Artifact is unpacked.
#[derive(Clone, Copy, Default)]
pub struct UnpackOptions<'a> {
    /// Folder for the unpacked image, which has no name there; by default the system's.
    pub spool_directory: Option<&'a Path>,
    /// Key that the Artifact must be signed with.
    pub verify: Option<&'a dyn Verify>,
    /// Called with the bytes of the image before the first of them is written; may refuse them.
    pub admit: Option<&'a (dyn Fn(u64) -> Result<(), Error> + Sync)>,
    /// Ends the work with [`Error::Cancelled`] when it becomes true.
    pub cancel: Option<&'a AtomicBool>,
}

/// An Artifact with its image unpacked.
pub struct UnpackedArtifact {
    path: PathBuf,
    header: ArtifactHeader,
    /// Of the image.
    file: PayloadFile,
    image: File,
    /// Of the Artifact.
    len: u64,
}

impl UnpackedArtifact {
    fn open(path: &Path, options: &UnpackOptions<'_>) -> Result<Self, Error> {
        let failed = |source| Error::Io { action: "open", path: path.into(), source };
        Self::read(File::open(path).map_err(failed)?, path, options)
    }

    /// Reads an Artifact of a root file system image to its end, checks everything, and unpacks the image. `path` is what
    /// errors call it.
    ///
    /// # Errors
    /// `Artifact` when it cannot be read, `Pair` when it has something else in it, `Io` for the temporary file, those of
    /// [`UnpackOptions::admit`].
    pub fn read(input: impl Read, path: &Path, options: &UnpackOptions<'_>) -> Result<Self, Error> {
        let out = BufWriter::with_capacity(1 << 18, spool_file(options.spool_directory)?);
        let mut sink = Image { out, options, refused: None, failed: None };
        let signature = options.verify.map_or(SignatureRule::NotChecked, SignatureRule::Require);
        let read = ReadOptions { limits: Limits::computer(), signature, skip_script_contents: false };
        let read = read_artifact(input, &read, &mut sink);
        if let Some((field, found)) = sink.refused {
            let expected = if field == "payload type" { ROOTFS_IMAGE } else { "1" }.to_owned();
            return Err(Error::Pair { path: path.into(), field, expected, found });
        }
        if let Some(failed) = sink.failed {
            return Err(failed);
        }
        let report = read.map_err(|source| Error::Artifact { path: path.into(), source })?;
        let image = sink.out.into_inner().map_err(|error| spooling(error.into_error()))?;
        let file = report.header.payloads.first().and_then(|payload| payload.files.first()).cloned();
        let missing = Error::Pair {
            path: path.into(),
            field: "payload files",
            expected: "1".into(),
            found: "0".into(),
        };
        Ok(UnpackedArtifact {
            path: path.into(),
            file: file.ok_or(missing)?,
            header: report.header,
            image,
            len: report.size_bytes,
        })
    }

    /// Bytes of the image.
    pub fn image_len(&self) -> u64 {
        self.file.size
    }

    /// SHA-256 of the image.
    pub fn image_sha256(&self) -> &[u8; 32] {
        &self.file.checksum
    }

    /// Bytes of the Artifact.
    pub fn artifact_len(&self) -> u64 {
        self.len
    }

    /// The image.
    ///
    /// # Errors
    /// `Io` when it cannot be mapped.
    pub fn map(&self) -> Result<MappedImage, Error> {
        MappedImage::of(&self.image).map_err(spooling)
    }

    /// The payload's header; reading has made sure that there is just one.
    fn payload(&self) -> Result<&PayloadHeader, Error> {
        self.header.payloads.first().ok_or(Error::Usage("the Artifact has no payload"))
    }

    /// SHA-256 of the image in hexadecimal.
    fn checksum(&self) -> String {
        self.file.checksum.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether the Artifact provides the checksum of its image: what a device will then compare.
    fn check_provides(&self) -> Result<(), Error> {
        let found = match self.payload()?.provides.get(CHECKSUM) {
            Some(TypeInfoValue::One(value)) if *value == self.checksum() => return Ok(()),
            Some(TypeInfoValue::One(value)) => value.clone(),
            Some(TypeInfoValue::Many(_)) => "a list".to_owned(),
            None => "nothing".to_owned(),
        };
        let field = "provides rootfs-image.checksum";
        Err(Error::Pair { path: self.path.clone(), field, expected: self.checksum(), found })
    }
}

/// Takes the only file of a root file system image; refuses other Artifacts before their payload comes.
struct Image<'o> {
    out: BufWriter<File>,
    options: &'o UnpackOptions<'o>,
    /// The field at fault, and what it is.
    refused: Option<(&'static str, String)>,
    /// What else ended the reading from here.
    failed: Option<Error>,
}

impl Image<'_> {
    /// Ends the reading with an error of its own.
    fn end(&mut self, result: Result<(), Error>) -> Result<(), artifact_error::Error> {
        result.map_err(|error| {
            self.failed = Some(error);
            artifact_error::Error::new(
                artifact_error::Defect::Cancelled,
                artifact_error::Entry::PayloadFile(0),
            )
        })
    }
}

impl PayloadSink for Image<'_> {
    fn header(&mut self, header: &ArtifactHeader) -> Result<(), artifact_error::Error> {
        self.refused = match &header.payloads[..] {
            [payload] if payload.payload_type.as_deref() != Some(ROOTFS_IMAGE) => {
                Some(("payload type", payload.payload_type.clone().unwrap_or_else(|| "none".to_owned())))
            }
            [payload] if payload.files.len() != 1 => Some(("payload files", payload.files.len().to_string())),
            [_] => return Ok(()),
            payloads => Some(("payloads", payloads.len().to_string())),
        };
        Err(artifact_error::Error::new(artifact_error::Defect::Cancelled, artifact_error::Entry::HeaderInfo))
    }

    fn begin_file(&mut self, _: usize, _: &str, size: u64) -> Result<(), artifact_error::Error> {
        let admitted = self.options.admit.map_or(Ok(()), |admit| admit(size));
        self.end(admitted)
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), artifact_error::Error> {
        let is_cancelled = self.options.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed));
        let written =
            if is_cancelled { Err(Error::Cancelled) } else { self.out.write_all(bytes).map_err(spooling) };
        self.end(written)
    }
}

/// What the delta Artifact says of its payload.
fn payload_of_delta(
    old: &UnpackedArtifact,
    new: &UnpackedArtifact,
    options: &DeltaArtifactOptions<'_>,
) -> Result<PayloadHeader, Error> {
    old.check_provides()?;
    new.check_provides()?;
    if !new.header.compatible_types.iter().any(|device| old.header.compatible_types.contains(device)) {
        return Err(Error::Pair {
            path: new.path.clone(),
            field: "compatible types",
            expected: format!("one of {}", old.header.compatible_types.join(", ")),
            found: new.header.compatible_types.join(", "),
        });
    }
    let from = new.payload()?;
    let mut depends = from.depends.clone();
    let on = TypeInfoValue::One(old.checksum());
    if let Some(other) = depends.insert(CHECKSUM.to_owned(), on.clone()).filter(|other| *other != on) {
        let found = match other {
            TypeInfoValue::One(value) => value,
            TypeInfoValue::Many(values) => values.join(", "),
        };
        let field = "depends rootfs-image.checksum";
        return Err(Error::Pair { path: new.path.clone(), field, expected: old.checksum(), found });
    }
    let (payload_type, algorithm) = match options.algorithm {
        Algorithm::Native => (PAYLOAD_TYPE, ALGORITHM),
        Algorithm::Xdelta3(_) => (XDELTA3_PAYLOAD_TYPE, "xdelta3"),
        Algorithm::Bsdiff => (PAYLOAD_TYPE, "bsdiff"),
    };
    let mut meta_data = json!({ "delta_algorithm": algorithm, "rootfs_file_size": new.file.size });
    if !options.decoder_arguments.is_empty() {
        meta_data["decoder_arguments"] = json!(options.decoder_arguments);
    }
    Ok(PayloadHeader {
        payload_type: Some(payload_type.to_owned()),
        provides: from.provides.clone(),
        depends,
        clears: from.clears.clone(),
        meta_data: Some(meta_data),
        files: Vec::new(),
    })
}
