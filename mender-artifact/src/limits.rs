//! How much an Artifact may ask for. Every number here decides memory or work; input that wants
//! more is refused with [`Category::Limit`](crate::error::Category::Limit) before it has any effect.

/// Bounds on what is read. Sizes are in bytes.
///
/// ```
/// use mender_artifact::limits::Limits;
/// let limits = Limits { manifest_bytes: 16 * 1024, ..Limits::device() };
/// assert!(limits.json_bytes < Limits::default().json_bytes);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest `manifest`, together with `manifest-augment`.
    pub manifest_bytes: usize,
    /// Largest `manifest.sig`.
    pub signature_bytes: usize,
    /// Longest name of a member of any archive. Never more than 4096.
    pub name_bytes: usize,
    /// Largest extended (PAX) header of one member.
    pub pax_bytes: usize,
    /// Largest header-info, type-info or meta-data.
    pub json_bytes: usize,
    /// Deepest nesting of JSON. Never more than 128.
    pub json_depth: usize,
    /// Most keys in JSON objects that are open at the same time.
    pub json_keys: usize,
    /// Largest sum of all JSON documents and, where they are kept, state scripts.
    pub header_kept_bytes: usize,
    /// Largest header archive, unpacked.
    pub header_bytes: u64,
    /// Most state scripts.
    pub scripts: usize,
    /// Most payloads.
    pub payloads: usize,
    /// Most payload files, all payloads together.
    pub files: usize,
    /// Largest payload file, unpacked.
    pub payload_file_bytes: u64,
    /// Most memory that one decompressor may use, window included.
    pub decoder_bytes: u64,
    /// Size of the buffer for decompressed bytes; 0 if nothing is ever decompressed.
    pub unpacked_buffer_bytes: usize,
    /// Whether an Artifact may be augmented: no signature covers what `manifest-augment` and
    /// `header-augment.tar` add to it.
    pub augmented: bool,
}

impl Limits {
    /// Bounds for small devices that take uncompressed Artifacts with one payload:
    /// the reader needs less than 32 KiB.
    #[must_use]
    pub const fn device() -> Self {
        Self {
            manifest_bytes: 4 * 1024,
            signature_bytes: 1024,
            name_bytes: 128,
            // The blank header that keeps a payload at its place in a block when an Artifact is signed.
            pax_bytes: 4096 + 512,
            json_bytes: 8 * 1024,
            json_depth: 16,
            json_keys: 64,
            header_kept_bytes: 8 * 1024,
            header_bytes: 1024 * 1024,
            scripts: 32,
            payloads: 1,
            files: 16,
            payload_file_bytes: 1 << 40,
            decoder_bytes: 0,
            unpacked_buffer_bytes: 0,
            augmented: false,
        }
    }

    /// Bounds for computers: every Artifact that the known tools write by themselves fits.
    #[must_use]
    pub const fn computer() -> Self {
        Self {
            manifest_bytes: 1024 * 1024,
            signature_bytes: 16 * 1024,
            name_bytes: 1024,
            pax_bytes: 16 * 1024,
            json_bytes: 1024 * 1024,
            json_depth: 100,
            json_keys: 4096,
            header_kept_bytes: 8 * 1024 * 1024,
            header_bytes: 32 * 1024 * 1024,
            scripts: 1000,
            payloads: 64,
            files: 8192,
            payload_file_bytes: 1 << 44,
            decoder_bytes: 160 * 1024 * 1024,
            unpacked_buffer_bytes: 128 * 1024,
            augmented: true,
        }
    }
}

impl Default for Limits {
    /// [`Limits::computer`].
    fn default() -> Self {
        Self::computer()
    }
}
