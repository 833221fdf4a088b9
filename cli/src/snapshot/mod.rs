//! `write rootfs-image -f ssh://[user@]host[:port]`: the root file system of a running device as payload.
//!
//! | file | what |
//! |---|---|
//! | `address` | what stands behind `ssh://` |
//! | `connection` | the program ssh, started and ended |
//! | `remote` | what runs on the device, and what its output means |
//! | `receive` | the stream: words before the marker, image behind it |
//! | `check` | fsck of the received image |
//! | `echo` | no echo while somebody may be typing a password |

pub(crate) mod address;
mod check;
mod connection;
mod echo;
mod receive;
mod remote;

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::interrupt;
use crate::progress::{Counted, Progress};
use address::Address;
use connection::Connection;
use std::path::Path;
use std::time::Duration;
use tempfile::NamedTempFile;

/// How long the device may take until it begins to send: somebody may have to type a password.
const BEGINS_WITHIN: Duration = Duration::from_secs(120);

/// The image of a device, and what the device says about it.
pub(crate) struct Snapshot {
    /// Removed when it is dropped.
    pub(crate) image: NamedTempFile,
    /// Size of the image.
    pub(crate) size_bytes: u64,
    /// What the device provides about its root file system, without a checksum.
    pub(crate) provides: Vec<(String, String)>,
    /// Removes the image if a signal ends the process.
    _unfinished: Option<interrupt::Guard>,
}

/// Takes a snapshot of a device's root file system into a temporary file in `folder`.
///
/// `ssh_args` are arguments for ssh, one each. Fails when the connection breaks, when the device does not send an image,
/// and when the file system in it is damaged.
pub(crate) fn take(address: &Address, ssh_args: &[String], folder: &Path) -> Result<Snapshot, Failure> {
    let kept = |error: std::io::Error| Failure::io(folder, ExitStatus::Output, &error);
    let (mut image, unfinished) = interrupt::make_file(
        || tempfile::Builder::new().prefix("rootfs-").tempfile_in(folder),
        |image| Some(image.path()),
    )
    .map_err(kept)?;
    let silent = echo::off();

    let connection = Connection::start(address, ssh_args, &remote::snapshot_script())?;
    let progress = Progress::new();
    let size_bytes = connection.read_with(Some(BEGINS_WITHIN), |stream, begun| {
        let mut stream = receive::skip_to_marker(stream, &mut std::io::stderr())?;
        begun();
        let mut stream = Counted::new(&mut stream, "receiving", None, progress);
        receive::keep(&mut stream, image.as_file_mut())
    })?;
    if size_bytes == 0 {
        return Err(address.failed("expected an image, found nothing"));
    }

    let connection = Connection::start(address, ssh_args, &remote::provides_script())?;
    let provides = connection.read_with(None, |stream, _| receive::provides(stream))?;
    drop(silent);

    check::repair(image.path())?;
    Ok(Snapshot { image, size_bytes, provides, _unfinished: unfinished })
}
