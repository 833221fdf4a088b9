//! The settings: the module's own file, then the client's two, each key from the first file that has it.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::{ConfigProblem, Error};
use super::flash_tool::FlashTool;
use super::sysroot::Sysroot;

/// The module's own file; its keys are matched exactly.
const OWN: &str = "etc/mender/mender-binary-delta.conf";
/// The client's files; it matches keys without regard to case.
const CLIENT: [&str; 2] = ["etc/mender/mender.conf", "var/lib/mender/mender.conf"];
/// Far beyond any real configuration.
const FILE_LIMIT_BYTES: u64 = 1 << 20;
/// How much memory a delta may ask for when nothing is configured.
pub(crate) const DEFAULT_MEMORY_LIMIT_BYTES: u64 = 32 << 20;

/// How much of the running system may be fetched anew when nothing is configured; it is kept in memory.
const DEFAULT_REPAIR_LIMIT_BYTES: u64 = 8 << 20;
/// How long that may take when nothing is configured. The client ends a module after four hours.
const DEFAULT_REPAIR_SECONDS: u64 = 1800;

/// Where an image of what is running is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RepairFrom {
    /// A file or block device.
    Copy(PathBuf),
    /// On a server.
    Address(String),
}

impl RepairFrom {
    fn named(text: &str) -> Self {
        let is_address = ["http://", "https://"]
            .iter()
            .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
        if is_address { Self::Address(text.to_owned()) } else { Self::Copy(PathBuf::from(text)) }
    }
}

/// What the device's files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// `RootfsPartA`, as written.
    pub(crate) rootfs_part_a: PathBuf,
    /// `RootfsPartB`, as written.
    pub(crate) rootfs_part_b: PathBuf,
    /// `ApplyMemoryLimitBytes`: a delta that needs more is refused before anything is written.
    pub(crate) memory_limit_bytes: u64,
    /// `FlashTool`: what writes in place of the module.
    pub(crate) flash_tool: Option<FlashTool>,
    /// `RepairFrom`: an image of what is running, for when that has changed.
    pub(crate) repair_from: Option<RepairFrom>,
    /// `RepairLimitBytes`: how much of the running system may be fetched anew.
    pub(crate) repair_limit_bytes: u64,
    /// `RepairTimeoutSeconds`: how long that may take.
    pub(crate) repair_seconds: u64,
    /// `JournalFile`: where to keep how far a download has come.
    pub(crate) journal_file: Option<PathBuf>,
    /// `ReportFile`: where to say what a download has done.
    pub(crate) report_file: Option<PathBuf>,
}

impl Config {
    /// Reads the files that exist.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is not a JSON object, a key of the wrong type, a partition that no file
    /// names, and a `FlashTool` that is not known.
    pub(crate) fn load(sysroot: &Sysroot) -> Result<Self, Error> {
        let own = ConfigFile::read(&sysroot.path(OWN), false)?;
        let mut files = vec![own];
        for client in CLIENT {
            files.push(ConfigFile::read(&sysroot.path(client), true)?);
        }
        let own = &files[0];
        let flash_tool = match own.text("FlashTool")?.filter(|tool| !tool.is_empty()) {
            None => None,
            Some(name) => Some(
                FlashTool::named(name)
                    .ok_or_else(|| own.problem(ConfigProblem::FlashTool(name.to_owned())))?,
            ),
        };
        Ok(Self {
            rootfs_part_a: first_text(&files, "RootfsPartA")?,
            rootfs_part_b: first_text(&files, "RootfsPartB")?,
            memory_limit_bytes: own.number("ApplyMemoryLimitBytes", DEFAULT_MEMORY_LIMIT_BYTES)?,
            flash_tool,
            repair_from: own.text("RepairFrom")?.filter(|text| !text.is_empty()).map(RepairFrom::named),
            repair_limit_bytes: own.number("RepairLimitBytes", DEFAULT_REPAIR_LIMIT_BYTES)?,
            repair_seconds: own.number("RepairTimeoutSeconds", DEFAULT_REPAIR_SECONDS)?,
            journal_file: own.place("JournalFile")?,
            report_file: own.place("ReportFile")?,
        })
    }

    #[cfg(test)]
    pub(crate) fn for_test() -> Self {
        Self {
            rootfs_part_a: PathBuf::new(),
            rootfs_part_b: PathBuf::new(),
            memory_limit_bytes: 0,
            flash_tool: None,
            repair_from: None,
            repair_limit_bytes: 0,
            repair_seconds: 0,
            journal_file: None,
            report_file: None,
        }
    }
}

fn first_text(files: &[ConfigFile], key: &'static str) -> Result<PathBuf, Error> {
    for file in files {
        if let Some(text) = file.text(key)?.filter(|text| !text.is_empty()) {
            return Ok(PathBuf::from(text));
        }
    }
    Err(files[0].problem(ConfigProblem::Missing { key }))
}

/// One file; a file that does not exist has no keys.
struct ConfigFile {
    path: PathBuf,
    object: serde_json::Map<String, Value>,
    any_case: bool,
}

impl ConfigFile {
    fn read(path: &Path, any_case: bool) -> Result<Self, Error> {
        let empty = Self { path: path.to_owned(), object: serde_json::Map::new(), any_case };
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(empty),
            Err(error) => return Err(Error::io("open", path, error)),
        };
        let mut text = Vec::new();
        file.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut text).map_err(|e| Error::io("read", path, e))?;
        if text.len() as u64 > FILE_LIMIT_BYTES {
            return Err(empty.problem(ConfigProblem::TooLarge { limit: FILE_LIMIT_BYTES }));
        }
        match serde_json::from_slice(&text) {
            Ok(Value::Object(object)) => Ok(Self { object, ..empty }),
            Ok(_) => Err(empty.problem(ConfigProblem::NotAnObject)),
            Err(error) => Err(empty.problem(ConfigProblem::NotJson(error))),
        }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.object.get(key).or_else(|| {
            let mut entries = self.object.iter().filter(|_| self.any_case);
            entries.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
        })
    }

    fn text(&self, key: &'static str) -> Result<Option<&str>, Error> {
        match self.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.problem(ConfigProblem::NotText { key })),
        }
    }

    fn number(&self, key: &'static str, default: u64) -> Result<u64, Error> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value.as_u64().ok_or_else(|| self.problem(ConfigProblem::NotANumber { key })),
        }
    }

    fn place(&self, key: &'static str) -> Result<Option<PathBuf>, Error> {
        Ok(self.text(key)?.filter(|text| !text.is_empty()).map(PathBuf::from))
    }

    fn problem(&self, problem: ConfigProblem) -> Error {
        Error::Config { path: self.path.clone(), problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(files: &[(&str, &str)]) -> Result<Config, String> {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Config::load(&Sysroot::for_test(root.path()))
            .map_err(|error| error.to_string().replace(root.path().to_str().unwrap(), ""))
    }

    #[test]
    fn each_key_comes_from_the_first_file_that_has_it() {
        let config = load(&[
            (OWN, r#"{"RootfsPartA": "/dev/a2", "rootfspartb": "/dev/wrong"}"#),
            (CLIENT[0], r#"{"RootfsPartA": "/dev/other", "ServerURL": "https://example.com"}"#),
            (CLIENT[1], r#"{"rootfsPARTb": "/dev/a3"}"#),
        ])
        .unwrap();
        assert_eq!(config.rootfs_part_a, Path::new("/dev/a2"));
        assert_eq!(config.rootfs_part_b, Path::new("/dev/a3"));
        assert_eq!(config.memory_limit_bytes, DEFAULT_MEMORY_LIMIT_BYTES);
    }

    #[test]
    fn refusals_name_the_file_and_the_key() {
        let both = r#""RootfsPartA": "/dev/a2", "RootfsPartB": "/dev/a3""#;
        let cases = [
            (r#"{"RootfsPartA": "/dev/a2"}"#.to_owned(), "no RootfsPartB in"),
            (r#"{"RootfsPartA": 2}"#.to_owned(), "RootfsPartA is not a text"),
            (format!(r#"{{{both}, "FlashTool": "flashcp"}}"#), "FlashTool \"flashcp\" is not known"),
            (format!(r#"{{{both}, "ApplyMemoryLimitBytes": "1M"}}"#), "ApplyMemoryLimitBytes is not a"),
            ("[]".to_owned(), "not a JSON object"),
            ("{".to_owned(), "EOF while parsing"),
        ];
        for (text, expected) in cases {
            let message = load(&[(OWN, &text)]).unwrap_err();
            assert!(message.contains(expected) && message.contains(OWN), "{message}");
        }
        assert!(load(&[]).unwrap_err().contains("no RootfsPartA in"));
    }

    #[test]
    fn a_place_for_repairs_is_an_address_or_a_path() {
        let load = |place: &str, more: &str| {
            let text =
                format!(r#"{{"RootfsPartA": "/a", "RootfsPartB": "/b", "RepairFrom": "{place}"{more}}}"#);
            load(&[(OWN, &text)]).unwrap()
        };
        assert_eq!(load("", "").repair_from, None);
        assert_eq!(load("/a/http://b", "").repair_from, Some(RepairFrom::Copy("/a/http://b".into())));
        let server = load("HTTPS://h/a", r#", "RepairLimitBytes": 5, "RepairTimeoutSeconds": 6"#);
        assert_eq!(server.repair_from, Some(RepairFrom::Address("HTTPS://h/a".into())));
        assert_eq!((server.repair_limit_bytes, server.repair_seconds), (5, 6));
        assert_eq!(load("/a", "").repair_limit_bytes, 8 << 20);
    }

    #[test]
    fn a_memory_limit_is_taken_from_the_own_file() {
        let text = r#"{"RootfsPartA": "/a", "RootfsPartB": "/b", "FlashTool": "", "ApplyMemoryLimitBytes": 1048576}"#;
        assert_eq!(load(&[(OWN, text)]).unwrap().memory_limit_bytes, 1 << 20);
    }
}
