//! Outputs: a file that appears by rename once it is complete, or `-` for standard output.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::input::STANDARD;
use crate::interrupt;
use mender_artifact::output_file::OutputFile;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

const BUFFER_LEN_BYTES: usize = 256 * 1024;

/// Refuses an output that would replace one of the inputs.
pub(crate) fn is_no_input(output: &Path, inputs: &[&Path]) -> Result<(), Failure> {
    // A name that does not exist yet, or `-`, is no input's.
    let Ok(output_file) = output.canonicalize() else { return Ok(()) };
    match inputs.iter().find(|input| input.canonicalize().is_ok_and(|input| input == output_file)) {
        Some(input) => {
            let message =
                format!("expected another name for the output, found that of the input {}", input.display());
            Err(Failure::about(output, ExitStatus::Output, message))
        }
        None => Ok(()),
    }
}

/// An output that is being written. Dropped without [`commit`](Output::commit) it leaves nothing behind, and a file
/// that had its name stays as it was.
pub(crate) struct Output {
    /// The name that the user gave, for messages.
    name: PathBuf,
    /// Bytes written so far.
    written: u64,
    sink: Sink,
    /// Removes the unfinished file if a signal ends the process.
    unfinished: Option<interrupt::Guard>,
}

enum Sink {
    Standard(io::StdoutLock<'static>),
    File(BufWriter<OutputFile>),
}

impl Output {
    /// Begins an output, with the permissions of any new file.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        Self::begin(path, OutputFile::create)
    }

    /// Begins an output that only its owner may read until [`set_mode`](Self::set_mode) says otherwise.
    pub(crate) fn create_private(path: &Path) -> Result<Self, Failure> {
        Self::begin(path, OutputFile::create_private)
    }

    /// Begins an output that gets the permissions of another file and, where allowed, its owner.
    pub(crate) fn create_like(path: &Path, model: &Path) -> Result<Self, Failure> {
        Self::begin(path, |path| OutputFile::create_like(path, model))
    }

    fn begin(path: &Path, create: impl FnOnce(&Path) -> io::Result<OutputFile>) -> Result<Self, Failure> {
        let (sink, unfinished) = if path == Path::new(STANDARD) {
            (Sink::Standard(io::stdout().lock()), None)
        } else {
            let made = interrupt::make_file(|| create(path), OutputFile::path_until_committed);
            let (file, unfinished) = made.map_err(|error| Failure::io(path, ExitStatus::Output, &error))?;
            (Sink::File(BufWriter::with_capacity(BUFFER_LEN_BYTES, file)), unfinished)
        };
        Ok(Self { name: path.to_path_buf(), written: 0, sink, unfinished })
    }

    /// Bytes written so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Whether the output is standard output.
    pub(crate) fn is_standard(&self) -> bool {
        matches!(self.sink, Sink::Standard(_))
    }

    /// Gives the output these permission bits, unless it is no regular file.
    #[cfg(unix)]
    pub(crate) fn set_mode(&self, mode: u32) -> Result<(), Failure> {
        use std::os::unix::fs::PermissionsExt;
        let Sink::File(file) = &self.sink else { return Ok(()) };
        let file = file.get_ref().file();
        let set = || match file.metadata()?.is_file() {
            true => file.set_permissions(std::fs::Permissions::from_mode(mode)),
            false => Ok(()),
        };
        set().map_err(|error| Failure::io(&self.name, ExitStatus::Output, &error))
    }

    /// There are no such bits.
    #[cfg(not(unix))]
    pub(crate) fn set_mode(&self, _: u32) -> Result<(), Failure> {
        Ok(())
    }

    /// The file that will become the output, if it is a regular one and still empty: for what the system can move there.
    pub(crate) fn empty_file(&self) -> Option<&File> {
        let Sink::File(file) = &self.sink else { return None };
        let file = file.get_ref().file();
        (self.written == 0 && file.metadata().is_ok_and(|about| about.is_file())).then_some(file)
    }

    /// Completes the output: all bytes on the medium, then the final name.
    pub(crate) fn commit(self) -> Result<(), Failure> {
        let Self { name, sink, unfinished, .. } = self;
        let done = match sink {
            Sink::Standard(mut stdout) => stdout.flush(),
            Sink::File(file) => {
                file.into_inner().map_err(io::IntoInnerError::into_error).and_then(OutputFile::commit)
            }
        };
        drop(unfinished);
        done.map_err(|error| Failure::io(&name, ExitStatus::Output, &error))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match &mut self.sink {
            Sink::Standard(stdout) => stdout.write(bytes),
            Sink::File(file) => file.write(bytes),
        }?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Standard(stdout) => stdout.flush(),
            Sink::File(file) => file.flush(),
        }
    }
}

/// An output for what has to read again and rewrite what it wrote: a nameless file, which then becomes the output.
pub(crate) struct SeekableOutput {
    output: Output,
    file: File,
}

impl SeekableOutput {
    /// Begins an output.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let output = Output::create(path)?;
        let file = tempfile::tempfile()
            .map_err(|error| Failure::io("temporary file", ExitStatus::System, &error))?;
        Ok(Self { output, file })
    }

    /// The file to work on.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Completes the output: all bytes on the medium, then the final name.
    pub(crate) fn commit(mut self) -> Result<(), Failure> {
        let copied = self.file.rewind().and_then(|()| io::copy(&mut self.file, &mut self.output));
        copied.map_err(|error| Failure::io(&self.output.name, ExitStatus::Output, &error))?;
        self.output.commit()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_private_output_gets_its_mode_and_has_none_for_others_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let output = Output::create_private(&path).unwrap();
        let mode = |file: &File| file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(output.empty_file().unwrap()), 0o600);
        output.set_mode(0o640).unwrap();
        output.commit().unwrap();
        assert_eq!(mode(&File::open(&path).unwrap()), 0o640);
    }
}
