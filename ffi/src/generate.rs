//! `mar_delta_make_file` and `mar_delta_make_artifact`: deltas between images and between Artifacts.
#![allow(unsafe_code, reason = "functions are exported under their C names and take pointers")]

use crate::detail::Detail;
use crate::error_code::Code;
use crate::failure::Failure;
use crate::from_c;
use crate::guard::guard;
use crate::work::{Watch, Work};
use mender_artifact::output_file::OutputFile;
use mender_artifact::sign::Signer;
use mender_artifact::sign::private_key::PrivateKey;
use mender_delta::algorithm::{Algorithm, generate};
use mender_delta::artifact::{DeltaArtifactOptions, write_delta_artifact};
use mender_delta::error::Error;
use mender_delta::format::native::level::Level;
use mender_delta::format::native::writer::Layout;
use mender_delta::format::vcdiff::writer::VcdiffOptions;
use mender_delta::mapped::MappedImage;
use mender_delta::options::GenerateOptions;
use mender_delta::progress::Phase;
use std::ffi::{c_char, c_int};
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::Path;

/// `struct mar_delta_options` of the header.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Options {
    /// Size of the structure as the caller knows it, in bytes.
    pub struct_size: u32,
    /// One of `enum mar_algorithm`.
    pub algorithm: u32,
    /// One of `enum mar_level`.
    pub level: u32,
    /// Threads; 0 for one for each processor.
    pub threads: u32,
    /// Bytes of memory on the device; 0 for the default.
    pub apply_memory: u64,
    /// Bytes of memory of the alignment; 0 for the default.
    pub memory_limit: u64,
    /// Bytes of a window of VCDIFF; 0 for the default.
    pub window: u32,
    /// Must be 0.
    pub flags: u32,
    /// Who is told how far the work is, or NULL.
    pub work: *const Work,
}

// SAFETY: repr(C), begins with its struct_size, and is made of numbers and a pointer.
unsafe impl from_c::Structure for Options {}

/// Everything that makes a delta.
#[derive(Default)]
struct Wanted {
    algorithm: Algorithm<'static>,
    layout: Layout,
    /// Bytes that a device has to apply it, if that is said.
    apply_memory: Option<u64>,
    threads: usize,
    memory_limit: Option<u64>,
    watch: Watch,
}

impl Wanted {
    /// # Safety
    /// `options` is NULL or as large as its `struct_size` says, and its `work`, too.
    unsafe fn from_c(options: *const Options) -> Result<Self, Failure> {
        // SAFETY: as promised by the caller.
        let Some(options) = (unsafe { from_c::structure(options, "options")? }) else {
            return Ok(Self::default());
        };
        from_c::no_flags(options.flags, "options")?;
        let unknown = |what, found| Err(Failure::argument(format!("options: unknown {what} {found}")));
        let level = match options.level {
            0 => Level::Default,
            1 => Level::Fast,
            2 => Level::Max,
            other => return unknown("level", other),
        };
        let apply_memory = Some(options.apply_memory).filter(|memory| *memory > 0);
        let memory = apply_memory.unwrap_or(UNPACKING);
        let layout = if options.level == 0 && options.apply_memory == 0 {
            Layout::default()
        } else {
            Layout::within(level, memory)?
        };
        let vcdiff = VcdiffOptions::default();
        let window = if options.window == 0 { vcdiff.window } else { options.window };
        let algorithm = match options.algorithm {
            0 => Algorithm::Native,
            1 => Algorithm::Xdelta3(VcdiffOptions { window, ..vcdiff }),
            2 => Algorithm::Xdelta3(VcdiffOptions { window, pack: false, ..vcdiff }),
            3 => Algorithm::Bsdiff,
            other => return unknown("algorithm", other),
        };
        let threads = usize::try_from(options.threads).unwrap_or(0);
        let memory_limit = Some(options.memory_limit).filter(|limit| *limit > 0);
        // SAFETY: as promised by the caller.
        let watch = unsafe { Watch::from_c(options.work)? };
        Ok(Wanted { algorithm, layout, apply_memory, threads, memory_limit, watch })
    }

    fn run<T>(&self, make: impl FnOnce(&GenerateOptions<'_>) -> Result<T, Error>) -> Result<T, Failure> {
        let tell = |phase: Phase, done, total| self.watch.tell_delta(phase, done, total);
        let defaults = GenerateOptions::default();
        let options = GenerateOptions {
            threads: self.threads,
            memory_budget: self.memory_limit.unwrap_or(defaults.memory_budget),
            layout: self.layout,
            // Unpacking comes on top of the layout.
            unpack: self.apply_memory.is_none_or(|memory| memory >= UNPACKING),
            progress: Some(&tell),
            cancel: Some(&self.watch.cancelled),
            ..defaults
        };
        Ok(make(&options)?)
    }

    /// Refuses a native delta that wants more of a device than it may.
    fn check(&self, memory: u64) -> Result<(), Failure> {
        match (self.algorithm, self.apply_memory) {
            (Algorithm::Native, Some(limit)) if memory > limit => {
                Err(Failure::from(Error::Limit { what: "memory to apply", wanted: memory, limit }))
            }
            _ => Ok(()),
        }
    }
}

/// With less memory than this, in bytes, a device is not asked to unpack anything.
const UNPACKING: u64 = 16 << 20;

fn failed(path: &Path, action: &str, error: &std::io::Error) -> Failure {
    Failure::new(Code::Io, format!("{}: cannot {action}: {error}", path.display()))
}

fn map(path: &Path) -> Result<MappedImage, Failure> {
    let file = File::open(path).map_err(|error| failed(path, "open", &error))?;
    MappedImage::of(&file).map_err(|error| failed(path, "map", &error))
}

fn make_file(base: &Path, target: &Path, out: &Path, wanted: &Wanted) -> Result<Code, Failure> {
    let (old, new) = (map(base)?, map(target)?);
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The proof of foreign formats reads what was written, so it goes to a file without a name first.
    let mut delta = tempfile::tempfile_in(folder).map_err(|error| failed(out, "create", &error))?;
    let relieve = || [&old, &new].into_iter().for_each(MappedImage::release);
    let made = wanted.run(|options| {
        let options = GenerateOptions { relieve: Some(&relieve), ..*options };
        generate(old.bytes(), new.bytes(), &options, &wanted.algorithm, &mut delta)
    })?;
    wanted.check(made.memory)?;
    let mut output = OutputFile::create(out).map_err(|error| failed(out, "create", &error))?;
    delta.rewind().map_err(|error| failed(out, "write", &error))?;
    std::io::copy(&mut delta, &mut output).map_err(|error| failed(out, "write", &error))?;
    output.commit().map_err(|error| failed(out, "write", &error))?;
    Ok(Code::Ok)
}

fn make_artifact(
    from: &Path,
    to: &Path,
    out: &Path,
    key: Option<&dyn Signer>,
    wanted: &Wanted,
) -> Result<Code, Failure> {
    if fs::metadata(out).is_ok_and(|existing| !existing.is_file()) {
        return Err(Failure::argument(format!("{}: not a regular file", out.display())));
    }
    let mut output = OutputFile::create(out).map_err(|error| failed(out, "create", &error))?;
    let made = wanted.run(|generate| {
        let options = DeltaArtifactOptions {
            generate: *generate,
            algorithm: wanted.algorithm,
            signer: key,
            ..DeltaArtifactOptions::default()
        };
        write_delta_artifact(from, to, &mut output as &mut dyn Write, &options)
    })?;
    wanted.check(made.delta.memory)?;
    output.commit().map_err(|error| failed(out, "write", &error))?;
    Ok(Code::Ok)
}

/// Makes a delta between two images; see the header.
///
/// # Safety
/// The paths are NULL or NUL-terminated; `options` is NULL or as large as its `struct_size` says; `detail` is NULL or
/// a whole `struct mar_detail`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_delta_make_file(
    base: *const c_char,
    target: *const c_char,
    out: *const c_char,
    options: *const Options,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let base = from_c::path(base, "base")?;
            let target = from_c::path(target, "target")?;
            make_file(base, target, from_c::path(out, "out")?, &Wanted::from_c(options)?)
        })
    }
}

/// Makes a delta Artifact of two full ones; see the header.
///
/// # Safety
/// As [`mar_delta_make_file`]; `key_pem` is NULL or points to `key_pem_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_delta_make_artifact(
    from: *const c_char,
    to: *const c_char,
    out: *const c_char,
    key_pem: *const u8,
    key_pem_len: usize,
    options: *const Options,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let from = from_c::path(from, "from")?;
            let to = from_c::path(to, "to")?;
            let key = from_c::bytes(key_pem, key_pem_len, "key_pem")?;
            let key = if key_pem.is_null() { None } else { Some(PrivateKey::from_pem(key)?) };
            let key = key.as_ref().map(|key| key as &dyn Signer);
            make_artifact(from, to, from_c::path(out, "out")?, key, &Wanted::from_c(options)?)
        })
    }
}
