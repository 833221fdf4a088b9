//! Writing through a program, for UBI volumes, which are only ever written as a whole, and for whoever configures one.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use mender_delta::apply::{CallerError, Target};

use super::error::{Error, FlashProblem, PayloadProblem};
use super::image_digest;
use super::medium_linux::Medium;
use super::search_path::find_in_path;

/// Standard input, for programs that want the name of a file; a pipe, as in the client's own module.
const INPUT: &str = "/proc/self/fd/0";

/// A program that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlashTool {
    MenderFlash,
    UbiUpdateVol,
}

impl FlashTool {
    /// By the name in the configuration.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::MenderFlash, Self::UbiUpdateVol].into_iter().find(|tool| tool.program() == name)
    }

    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::MenderFlash => "mender-flash",
            Self::UbiUpdateVol => "ubiupdatevol",
        }
    }
}

/// An image on its way through the program.
#[derive(Debug)]
pub(crate) struct FlashWriter {
    tool: FlashTool,
    program: PathBuf,
    device: PathBuf,
    image_bytes: u64,
    running: Option<(Child, Option<ChildStdin>)>,
}

impl FlashWriter {
    /// Finds the program. It is started with the first byte, since starting it may already wipe the device.
    ///
    /// # Errors
    ///
    /// The program is not in `PATH`.
    pub(crate) fn new(tool: FlashTool, device: &Path, image_bytes: u64) -> Result<Self, Error> {
        let program = find_in_path(tool.program()).ok_or(Error::Flash(FlashProblem::NotInPath { tool }))?;
        Ok(Self { tool, program, device: device.to_owned(), image_bytes, running: None })
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        match self.tool {
            FlashTool::MenderFlash => command
                .arg("--input-size")
                .arg(self.image_bytes.to_string())
                .args(["--input", INPUT, "--output"])
                .arg(&self.device),
            FlashTool::UbiUpdateVol => {
                command.arg(&self.device).arg(format!("--size={}", self.image_bytes)).arg(INPUT)
            }
        };
        // What it complains about goes to the client's log.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.running.is_none() {
            let mut child = self.start()?;
            let input = child.stdin.take();
            self.running = Some((child, input));
        }
        match &mut self.running {
            Some((_, Some(input))) => input.write_all(bytes),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Waits for the program, and reads the image back.
    ///
    /// # Errors
    ///
    /// The program fails, or the device does not hold an image with this digest.
    pub(crate) fn finish(mut self, sha256: [u8; 32]) -> Result<(), Error> {
        self.end()?;
        let medium = Medium::open(&self.device)?;
        medium.sync().map_err(|error| Error::io("flush", &self.device, error))?;
        let found = image_digest::sha256(&medium, self.image_bytes)?;
        if found == sha256 {
            return Ok(());
        }
        let source = mender_delta::error::Error::TargetDigest { expected: sha256, found };
        Err(Error::Payload(PayloadProblem::Medium { path: self.device.clone(), source }))
    }

    /// The program's own failure if there is one; it explains why writing to it failed.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        let Some((mut child, input)) = self.running.take() else { return Ok(()) };
        drop(input);
        let status = child.wait().map_err(|error| Error::io("wait for", &self.program, error))?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Flash(FlashProblem::Failed { program: self.program.clone(), status }))
    }
}

/// After a failure elsewhere the program must not take what it has for an image.
impl Drop for FlashWriter {
    fn drop(&mut self) {
        if let Some((mut child, _input)) = self.running.take() {
            let _ended_already = child.kill();
            let _collected = child.wait();
        }
    }
}

impl Target for FlashWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<(), CallerError> {
        self.append(bytes).map_err(|error| CallerError::from_io("write", &error))
    }
}
