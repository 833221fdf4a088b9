//! `mar_delta_apply_file`: the new image in a file, or nothing.
#![allow(unsafe_code, reason = "a function is exported under its C name and takes pointers")]

use crate::detail::Detail;
use crate::error_code::Code;
use crate::failure::Failure;
use crate::from_c;
use crate::guard::guard;
use crate::work::{Watch, Work};
use mender_artifact::output_file::OutputFile;
#[cfg(feature = "generate")]
use mender_delta::algorithm::apply_files;
use mender_delta::apply::file::ApplyOptions;
#[cfg(not(feature = "generate"))]
use mender_delta::apply::file::apply_files;
use mender_delta::progress::Phase;
use std::ffi::{c_char, c_int};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// `struct mar_apply_options` of the header.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Options {
    /// Size of the structure as the caller knows it, in bytes.
    pub struct_size: u32,
    /// Must be 0.
    pub flags: u32,
    /// Most memory in bytes that the delta may ask for; 0 for the default.
    pub memory_limit: u64,
    /// Who is told how far the work is, or NULL.
    pub work: *const Work,
    /// SHA-256 that the new image has to have, or NULL.
    pub target_sha256: *const u8,
}

// SAFETY: repr(C), begins with its struct_size, and is made of numbers and pointers.
unsafe impl from_c::Structure for Options {}

/// What the caller wants.
struct Wanted {
    options: ApplyOptions<'static>,
    watch: Watch,
    target_sha256: Option<[u8; 32]>,
}

fn apply(base: &Path, delta: &Path, out: &Path, wanted: &Wanted) -> Result<Code, Failure> {
    let failed = |path: &Path, action, error| {
        Failure::new(Code::Io, format!("{}: cannot {action}: {error}", path.display()))
    };
    // What is written to a device or a pipe is there before it has been found right.
    if fs::metadata(out).is_ok_and(|existing| !existing.is_file()) {
        return Err(Failure::argument(format!("{}: not a regular file", out.display())));
    }
    let mut delta = File::open(delta).map_err(|error| failed(delta, "open", error))?;
    let mut output = OutputFile::create(out).map_err(|error| failed(out, "create", error))?;
    let tell = |phase: Phase, done, total| wanted.watch.tell_delta(phase, done, total);
    let cancel = Some(&wanted.watch.cancelled);
    let options = ApplyOptions { progress: Some(&tell), cancel, output_is_discarded: true, ..wanted.options };
    let applied = apply_files(base, &mut delta, &mut output as &mut dyn Write, &options)?;
    if wanted.target_sha256.is_some_and(|wanted| wanted != applied.target_sha256) {
        return Err(Failure::new(Code::Target, "the new image has another SHA-256 than it has to have"));
    }
    output.commit().map_err(|error| failed(out, "write", error))?;
    Ok(Code::Ok)
}

/// What the caller wants, or the defaults.
///
/// # Safety
/// `options` is NULL or points to a structure that is as large as its `struct_size` says, as is its `work`; its
/// `target_sha256` is NULL or points to 32 bytes.
unsafe fn options_from_c(options: *const Options) -> Result<Wanted, Failure> {
    let mut wanted = ApplyOptions::default();
    // SAFETY: as promised by the caller.
    let Some(options) = (unsafe { from_c::structure(options, "options")? }) else {
        return Ok(Wanted { options: wanted, watch: Watch::default(), target_sha256: None });
    };
    from_c::no_flags(options.flags, "options")?;
    if options.memory_limit != 0 {
        wanted.memory_limit = options.memory_limit;
    }
    let digest = options.target_sha256;
    // SAFETY: as promised by the caller.
    let (watch, target_sha256) = unsafe {
        (Watch::from_c(options.work)?, (!digest.is_null()).then(|| digest.cast::<[u8; 32]>().read()))
    };
    Ok(Wanted { options: wanted, watch, target_sha256 })
}

/// Applies a delta to an image in a file; see the header.
///
/// # Safety
/// The paths are NULL or NUL-terminated; `options` is NULL or a structure as large as its `struct_size` says; `detail`
/// is NULL or a whole `struct mar_detail`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_delta_apply_file(
    base: *const c_char,
    delta: *const c_char,
    out: *const c_char,
    options: *const Options,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let base = from_c::path(base, "base")?;
            let delta = from_c::path(delta, "delta")?;
            let out = from_c::path(out, "out")?;
            apply(base, delta, out, &options_from_c(options)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Explained;
    use mender_delta::generate::generate;
    use mender_delta::options::GenerateOptions;
    use std::ffi::CString;
    use std::ptr;

    struct Folder(tempfile::TempDir);

    impl Folder {
        /// Two images and the delta between them.
        fn new() -> Self {
            let old: Vec<u8> =
                (0..100_000_u32).flat_map(|n| (n / 7).wrapping_mul(2_654_435_761).to_le_bytes()).collect();
            let mut new = old.clone();
            new[50_000] ^= 1;
            new.extend_from_slice(b"and more");
            let folder = tempfile::tempdir().unwrap();
            let mut delta = File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(folder.path().join("delta"))
                .unwrap();
            generate(&old, &new, &GenerateOptions::default(), &mut delta).unwrap();
            fs::write(folder.path().join("old"), &old).unwrap();
            fs::write(folder.path().join("new"), &new).unwrap();
            Folder(folder)
        }

        fn read(&self, name: &str) -> Option<Vec<u8>> {
            fs::read(self.0.path().join(name)).ok()
        }

        fn names(&self) -> usize {
            fs::read_dir(self.0.path()).unwrap().count()
        }

        fn apply(&self, base: &str, out: &str, options: *const Options) -> Result<(), Explained> {
            let path = |name| CString::new(self.0.path().join(name).to_str().unwrap()).unwrap();
            let (base, delta, out) = (path(base), path("delta"), path(out));
            let mut explained = Explained::default();
            // SAFETY: strings and details are whole, options NULL or whole.
            let code = unsafe {
                mar_delta_apply_file(base.as_ptr(), delta.as_ptr(), out.as_ptr(), options, explained.detail())
            };
            if code == 0 { Ok(()) } else { Err(explained) }
        }
    }

    #[test]
    fn the_new_image_appears_and_may_replace_the_base() {
        let folder = Folder::new();
        folder.apply("old", "out", ptr::null()).unwrap();
        assert_eq!(folder.read("out"), folder.read("new"));
        folder.apply("old", "old", ptr::null()).unwrap();
        assert_eq!(folder.read("old"), folder.read("new"));
        assert_eq!(folder.names(), 4);
    }

    #[test]
    fn another_base_and_a_damaged_delta_leave_nothing() {
        let folder = Folder::new();
        assert_eq!(folder.apply("new", "out", ptr::null()).unwrap_err().code(), c_int::from(Code::Base));
        let delta = folder.read("delta").unwrap();
        let path = folder.0.path().join("delta");
        fs::write(&path, &delta[..delta.len() - 1]).unwrap();
        assert_eq!(folder.apply("old", "out", ptr::null()).unwrap_err().code(), c_int::from(Code::Truncated));
        let mut damaged = delta;
        damaged[0] ^= 1;
        fs::write(&path, &damaged).unwrap();
        assert_eq!(folder.apply("old", "out", ptr::null()).unwrap_err().code(), c_int::from(Code::Delta));
        assert_eq!(folder.names(), 3);
    }

    #[test]
    fn files_that_are_not_there_are_named() {
        let folder = Folder::new();
        let missing = folder.apply("nothing", "out", ptr::null()).unwrap_err();
        assert_eq!(missing.code(), c_int::from(Code::Io));
        assert!(missing.message().contains("nothing: cannot open: "), "{}", missing.message());
        assert_eq!(folder.apply("old", "no/out", ptr::null()).unwrap_err().code(), c_int::from(Code::Io));
    }

    #[test]
    fn only_files_are_written() {
        let folder = Folder::new();
        assert_eq!(folder.apply("old", ".", ptr::null()).unwrap_err().code(), c_int::from(Code::Arg));
        assert_eq!(folder.apply("old", "/dev/null", ptr::null()).unwrap_err().code(), c_int::from(Code::Arg));
    }

    #[test]
    fn options_are_kept_and_unknown_ones_refused() {
        let folder = Folder::new();
        let size = u32::try_from(size_of::<Options>()).unwrap();
        let with = |struct_size, flags, memory_limit| {
            let options =
                Options { struct_size, flags, memory_limit, work: ptr::null(), target_sha256: ptr::null() };
            folder.apply("old", "out", &raw const options).map_err(|explained| explained.code())
        };
        assert_eq!(with(size, 0, 1), Err(c_int::from(Code::Limit)));
        assert_eq!(with(size, 1, 0), Err(c_int::from(Code::Arg)));
        assert_eq!(with(size - 1, 0, 0), Err(c_int::from(Code::Arg)));
        assert_eq!(with(size + 8, 0, 0), Err(c_int::from(Code::Arg)));
        assert_eq!(with(size, 0, 0), Ok(()));
    }

    #[test]
    fn null_paths_are_refused() {
        let some = c"/nonexistent/file".as_ptr();
        for (base, delta, out) in
            [(ptr::null(), some, some), (some, ptr::null(), some), (some, some, ptr::null())]
        {
            // SAFETY: NULL or literals.
            let code = unsafe { mar_delta_apply_file(base, delta, out, ptr::null(), ptr::null_mut()) };
            assert_eq!(code, c_int::from(Code::Arg));
        }
    }
}
