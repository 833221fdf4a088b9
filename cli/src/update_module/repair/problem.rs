//! Why an image on a server does not help.

use std::fmt;

use crate::update_module::error::Hex;

/// One address, as it may be shown, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct RepairProblem {
    pub(crate) address: String,
    pub(crate) what: What,
}

/// What is wrong.
#[derive(Debug)]
pub(crate) enum What {
    /// Not an address that can be used.
    Address { expected: &'static str },
    /// No answer, or one that breaks off.
    Transport(String),
    /// More time was taken than is configured.
    Late { seconds: u64 },
    /// It cannot be used, or leads to others that are not followed: a whole clause.
    Redirect(&'static str),
    /// A refusal, in HTTP's number.
    Status(u16),
    /// The server sends whole files only.
    NoRanges,
    /// The answer is about something else, or packed.
    Header { name: &'static str, expected: String, found: String },
    /// The file is not the one that it was at the beginning.
    Changed { name: &'static str },
    /// The answer has more bytes than it should.
    TooLong { expected: u64 },
    /// An Artifact whose image cannot be read from the middle.
    Packed { member: String },
    /// An Artifact with something that is not understood, or damaged.
    Artifact { offset: u64, what: &'static str },
    /// The block list is not one.
    List(mender_delta::error::Error),
    /// The block list is that of another image.
    ListOfAnother { expected: [u8; 32], found: [u8; 32] },
    /// The block list is about another length.
    ListLength { expected: u64, found: u64 },
    /// A block that does not have the digest in the list.
    Block { number: u64 },
    /// Too much has changed.
    TooMuch { limit: u64 },
    /// The image is longer than the partition.
    TooLarge { image: u64, partition: u64 },
}

impl RepairProblem {
    /// Whether another base may still be what the server has.
    pub(crate) fn is_about_another(&self) -> bool {
        // Some servers say 403 about what they do not have.
        matches!(self.what, What::Status(403 | 404 | 410) | What::ListOfAnother { .. })
    }
}

impl fmt::Display for RepairProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.address)?;
        match &self.what {
            What::Address { expected } => write!(f, "expected {expected}"),
            What::Transport(text) => f.write_str(text),
            What::Late { seconds } => write!(f, "not done within the {seconds} s of RepairTimeoutSeconds"),
            What::Redirect(why) => f.write_str(why),
            What::Status(status) => write!(f, "the server answers with status {status}"),
            What::NoRanges => {
                f.write_str("the server does not give parts of files (status 200, expected 206)")
            }
            What::Header { name, expected, found } => {
                write!(f, "{name} of the answer: expected {expected}, found {found}")
            }
            What::Changed { name } => write!(f, "the file changed while it was read: {name} is another one"),
            What::TooLong { expected } => write!(f, "expected {expected} bytes, found more"),
            What::Packed { member } => write!(
                f,
                "the Artifact's payload is compressed ({member}), so that no part of it is part of the image; name the \
                 image, or an Artifact written with --compression none"
            ),
            What::Artifact { offset, what } => write!(f, "Artifact, byte {offset}: {what}"),
            What::List(error) => write!(f, "block list: {error}"),
            What::ListOfAnother { expected, found } => {
                write!(f, "expected the block list of image {}, found that of {}", Hex(expected), Hex(found))
            }
            What::ListLength { expected, found } => {
                write!(f, "expected the block list of an image of {expected} bytes, found that of {found}")
            }
            What::Block { number } => write!(f, "block {number} is not what the block list says"),
            What::TooMuch { limit } => {
                write!(f, "more than {limit} bytes of the running system differ, which is the limit")
            }
            What::TooLarge { image, partition } => {
                write!(f, "the image of {image} bytes is longer than the partition of {partition}")
            }
        }
    }
}
