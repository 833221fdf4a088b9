//! The Update Module: one call by the client is one state, and one state is one function here.

mod aligned_buffer;
mod base_image;
mod block_io;
mod block_names;
mod boot_env;
mod boot_states;
mod config;
mod delta_apply;
mod delta_native;
mod delta_stream;
mod delta_xdelta3;
mod destination_linux;
mod differing;
mod download;
mod error;
mod fifo_linux;
mod flash_tool;
mod image_digest;
mod image_writer;
mod inactive_linux;
mod journal;
mod log;
mod medium_linux;
mod memory;
mod meta_data;
#[cfg(test)]
mod power_cuts;
mod protocol;
mod receipt;
#[cfg(feature = "repair-url")]
mod repair;
mod repaired_base;
mod report;
mod search_path;
mod slots;
mod stream_next;
mod sysroot;
mod ubi;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use download::Failure;
use log::say;
use protocol::State;
use sysroot::Sysroot;

/// The exit status for a call that is not one of the protocol's.
const USAGE_STATUS: u8 = 2;

const USAGE: &str = "usage: mender-binary-delta STATE TREE\n\
    This is an Update Module (protocol 3): a Mender client starts it out of /usr/share/mender/modules/v3.";

/// Runs one state and reports: the answer to a query on stdout, everything else on stderr.
pub(crate) fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    match arguments.as_slice() {
        [only] if only == "--version" => answer(env!("CARGO_PKG_VERSION")),
        [state, tree] => {
            match run(State::parse(&state.to_string_lossy()), Path::new(tree), &Sysroot::from_environment()) {
                Ok(None) => ExitCode::SUCCESS,
                Ok(Some(text)) => answer(text),
                Err(Failure { error, unsettled }) => {
                    // First, because a client may end the module while it waits.
                    say(&format!("{}: {error}", state.to_string_lossy()));
                    if let Some((stream_next, stream)) = unsettled.map(|both| *both) {
                        stream_next.settle(stream);
                    }
                    ExitCode::FAILURE
                }
            }
        }
        _ => {
            say(USAGE);
            ExitCode::from(USAGE_STATUS)
        }
    }
}

/// One state of the protocol. Gives the line to print where the client asked a question.
///
/// # Errors
///
/// Whatever makes the state fail; the client sees the exit status and logs the text.
fn run(state: State, tree: &Path, sysroot: &Sysroot) -> Result<Option<&'static str>, Failure> {
    match state {
        State::ProvidePayloadFileSizes | State::SupportsRollback => return Ok(Some("Yes")),
        // The client reboots the device itself, once, after every payload, as it does for a root file system.
        State::NeedsArtifactReboot => return Ok(Some("Automatic")),
        State::Download => say(&download::download(tree, sysroot, false)?.to_string()),
        State::DownloadWithFileSizes => say(&download::download(tree, sysroot, true)?.to_string()),
        State::ArtifactInstall => boot_states::install(tree, sysroot)?,
        State::ArtifactVerifyReboot => boot_states::verify_reboot(sysroot)?,
        State::ArtifactVerifyRollbackReboot => boot_states::verify_rollback_reboot()?,
        State::ArtifactCommit => boot_states::commit(sysroot)?,
        State::ArtifactRollback => boot_states::rollback(sysroot)?,
        State::NothingToDo => {}
    }
    Ok(None)
}

fn answer(text: &str) -> ExitCode {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
