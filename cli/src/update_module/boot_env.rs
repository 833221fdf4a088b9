//! The boot loader's environment, read and written with the tools that are in `PATH`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use super::error::{BootEnvProblem, Error};
use super::search_path;

/// Pairs of programs, in the order in which they are looked for: GRUB's first, as the client does.
const TOOLS: [(&str, &str); 2] =
    [("grub-mender-grubenv-print", "grub-mender-grubenv-set"), ("fw_printenv", "fw_setenv")];

/// `fw_setenv -s` of different makes wants different separators; the second is tried when the first had no effect.
const SEPARATORS: [char; 2] = ['=', ' '];

/// The environment, behind two programs.
#[derive(Debug)]
pub(crate) struct BootEnv {
    print: PathBuf,
    set: PathBuf,
}

impl BootEnv {
    /// Finds the programs, and makes sure that the boot loader and we see the same environment: where
    /// `mender_check_saveenv_canary` is 1, the boot loader must have set `mender_saveenv_canary` to 1.
    ///
    /// # Errors
    ///
    /// No pair of programs in `PATH`, or an environment that the boot loader has not written.
    pub(crate) fn open() -> Result<Self, Error> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let env = TOOLS
            .iter()
            .find_map(|(print, set)| {
                Some(Self { print: search_path::find(&path, print)?, set: search_path::find(&path, set)? })
            })
            .ok_or(Error::BootEnv(BootEnvProblem::NoTools))?;
        if env.get("mender_check_saveenv_canary")?.as_deref() == Some("1")
            && env.get("mender_saveenv_canary")?.as_deref() != Some("1")
        {
            return Err(Error::BootEnv(BootEnvProblem::Canary));
        }
        Ok(env)
    }

    /// The value of a variable. None if it is missing or empty, which some tools do not tell apart.
    ///
    /// # Errors
    ///
    /// The program cannot be started.
    pub(crate) fn get(&self, name: &str) -> Result<Option<String>, Error> {
        self.look_up(name).map(|(value, _)| value)
    }

    /// The value, and the first line of what the program complains about.
    fn look_up(&self, name: &str) -> Result<(Option<String>, String), Error> {
        let output = self.call(Command::new(&self.print).arg(name))?;
        // A missing variable is a failure for one make, `name=` and success for another.
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        Ok((value.filter(|value| !value.is_empty()).map(str::to_owned), first_line(&output.stderr)))
    }

    /// The number in `mender_boot_part`: the partition that the boot loader starts next.
    ///
    /// # Errors
    ///
    /// The variable is missing or is not a decimal number.
    pub(crate) fn boot_part(&self) -> Result<u32, Error> {
        let name = "mender_boot_part";
        let (value, complaint) = self.look_up(name)?;
        let value = value.ok_or(Error::BootEnv(BootEnvProblem::Missing { name, complaint }))?;
        value.parse().map_err(|_| Error::BootEnv(BootEnvProblem::NotANumber { name, value }))
    }

    /// Whether an update waits to be committed: `upgrade_available` is 1.
    ///
    /// # Errors
    ///
    /// As [`BootEnv::get`].
    pub(crate) fn upgrade_available(&self) -> Result<bool, Error> {
        Ok(self.get("upgrade_available")?.as_deref() == Some("1"))
    }

    /// Sets all variables in one call of the program, and reads them back.
    ///
    /// # Errors
    ///
    /// The program fails, or a variable does not have its new value afterwards.
    pub(crate) fn set(&self, variables: &[(&str, String)]) -> Result<(), Error> {
        let mut unset = None;
        for separator in SEPARATORS {
            let script: String =
                variables.iter().map(|(name, value)| format!("{name}{separator}{value}\n")).collect();
            let complaint = self.run_script(&script)?;
            unset = self.first_difference(variables)?;
            match (&unset, complaint) {
                (None, None) => return Ok(()),
                (None, Some(complaint)) => return Err(Error::BootEnv(complaint)),
                (Some(_), _) => {}
            }
        }
        let name = unset.unwrap_or_default();
        Err(Error::BootEnv(BootEnvProblem::NotSet { program: self.set.clone(), name }))
    }

    fn run_script(&self, script: &str) -> Result<Option<BootEnvProblem>, Error> {
        let start = |error| Error::io("start", &self.set, error);
        let mut command = Command::new(&self.set);
        command.args(["-s", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(start)?;
        if let Some(mut input) = child.stdin.take() {
            // A program that does not read its input shows in its status, or in what is read back.
            let _reported_below = input.write_all(script.as_bytes());
        }
        let output = child.wait_with_output().map_err(start)?;
        Ok((!output.status.success()).then(|| BootEnvProblem::Failed {
            program: self.set.clone(),
            status: output.status,
            message: first_line(&output.stderr),
        }))
    }

    fn first_difference(&self, variables: &[(&str, String)]) -> Result<Option<String>, Error> {
        for (name, value) in variables {
            if self.get(name)?.as_deref() != Some(value) {
                return Ok(Some((*name).to_owned()));
            }
        }
        Ok(None)
    }

    fn call(&self, command: &mut Command) -> Result<Output, Error> {
        command.stdin(Stdio::null()).output().map_err(|error| Error::io("start", &self.print, error))
    }
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().trim().to_owned()
}
