//! Signatures from elsewhere: by a signer that may take its time, or handed in.

use super::failure::Failure;
use crate::fleet::reason::Reason;
use mender_artifact::error::Error;
use mender_artifact::sign::Signer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// How often who waits for a signature looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(20);

/// A signature that is there already.
pub(super) struct Given(pub(super) Vec<u8>);

impl Signer for Given {
    fn sign_manifest(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.clone())
    }
}

/// For how long somebody waits.
pub(super) struct Wait<'w> {
    pub(super) cancel: &'w AtomicBool,
}

/// Has the manifest signed on a thread of its own, which is left to itself when the signature is not wanted any more: a
/// service that does not answer holds nobody up.
pub(super) fn sign_beside(
    signer: Arc<dyn Signer + Send + Sync>,
    manifest: Vec<u8>,
    wait: &Wait<'_>,
) -> Result<Vec<u8>, Failure> {
    let (give, given) = sync_channel(1);
    let thread = thread::Builder::new().name("delta-signer".into()).spawn(move || {
        // Nobody may be there to take it.
        let _ = give.send(signer.sign_manifest(&manifest));
    });
    thread.map_err(|error| Failure::because(Reason::SignerFailed, format!("no thread to sign: {error}")))?;
    loop {
        if wait.cancel.load(Ordering::Relaxed) {
            return Err(Failure::new(Reason::Cancelled));
        }
        match given.recv_timeout(LOOK) {
            Ok(Ok(signature)) => return Ok(signature),
            Ok(Err(error)) => return Err(Failure::because(Reason::SignerFailed, error.to_string())),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::because(Reason::SignerFailed, "the signer panicked"));
            }
        }
    }
}
