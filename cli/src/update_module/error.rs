//! What can stop the module, in one line for the client's log.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use super::flash_tool::FlashTool;

/// Why a state failed.
#[derive(Debug)]
pub(crate) enum Error {
    /// The operating system refused something.
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// The configuration is not usable.
    Config { path: PathBuf, problem: ConfigProblem },
    /// The two partitions are not what they have to be.
    Slots(SlotProblem),
    /// The boot loader's environment cannot be used.
    BootEnv(BootEnvProblem),
    /// The boot loader's environment does not fit the state.
    Boot(BootProblem),
    /// The client does not keep to the protocol.
    Protocol(ProtocolProblem),
    /// The payload does not fit this device.
    Payload(PayloadProblem),
    /// The program that writes does not.
    Flash(FlashProblem),
    /// A server does not help to mend the base.
    #[cfg(feature = "repair-url")]
    Repair(Box<super::repair::problem::RepairProblem>),
    /// The delta is bad or was made for another image.
    Delta(mender_delta::error::Error),
}

/// In a configuration file.
#[derive(Debug)]
pub(crate) enum ConfigProblem {
    TooLarge { limit: u64 },
    NotJson(serde_json::Error),
    NotAnObject,
    Missing { key: &'static str },
    NotText { key: &'static str },
    NotANumber { key: &'static str },
    FlashTool(String),
}

/// With the partitions.
#[derive(Debug)]
pub(crate) enum SlotProblem {
    UbiWithoutTool { path: PathBuf },
    NotUbi { path: PathBuf },
    NoRoom { path: PathBuf },
    NotABlockDevice { path: PathBuf },
    NoNumber { path: PathBuf },
    Same { a: PathBuf, b: PathBuf },
    BothMounted { a: PathBuf, b: PathBuf },
    NeitherIsRunning { a: PathBuf, b: PathBuf },
    InactiveInUse { path: PathBuf },
}

/// With the program that is configured as `FlashTool`.
#[derive(Debug)]
pub(crate) enum FlashProblem {
    NotInPath { tool: FlashTool },
    Failed { program: PathBuf, status: ExitStatus },
}

/// With the programs behind the environment.
#[derive(Debug)]
pub(crate) enum BootEnvProblem {
    NoTools,
    Canary,
    Missing { name: &'static str, complaint: String },
    NotANumber { name: &'static str, value: String },
    Failed { program: PathBuf, status: ExitStatus, message: String },
    NotSet { program: PathBuf, name: String },
}

/// With what the environment says.
#[derive(Debug)]
pub(crate) enum BootProblem {
    NotSettled { running: PathBuf, boot_part: u32 },
    OnTrial { running: PathBuf },
    NotDownloaded { inactive: PathBuf },
    Reverted,
    NotStarted { running: PathBuf, boot_part: u32 },
    StillOnTrial,
}

/// With what the client does.
#[derive(Debug)]
pub(crate) enum ProtocolProblem {
    NoPayloadFile,
    Answer { answer: String },
    SecondPayloadFile { second: String },
}

/// With what the Artifact carries.
#[derive(Debug)]
pub(crate) enum PayloadProblem {
    Type { found: String },
    HeaderNotJson { path: PathBuf, source: serde_json::Error },
    Algorithm { found: String },
    NoSize,
    NoChecksum { list: &'static str },
    NotAChecksum { list: &'static str, found: String },
    Checksum { what: &'static str, artifact: [u8; 32], delta: [u8; 32] },
    NoBase { expected: [u8; 32], partition: u64 },
    TargetSize { announced: u64, found: u64 },
    Repair { base: Box<Error>, spare: Box<Error> },
    NoSpace { image: u64, partition: u64 },
    StreamSize { announced: u64, found: u64 },
    NoMemory { wanted: u64, available: Option<u64> },
    Medium { path: PathBuf, source: mender_delta::error::Error },
}

/// Lower-case hexadecimal of a digest.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8; 32]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}

impl From<mender_delta::error::Error> for Error {
    fn from(error: mender_delta::error::Error) -> Self {
        Self::Delta(error)
    }
}

// The text goes to a log line by line, so that each message carries its cause and there is no `source()`.
impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { action, path, source } => write!(f, "cannot {action} {}: {source}", path.display()),
            Self::Config { path, problem } => write_config(f, path, problem),
            Self::Slots(problem) => problem.fmt(f),
            Self::BootEnv(problem) => problem.fmt(f),
            Self::Boot(problem) => problem.fmt(f),
            Self::Protocol(problem) => problem.fmt(f),
            Self::Payload(problem) => problem.fmt(f),
            Self::Flash(problem) => problem.fmt(f),
            #[cfg(feature = "repair-url")]
            Self::Repair(problem) => problem.fmt(f),
            Self::Delta(error) => error.fmt(f),
        }
    }
}

fn write_config(f: &mut fmt::Formatter<'_>, path: &Path, problem: &ConfigProblem) -> fmt::Result {
    let path = path.display();
    match problem {
        ConfigProblem::TooLarge { limit } => write!(f, "{path} is larger than {limit} bytes"),
        ConfigProblem::NotJson(source) => write!(f, "{path}: {source}"),
        ConfigProblem::NotAnObject => write!(f, "{path} is not a JSON object"),
        ConfigProblem::Missing { key } => write!(f, "no {key} in {path} or the client's configuration"),
        ConfigProblem::NotText { key } => write!(f, "{path}: {key} is not a text"),
        ConfigProblem::NotANumber { key } => write!(f, "{path}: {key} is not a number of bytes"),
        ConfigProblem::FlashTool(tool) => {
            write!(f, "{path}: FlashTool \"{tool}\" is not known, only mender-flash and ubiupdatevol are")
        }
    }
}

impl fmt::Display for SlotProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UbiWithoutTool { path } => {
                write!(f, "{} is a UBI volume, but FlashTool is not set", path.display())
            }
            Self::NotUbi { path } => {
                write!(f, "{} is not a UBI volume, but FlashTool is ubiupdatevol", path.display())
            }
            Self::NoRoom { path } => {
                write!(f, "the kernel does not say how large the UBI volume {} is", path.display())
            }
            Self::NotABlockDevice { path } => write!(f, "{} is not a block device", path.display()),
            Self::NoNumber { path } => {
                write!(f, "{} does not end in a partition number for mender_boot_part", path.display())
            }
            Self::Same { a, b } => {
                write!(
                    f,
                    "RootfsPartA {} and RootfsPartB {} are the same partition",
                    a.display(),
                    b.display()
                )
            }
            Self::BothMounted { a, b } => {
                write!(
                    f,
                    "RootfsPartA {} and RootfsPartB {} are both mounted; unmount the inactive one",
                    a.display(),
                    b.display()
                )
            }
            Self::NeitherIsRunning { a, b } => {
                write!(
                    f,
                    "neither RootfsPartA {} nor RootfsPartB {} is the running root file system",
                    a.display(),
                    b.display()
                )
            }
            Self::InactiveInUse { path } => {
                write!(f, "the inactive partition {} is mounted or otherwise in use", path.display())
            }
        }
    }
}

impl fmt::Display for FlashProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInPath { tool } => write!(f, "FlashTool {} is not in PATH", tool.program()),
            Self::Failed { program, status } => write!(f, "{} failed: {status}", program.display()),
        }
    }
}

impl fmt::Display for BootEnvProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTools => f.write_str(
                "no boot environment: neither grub-mender-grubenv-print/-set nor fw_printenv/fw_setenv is in PATH",
            ),
            Self::Canary => f.write_str(
                "the boot loader does not use the environment seen here: mender_check_saveenv_canary is 1, but \
                 mender_saveenv_canary is not",
            ),
            Self::Missing { name, complaint } if complaint.is_empty() => {
                write!(f, "the boot environment has no {name}")
            }
            Self::Missing { name, complaint } => write!(f, "the boot environment has no {name}: {complaint}"),
            Self::NotANumber { name, value } => {
                write!(f, "the boot environment has {name} \"{value}\", which is not a partition number")
            }
            Self::Failed { program, status, message } => {
                write!(f, "{} failed: {status}: {message}", program.display())
            }
            Self::NotSet { program, name } => {
                write!(f, "{} did not set {name} in the boot environment", program.display())
            }
        }
    }
}

impl fmt::Display for BootProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSettled { running, boot_part } => {
                write!(
                    f,
                    "running from {}, but mender_boot_part is {boot_part}: another update is not finished",
                    running.display()
                )
            }
            Self::OnTrial { running } => {
                write!(
                    f,
                    "the running partition {} is on trial: commit or roll back that update first",
                    running.display()
                )
            }
            Self::NotDownloaded { inactive } => {
                write!(f, "{} holds no verified image: the download did not complete", inactive.display())
            }
            Self::Reverted => f.write_str(
                "upgrade_available is not 1: the new partition did not start and the boot loader went back",
            ),
            Self::NotStarted { running, boot_part } => {
                write!(
                    f,
                    "the new partition {boot_part} has not been started: still running from {}",
                    running.display()
                )
            }
            Self::StillOnTrial => {
                f.write_str("upgrade_available is still 1: the rollback did not take effect")
            }
        }
    }
}

impl fmt::Display for ProtocolProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPayloadFile => f.write_str("the payload has no file, expected one delta"),
            Self::Answer { answer } => write!(f, "stream-next: cannot understand {answer:?}"),
            Self::SecondPayloadFile { second } => {
                write!(f, "the payload has more than one file, expected one delta, found also {second:?}")
            }
        }
    }
}

impl fmt::Display for PayloadProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type { found } => {
                write!(
                    f,
                    "payload type: expected \"mender-delta\" or \"mender-binary-delta\", found \"{found}\""
                )
            }
            Self::HeaderNotJson { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Algorithm { found } => {
                write!(
                    f,
                    "meta-data: delta_algorithm \"{found}\" is not supported, only \"mender-native\" and \"xdelta3\" are"
                )
            }
            Self::NoChecksum { list } => {
                write!(f, "the payload {list} no rootfs-image.checksum, which a delta of this format needs")
            }
            Self::NotAChecksum { list, found } => {
                write!(f, "type-info: {list}: expected a SHA-256, found {found}")
            }
            Self::Checksum { what, artifact, delta } => write!(
                f,
                "the payload {what} the image {}, but its delta is about {}",
                Hex(artifact),
                Hex(delta)
            ),
            Self::NoBase { expected, partition } => write!(
                f,
                "wrong base: expected SHA-256 {}, no image on the active partition of {partition} bytes has it",
                Hex(expected)
            ),
            Self::NoSize => f.write_str("meta-data: no rootfs_file_size"),
            Self::TargetSize { announced, found } => {
                write!(
                    f,
                    "meta-data: rootfs_file_size is {announced}, but the delta makes an image of {found} bytes"
                )
            }
            Self::Repair { base, spare } => {
                write!(f, "{base}; RepairFrom does not help: {spare}")
            }
            Self::NoSpace { image, partition } => {
                write!(
                    f,
                    "the image of {image} bytes does not fit into the inactive partition of {partition} bytes"
                )
            }
            Self::StreamSize { announced, found } => {
                write!(f, "the delta has {found} bytes, the client announced {announced}")
            }
            Self::NoMemory { wanted, available: None } => {
                write!(f, "the device has no {wanted} bytes of memory to apply the delta")
            }
            Self::NoMemory { wanted, available: Some(available) } => write!(
                f,
                "applying the delta takes {wanted} bytes of memory and some, the device has {available} bytes available"
            ),
            Self::Medium { path, source } => {
                write!(f, "{} does not hold what was written: {source}", path.display())
            }
        }
    }
}
