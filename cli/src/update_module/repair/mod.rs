//! What `RepairFrom` names when it is an address: the image of the running system on a server, of which only the blocks
//! that differ are fetched.

mod answer;
mod artifact_tar;
pub(crate) mod fetched;
mod http;
pub(crate) mod image_address;
pub(crate) mod problem;
mod remote_file;
