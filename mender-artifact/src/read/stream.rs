//! Reads an Artifact from a stream: the skin over the reader core for programs with `std`.

use super::owned;
use super::parallel::InParallel;
use super::push::{Config, Event, FileHead, Reader, Told, memory_needed};
use super::verify::{SignatureRule, SignatureStatus};
use crate::compression::Compression;
use crate::error::{Defect, Entry, Error};
use crate::header::{ArtifactHeader, PayloadFile};
use crate::limits::Limits;
use std::io::{ErrorKind, Read};

/// Bytes that are read at once.
const PIECE: usize = 128 * 1024;

/// How to read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions<'v> {
    /// How much the Artifact may ask for; by default what suits a computer.
    pub limits: Limits,
    /// What to do about the signature; by default nothing.
    pub signature: SignatureRule<'v>,
    /// Leaves out the contents of state scripts.
    pub skip_script_contents: bool,
}

/// Where the payload goes. Every method does nothing unless it is written.
///
/// An error from any of them ends the reading and is handed through.
pub trait PayloadSink {
    /// The header is complete and verified as far as the options want it. Of the payload files
    /// only names and checksums are known. Refuse here to stop before the payload.
    ///
    /// # Errors
    /// The sink's own.
    fn header(&mut self, header: &ArtifactHeader) -> Result<(), Error> {
        let _ = header;
        Ok(())
    }

    /// A file of the payload with this number begins; `size` is in bytes, unpacked.
    ///
    /// # Errors
    /// The sink's own.
    fn begin_file(&mut self, payload: usize, name: &str, size: u64) -> Result<(), Error> {
        let _ = (payload, name, size);
        Ok(())
    }

    /// The next bytes of the file. Not to be trusted before [`PayloadSink::end_file`].
    ///
    /// # Errors
    /// The sink's own.
    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let _ = bytes;
        Ok(())
    }

    /// The file is complete and has the checksum that the manifest gives.
    ///
    /// # Errors
    /// The sink's own.
    fn end_file(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Takes no payload: for those who only want the header or a check.
impl PayloadSink for () {}

/// A whole Artifact, read to its end and found sound.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReadReport {
    /// What it says about itself, with everything about its payload files.
    pub header: ArtifactHeader,
    /// What is known about its signature.
    pub signature: SignatureStatus,
    /// How the header archive is compressed.
    pub compression: Compression,
    /// How the archive of each payload is compressed; `None` for a payload without files.
    pub payload_compressions: Vec<Option<Compression>>,
    /// Size of the Artifact in bytes.
    pub size_bytes: u64,
}

/// Reads `input` to its end, gives the payload to `sink`, and checks everything on the way.
///
/// ```no_run
/// use mender_artifact::read::{ReadOptions, read_artifact};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let file = std::fs::File::open("release.mender")?;
/// let report = read_artifact(file, &ReadOptions::default(), &mut ())?;
/// println!("{} for {:?}", report.header.artifact_name, report.header.compatible_types);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Defect::Io`] if `input` fails, whatever is wrong with the Artifact, and what `sink` says.
pub fn read_artifact<R: Read>(
    input: R,
    options: &ReadOptions<'_>,
    sink: &mut dyn PayloadSink,
) -> Result<ReadReport, Error> {
    let report = read_telling(input, options, sink, None)?;
    report.ok_or_else(|| Error::new(Defect::Missing, Entry::Header))
}

/// As [`read_artifact`]; with somebody to be told of problems, reading goes on after those that need
/// not be the end. There may then be no report, or one without what they concern.
pub(crate) fn read_telling<R: Read>(
    mut input: R,
    options: &ReadOptions<'_>,
    sink: &mut dyn PayloadSink,
    told: Option<&dyn Told>,
) -> Result<Option<ReadReport>, Error> {
    let config = Config {
        limits: options.limits.clone(),
        signature: options.signature,
        keep_scripts: !options.skip_script_contents,
    };
    let mut memory = vec![0; memory_needed(&options.limits)];
    let mut reader = Reader::new(&mut memory, config, InParallel)?;
    if let Some(told) = told {
        reader = reader.tells(told);
    }
    if std::thread::available_parallelism().is_ok_and(|threads| threads.get() > 1) {
        reader = reader.hashes_beside();
    }
    let mut progress = Progress::default();
    let mut buffer = vec![0; PIECE];
    loop {
        let len = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::io(Entry::Artifact, error).at(reader.offset())),
        };
        let mut piece = &buffer[..len];
        loop {
            match reader.push(&mut piece)? {
                Event::NeedInput => break,
                Event::Header(view) => {
                    progress.compression = view.compression();
                    match (owned::header(&view), told) {
                        (Ok(header), _) => sink.header(progress.header(header))?,
                        (Err(error), None) => return Err(error),
                        // Headers that contradict each other come to light here, all else before.
                        (Err(error), Some(told)) if error.defect() == Defect::Mismatch => told.problem(error),
                        (Err(_), Some(_)) => {}
                    }
                }
                Event::FileBegin(file) => {
                    match told {
                        None => progress.begin_file(&file)?,
                        // The reader has told of files that nobody expects.
                        Some(_) => drop(progress.begin_file(&file)),
                    }
                    sink.begin_file(usize::from(file.payload), file.name, file.size)?;
                }
                Event::Data(bytes) => sink.data(bytes)?,
                Event::FileEnd => sink.end_file()?,
            }
        }
    }
    reader.finish()?;
    Ok(progress.header.map(|header| ReadReport {
        header,
        signature: reader.signature().clone(),
        compression: progress.compression,
        payload_compressions: progress.payload_compressions,
        size_bytes: reader.offset(),
    }))
}

/// What has been learnt so far.
#[derive(Default)]
struct Progress {
    header: Option<ArtifactHeader>,
    compression: Compression,
    payload_compressions: Vec<Option<Compression>>,
    /// Where the next file is listed, if the files come in the order of the list.
    next_file: usize,
}

impl Progress {
    fn header(&mut self, header: ArtifactHeader) -> &ArtifactHeader {
        self.payload_compressions = vec![None; header.payloads.len()];
        self.header.insert(header)
    }

    fn begin_file(&mut self, file: &FileHead<'_>) -> Result<(), Error> {
        let payload = usize::from(file.payload);
        if let Some(known) = self.payload_compressions.get_mut(payload) {
            *known = Some(file.compression);
        }
        let unknown = || {
            let error = Error::new(Defect::Unknown, Entry::PayloadFile(file.payload));
            error.named(file.name.as_bytes()).expected("a file that the manifest lists")
        };
        let header = self.header.as_mut().ok_or_else(unknown)?;
        // In an augmented Artifact a file is listed twice: as of the payload, and as of one of its halves.
        let halves = header.augments.get_mut(payload).into_iter();
        let halves = halves.flat_map(|augment| [&mut augment.signed, &mut augment.added]);
        let mut found = false;
        for known in header.payloads.get_mut(payload).into_iter().chain(halves) {
            let start = if self.next_file < known.files.len() { self.next_file } else { 0 };
            let mut order = (start..known.files.len()).chain(0..start);
            let Some(place) = order.find(|place| known.files[*place].name == file.name) else { continue };
            if !found {
                self.next_file = place + 1;
            }
            let known = &mut known.files[place];
            found = true;
            *known = PayloadFile {
                name: file.name.to_owned(),
                size: file.size,
                checksum: file.checksum,
                modified: file.modified,
                mode: file.mode,
            };
        }
        if found { Ok(()) } else { Err(unknown()) }
    }
}
