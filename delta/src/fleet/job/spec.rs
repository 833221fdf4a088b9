//! What a job is to do, as it goes over wires.

use super::failure::Failure;
use super::limits::Limits;
use crate::algorithm::Algorithm;
use crate::error::Error;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::plan::policy::DeltaKind;
use crate::fleet::reason::Reason;
use crate::fleet::tenant::TenantId;
use crate::format::native::level::Level;
use crate::format::native::writer::Layout;
use crate::format::vcdiff::writer::VcdiffOptions;
use crate::options::GenerateOptions;
use mender_artifact::compression::Compression;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
pub const VERSION: u32 = 1;
/// Longest JSON form that is read, in bytes.
pub const MAX_JSON: usize = 64 << 10;
/// Memory that a delta of the level `max` is laid out for unless told, in bytes; and one of the others. With less than
/// that compressed content is not unpacked.
const MAX_MEMORY: u64 = 64 << 20;
const MEMORY: u64 = 16 << 20;

/// A job. As JSON: an object with these names; only `v` and `tenant` have to be there.
///
/// ```
/// use mender_delta::fleet::job::spec::JobSpec;
/// let spec = JobSpec::from_json(br#"{"v":1,"tenant":"acme","limits":{"deadline_seconds":600}}"#)?;
/// assert_eq!(spec.limits.deadline_seconds, 600);
/// # Ok::<(), mender_delta::fleet::job::failure::Failure>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// [`VERSION`].
    pub v: u32,
    /// For whom.
    pub tenant: TenantId,
    /// How the delta is made.
    #[serde(default)]
    pub algorithm: AlgorithmSpec,
    /// How the delta Artifact is packed.
    #[serde(default)]
    pub compression: Packing,
    /// Who signs it.
    #[serde(default)]
    pub sign: SignMode,
    /// Public key in PEM that both Artifacts must be signed with. By default signatures are not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_key: Option<String>,
    /// SHA-256 of the file of the Artifact that devices have. With both digests known the outcome of an equal job is found
    /// before any byte arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_sha256: Option<Sha256Sum>,
    /// SHA-256 of the file of the Artifact that they are to get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_sha256: Option<Sha256Sum>,
    /// What the job may take.
    #[serde(default)]
    pub limits: Limits,
}

/// How the delta is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "name")]
pub enum AlgorithmSpec {
    /// The native format, for this project's Update Module.
    Native {
        /// What the delta is to be.
        #[serde(default)]
        level: LevelName,
    },
    /// VCDIFF, for Mender's own Update Module.
    Xdelta3 {
        /// Whether sections are packed with LZMA.
        #[serde(default = "yes")]
        pack: bool,
        /// Target bytes of a window.
        #[serde(default = "default_window")]
        window: u32,
        /// Bytes of base that the decoder reaches, if it does not reach all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source_window: Option<u64>,
        /// Words for the command line of the decoder.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        decoder_arguments: Vec<String>,
    },
    /// BSDIFF40.
    Bsdiff {},
}

fn yes() -> bool {
    true
}

fn default_window() -> u32 {
    VcdiffOptions::default().window
}

/// What a native delta is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelName {
    /// Quick to apply.
    Fast,
    /// Small.
    #[default]
    Default,
    /// As small as the memory allows.
    Max,
}

/// How the delta Artifact is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packing {
    /// Not at all.
    None,
    /// gzip.
    #[default]
    Gzip,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
}

/// Who signs the delta Artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "mode")]
pub enum SignMode {
    /// Nobody.
    None {},
    /// Somebody who gets the manifest or its digest while the job waits, and gives the signature back.
    External {
        /// Public key in PEM that the signature is checked with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        public_key: Option<String>,
        /// Name of the key that will sign. By default the SHA-256 of `public_key`. Artifacts signed by different keys are
        /// different results.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key_id: Option<String>,
    },
    /// A signer that the engine knows for this tenant.
    Signer {
        /// Under this name.
        name: String,
    },
}

impl Default for SignMode {
    fn default() -> Self {
        Self::None {}
    }
}

impl Default for AlgorithmSpec {
    fn default() -> Self {
        Self::Native { level: LevelName::default() }
    }
}

impl AlgorithmSpec {
    /// The usual one for this kind of delta.
    #[must_use]
    pub fn of(kind: DeltaKind) -> Self {
        match kind {
            DeltaKind::Native => Self::default(),
            DeltaKind::Xdelta3 => Self::Xdelta3 {
                pack: true,
                window: default_window(),
                source_window: None,
                decoder_arguments: Vec::new(),
            },
        }
    }

    /// The name as in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Native { .. } => "native",
            Self::Xdelta3 { .. } => "xdelta3",
            Self::Bsdiff {} => "bsdiff",
        }
    }

    /// The engine's word for it.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm<'static> {
        match *self {
            Self::Native { .. } => Algorithm::Native,
            Self::Xdelta3 { pack, window, source_window, .. } => {
                Algorithm::Xdelta3(VcdiffOptions { pack, window, source_window, application_header: None })
            }
            Self::Bsdiff {} => Algorithm::Bsdiff,
        }
    }

    /// Words for the command line of the decoder.
    #[must_use]
    pub fn decoder_arguments(&self) -> &[String] {
        match self {
            Self::Xdelta3 { decoder_arguments, .. } => decoder_arguments,
            _ => &[],
        }
    }
}

impl From<Packing> for Compression {
    fn from(packing: Packing) -> Self {
        match packing {
            Packing::None => Self::None,
            Packing::Gzip => Self::Gzip,
            Packing::Xz => Self::Xz,
            Packing::Zstd => Self::Zstd,
        }
    }
}

impl JobSpec {
    /// A job for a tenant with everything else by default: native, gzip, unsigned.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            v: VERSION,
            tenant,
            algorithm: AlgorithmSpec::default(),
            compression: Packing::default(),
            sign: SignMode::default(),
            verify_key: None,
            from_sha256: None,
            to_sha256: None,
            limits: Limits::default(),
        }
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`Reason::BadRequest`] when it is longer than [`MAX_JSON`], no such JSON, of another version, or impossible.
    pub fn from_json(json: &[u8]) -> Result<Self, Failure> {
        let refuse = |text: String| Err(Failure::because(Reason::BadRequest, text));
        if json.len() > MAX_JSON {
            return refuse(format!(
                "description of a job: {} bytes, expected at most {MAX_JSON}",
                json.len()
            ));
        }
        let spec: Self = match serde_json::from_slice(json) {
            Ok(spec) => spec,
            Err(error) => return refuse(format!("description of a job: {error}")),
        };
        spec.check()?;
        Ok(spec)
    }

    /// Refuses what cannot be done before any of it is begun.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let refuse = |text: String| Err(Failure::because(Reason::BadRequest, text));
        if self.v != VERSION {
            return refuse(format!("description of a job: v: expected {VERSION}, found {}", self.v));
        }
        if self.limits.min_saving_permille >= 1000 {
            return refuse("min_saving_permille: expected less than 1000".to_owned());
        }
        if self.limits.deadline_seconds == 0 {
            return refuse("deadline_seconds: expected at least 1".to_owned());
        }
        self.generate_options()
            .map(drop)
            .map_err(|error| Failure::because(Reason::BadRequest, error.to_string()))
    }

    /// How the delta is made, as `mender-artifact write delta-image` makes it with the same options.
    pub(super) fn generate_options(&self) -> Result<GenerateOptions<'static>, Error> {
        let AlgorithmSpec::Native { level } = self.algorithm else { return Ok(GenerateOptions::default()) };
        let (level, memory) = match level {
            LevelName::Fast => (Level::Fast, MEMORY),
            LevelName::Default => (Level::Default, MEMORY),
            LevelName::Max => (Level::Max, MAX_MEMORY),
        };
        let memory = self.limits.apply_memory.unwrap_or(memory);
        let layout = Layout::within(level, memory)?;
        Ok(GenerateOptions { layout, unpack: memory >= MEMORY, ..GenerateOptions::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<JobSpec, String> {
        JobSpec::from_json(json.as_bytes()).map_err(|failure| {
            assert_eq!(failure.reason, Reason::BadRequest);
            failure.text
        })
    }

    #[test]
    fn what_is_written_is_read() {
        let mut spec = JobSpec::new(TenantId::new("acme").unwrap());
        for sign in [
            SignMode::None {},
            SignMode::External { public_key: Some("pem".into()), key_id: None },
            SignMode::Signer { name: "release".into() },
        ] {
            for algorithm in [
                AlgorithmSpec::Native { level: LevelName::Max },
                read(r#"{"v":1,"tenant":"a","algorithm":{"name":"xdelta3"}}"#).unwrap().algorithm,
                AlgorithmSpec::Bsdiff {},
            ] {
                (spec.sign, spec.algorithm) = (sign.clone(), algorithm);
                assert_eq!(read(&serde_json::to_string(&spec).unwrap()).as_ref(), Ok(&spec));
            }
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (json, expected) in [
            ("", "EOF"),
            ("[]", "invalid length 0"),
            (r#"{"v":1}"#, "missing field `tenant`"),
            (r#"{"v":2,"tenant":"a"}"#, "v: expected 1, found 2"),
            (r#"{"v":1,"tenant":"a/b"}"#, "has another character in it"),
            (r#"{"v":1,"tenant":"a","colour":1}"#, "unknown field `colour`"),
            (r#"{"v":1,"tenant":"a","limits":{"memroy":1}}"#, "unknown field `memroy`"),
            (r#"{"v":1,"tenant":"a","algorithm":{"name":"bsdiff","level":"max"}}"#, "unknown field `level`"),
            (r#"{"v":1,"tenant":"a","algorithm":{"name":"rsync"}}"#, "unknown variant `rsync`"),
            (r#"{"v":1,"tenant":"a","sign":{"mode":"none","name":"x"}}"#, "unknown field `name`"),
            (r#"{"v":1,"tenant":"a","limits":{"apply_memory":1}}"#, "over the limit"),
            (r#"{"v":1,"tenant":"a","limits":{"min_saving_permille":1000}}"#, "less than 1000"),
            (r#"{"v":1,"tenant":"a","limits":{"deadline_seconds":0}}"#, "at least 1"),
        ] {
            let found = read(json).unwrap_err();
            assert!(found.contains(expected), "{json}: {found}");
        }
        assert!(read(&format!("{}{{}}", " ".repeat(MAX_JSON))).unwrap_err().contains("at most 65536"));
    }
}
