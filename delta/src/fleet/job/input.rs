//! How the two Artifacts come to a job.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;

/// One Artifact.
pub enum Input {
    /// A file that stays as it is until the job is over. The only kind that a job can be taken up again with after its
    /// process was killed.
    Path(PathBuf),
    /// Bytes that are pushed with `JobHandle::feed`.
    Pushed,
    /// A stream that a thread of the engine reads to its end.
    Reader(Box<dyn Read + Send>),
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Pushed => f.write_str("Pushed"),
            Self::Reader(_) => f.write_str("Reader"),
        }
    }
}

/// Both Artifacts.
#[derive(Debug)]
pub struct Inputs {
    /// The one that devices have.
    pub from: Input,
    /// The one that they are to get.
    pub to: Input,
}

impl Inputs {
    /// Two files.
    #[must_use]
    pub fn paths(from: impl Into<PathBuf>, to: impl Into<PathBuf>) -> Self {
        Self { from: Input::Path(from.into()), to: Input::Path(to.into()) }
    }

    /// Both are pushed.
    #[must_use]
    pub fn pushed() -> Self {
        Self { from: Input::Pushed, to: Input::Pushed }
    }
}
