//! A file that is read by ranges, wherever it is.

use super::problem::RepairProblem;

/// What is needed of a server: one file of it, any part of it.
pub(crate) trait RemoteFile {
    /// The address, as it may be shown.
    fn shown(&self) -> &str;

    /// Bytes of the file.
    fn size_bytes(&self) -> u64;

    /// Fills `buffer` from `offset` on, all of which is inside of the file.
    ///
    /// # Errors
    ///
    /// No answer in time, or one that is not these bytes of the same file.
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), RepairProblem>;
}
