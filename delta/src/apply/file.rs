//! The applier over files: a base that is read at offsets, a delta that is streamed, a result that appears when it
//! is right.

use super::hashing::Hashing;
use super::{Applier, Base, CallerError, Header, Target};
use crate::error::Error;
use crate::progress::{Phase, Progress};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Options of [`apply_stream`].
#[derive(Clone, Copy)]
pub struct ApplyOptions<'a> {
    /// Most memory that a delta may ask for, in bytes.
    pub memory_limit: u64,
    /// Told how far the work is.
    pub progress: Option<Progress<'a>>,
    /// Ends the work with [`Error::Cancelled`] when it becomes true.
    pub cancel: Option<&'a AtomicBool>,
    /// Whether the caller throws away what was written when the work fails. Then [`apply_files`] checks the base while it
    /// applies; else before it writes anything.
    pub output_is_discarded: bool,
}

impl Default for ApplyOptions<'_> {
    /// At most 256 MiB; nothing is thrown away.
    fn default() -> Self {
        ApplyOptions { memory_limit: 256 << 20, progress: None, cancel: None, output_is_discarded: false }
    }
}

/// A base in a file or on a block device.
pub struct FileBase {
    file: File,
}

impl FileBase {
    /// Reads `file` from its start, wherever its cursor is.
    pub fn new(file: File) -> Self {
        FileBase { file }
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Bytes of the file or device.
    ///
    /// # Errors
    /// From the operating system.
    pub fn size(&mut self) -> std::io::Result<u64> {
        self.file.seek(SeekFrom::End(0))
    }
}

impl Base for FileBase {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), CallerError> {
        self.file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.file.read_exact(buffer))
            .map_err(|error| CallerError::from_io("read", &error))
    }
}

/// A target that is written to `W`.
pub struct WriteTarget<W: Write>(pub W);

impl<W: Write> Target for WriteTarget<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        self.0.write_all(bytes).map_err(|error| CallerError::from_io("write", &error))
    }
}

/// Reads and checks the header of a delta.
///
/// # Errors
/// `Truncated`, `Format`, `Unsupported` for a bad header, `Io` when reading fails.
pub fn read_header(delta: &mut dyn Read) -> Result<Header, Error> {
    let mut bytes = Vec::with_capacity(Header::LEN);
    delta.take(Header::LEN as u64).read_to_end(&mut bytes).map_err(reading)?;
    Header::parse(&bytes)
}

fn reading(source: std::io::Error) -> Error {
    Error::Io { action: "read the delta", path: "input".into(), source }
}

/// Checks that `base` begins with the image that the delta was made from: its size and its SHA-256.
///
/// # Errors
/// `BaseSize` or `BaseDigest` when it is another one, `Base` when reading fails, `Cancelled`.
pub fn verify_base(
    header: &Header,
    base: &mut dyn Base,
    base_len: u64,
    cancel: Option<&AtomicBool>,
) -> Result<(), Error> {
    if base_len < header.base_size {
        return Err(Error::BaseSize { expected: header.base_size, found: base_len });
    }
    let (mut digest, mut at, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 18]);
    while at < header.base_size {
        if cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(Error::Cancelled);
        }
        let len = usize::try_from(header.base_size - at).map_or(buffer.len(), |left| left.min(buffer.len()));
        base.read_at(at, &mut buffer[..len]).map_err(Error::Base)?;
        digest.update(&buffer[..len]);
        at += len as u64;
    }
    let found: [u8; 32] = digest.finalize().into();
    if found != header.base_sha256 {
        return Err(Error::BaseDigest { expected: header.base_sha256, found });
    }
    Ok(())
}

/// Applies `delta`, whose header has been read from it, to `base`; `target` gets the new image front to back. The
/// base is not checked first: see [`verify_base`].
///
/// # Errors
/// As [`Applier::push`]; `Limit` when the delta asks for more memory than allowed; `Cancelled`.
pub fn apply_stream(
    header: &Header,
    delta: &mut dyn Read,
    base: &mut dyn Base,
    target: &mut dyn Target,
    options: &ApplyOptions<'_>,
) -> Result<(), Error> {
    let refused =
        Error::Limit { what: "memory to apply", wanted: header.memory, limit: options.memory_limit };
    if header.memory > options.memory_limit {
        return Err(refused);
    }
    let mut arena = vec![0; usize::try_from(header.memory_needed()).map_err(|_| refused)?];
    let mut applier = Applier::new(header, &mut arena)?;
    std::thread::scope(|scope| {
        // Without another thread it is done on this one.
        let hashing = Hashing::begin(scope).ok();
        if hashing.is_some() {
            applier = applier.hashed_elsewhere();
        }
        let mut target = Watched { target, header, options, hashing, written: 0, cancelled: false };
        push_all(&mut applier, delta, base, &mut target)?;
        let expected = header.target_sha256;
        match target.hashing.map(Hashing::finish) {
            Some(found) if found != expected => Err(Error::TargetDigest { expected, found }),
            _ => Ok(()),
        }
    })
}

/// Applies all that is left of `delta`.
fn push_all(
    applier: &mut Applier<'_>,
    delta: &mut dyn Read,
    base: &mut dyn Base,
    target: &mut Watched<'_, '_>,
) -> Result<(), Error> {
    let mut piece = vec![0; 1 << 16];
    loop {
        let len = match delta.read(&mut piece) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(reading(error)),
        };
        // A delta that goes on behind its end is refused by the applier.
        match applier.push(&piece[..len], base, target) {
            Err(_) if target.cancelled => return Err(Error::Cancelled),
            pushed => pushed?,
        };
    }
    applier.finish()
}

/// A target that tells how far it is and can be cancelled: one push may yield a whole image.
struct Watched<'t, 's> {
    target: &'t mut dyn Target,
    header: &'t Header,
    options: &'t ApplyOptions<'t>,
    hashing: Option<Hashing<'s>>,
    written: u64,
    cancelled: bool,
}

impl Target for Watched<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        self.cancelled = self.options.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed));
        if self.cancelled {
            return Err(CallerError { action: "cancelled", code: 0 });
        }
        if let Some(hashing) = &mut self.hashing {
            hashing.update(bytes);
        }
        self.target.write(bytes)?;
        self.written += bytes.len() as u64;
        if let Some(progress) = self.options.progress {
            progress(Phase::Apply, self.written, self.header.target_size);
        }
        Ok(())
    }
}

/// Applies the delta in `delta` to the image `base` and writes the new image to `output`, which the caller puts in
/// place when this returns without error. The base is checked first, or meanwhile where `output_is_discarded`; what is
/// wrong with it comes before what that led to.
///
/// # Errors
/// As [`verify_base`] and [`apply_stream`]; `Io` when the base cannot be opened.
pub fn apply_files(
    base: &Path,
    delta: &mut dyn Read,
    output: &mut dyn Write,
    options: &ApplyOptions<'_>,
) -> Result<Header, Error> {
    let failed = |action| move |source| Error::Io { action, path: base.into(), source };
    let header = read_header(delta)?;
    let mut file = FileBase::new(File::open(base).map_err(failed("open"))?);
    let len = file.size().map_err(failed("find the size"))?;
    let mut same_file = FileBase::new(File::open(base).map_err(failed("open"))?);
    let mut verify = || verify_base(&header, &mut same_file, len, options.cancel);
    // A base that is too short would be read beyond its end.
    if !options.output_is_discarded || len < header.base_size {
        verify()?;
        apply_stream(&header, delta, &mut file, &mut WriteTarget(output), options)?;
        return Ok(header);
    }
    let is_wrong = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let check = || {
            let checked = verify();
            is_wrong.store(checked.is_err(), Ordering::Relaxed);
            checked
        };
        let checking = std::thread::Builder::new().spawn_scoped(scope, check);
        let checking = checking.map_err(failed("start a thread to check"))?;
        let mut target = Unless { target: WriteTarget(output), is_wrong: &is_wrong };
        let applied = apply_stream(&header, delta, &mut file, &mut target, options);
        checking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).and(applied)
    })?;
    Ok(header)
}

/// A target that takes nothing more once the base is known to be a wrong one.
struct Unless<'w, T> {
    target: T,
    is_wrong: &'w AtomicBool,
}

impl<T: Target> Target for Unless<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        if self.is_wrong.load(Ordering::Relaxed) {
            return Err(CallerError { action: "go on with a wrong base", code: 0 });
        }
        self.target.write(bytes)
    }
}
