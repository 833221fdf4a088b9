//! What a front says, as our own reader understands it, or why it does not.

use crate::error::{Defect, Entry, Error};
use crate::header::ArtifactHeader;
use crate::read::{PayloadSink, ReadOptions, read_artifact};
use crate::rewrite::Front;

/// Keeps the header and stops the reading there.
#[derive(Default)]
struct HeaderOnly(Option<ArtifactHeader>);

impl PayloadSink for HeaderOnly {
    fn header(&mut self, header: &ArtifactHeader) -> Result<(), Error> {
        self.0 = Some(header.clone());
        Err(Error::new(Defect::Cancelled, Entry::Artifact))
    }
}

/// Reads everything before the payload as anyone who gets the Artifact would.
pub(crate) fn describe(front: &Front) -> Result<ArtifactHeader, Error> {
    let bytes = front.to_bytes()?;
    let mut header = HeaderOnly::default();
    let read = read_artifact(bytes.as_slice(), &ReadOptions::default(), &mut header);
    match (header.0, read) {
        (Some(header), _) => Ok(header),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(Error::new(Defect::Missing, Entry::Header)),
    }
}
