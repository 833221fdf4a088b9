//! The program ssh: started with a script for the device, read from, and ended.

use super::address::Address;
use super::receive::Refused;
use crate::failure::Failure;
use crate::interrupt;
use std::io::{self, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a broken connection is noticed by.
const KEEP_ALIVE: [&str; 2] = ["-oServerAliveInterval=30", "-oServerAliveCountMax=1"];

/// How often is looked whether ssh has ended, once it sends no more.
const LOOKS_EVERY: Duration = Duration::from_millis(5);

/// A device that runs a script. Its input and error stream are ours. Dropped early, ssh is ended.
pub(super) struct Connection<'a> {
    address: &'a Address,
    ssh: Arc<Mutex<Running>>,
    stream: BufReader<ChildStdout>,
    /// Ends ssh if a signal ends the process.
    _pending: interrupt::Guard,
}

/// ssh, once it is started. Nobody holds the lock of it for longer than that takes.
struct Running(Option<Child>);

impl Running {
    fn kill(&mut self) {
        if let Some(ssh) = &mut self.0 {
            // Does nothing to a process that has ended.
            let _ = ssh.kill();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        if let Some(ssh) = &mut self.0 {
            let _ = ssh.wait();
        }
    }
}

fn locked(ssh: &Mutex<Running>) -> MutexGuard<'_, Running> {
    ssh.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Variables that only signing needs.
const SECRETS: [&str; 3] = ["MENDER_ARTIFACT_KEY_PASSPHRASE", "PKCS11_PIN", "VAULT_TOKEN"];

impl<'a> Connection<'a> {
    /// Starts ssh. What `ssh_args` say wins over what is said here.
    pub(super) fn start(address: &'a Address, ssh_args: &[String], script: &str) -> Result<Self, Failure> {
        let mut ssh = Command::new("ssh");
        // Nothing of this is for the device, or for a program that ssh starts on the way.
        for name in SECRETS {
            ssh.env_remove(name);
        }
        if let Some(port) = address.port.filter(|_| !ssh_args.iter().any(|arg| arg.starts_with("-p"))) {
            ssh.arg("-p").arg(port.to_string());
        }
        ssh.args(ssh_args).args(KEEP_ALIVE).arg(&address.destination).arg(script);
        Self::of(address, ssh)
    }

    fn of(address: &'a Address, mut ssh: Command) -> Result<Self, Failure> {
        let failed = |error: &io::Error| address.failed(format_args!("cannot start ssh: {error}"));
        let running = Arc::new(Mutex::new(Running(None)));
        let ended = Arc::clone(&running);
        // Before it is started, so that there is no moment in which a signal leaves it behind.
        let pending = interrupt::undo_with(move || locked(&ended).kill());
        let mut started = locked(&running);
        let mut child = ssh.stdout(Stdio::piped()).spawn().map_err(|error| failed(&error))?;
        let stream = child.stdout.take();
        started.0 = Some(child);
        drop(started);
        let stream = stream.ok_or_else(|| failed(&io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self { address, ssh: running, stream: BufReader::new(stream), _pending: pending })
    }

    /// Reads what the device sends. If `within` is given and passes before `read` calls its second argument, ssh is
    /// ended. That ssh ends with success is part of the success.
    pub(super) fn read_with<T>(
        mut self,
        within: Option<Duration>,
        read: impl FnOnce(&mut dyn io::BufRead, &dyn Fn()) -> Result<T, Refused>,
    ) -> Result<T, Failure> {
        let (begun, wait_for_it) = channel::<()>();
        let watched = Arc::clone(&self.ssh);
        let watch = within.map(|within| {
            std::thread::spawn(move || {
                let late = wait_for_it.recv_timeout(within) == Err(RecvTimeoutError::Timeout);
                if late {
                    locked(&watched).kill();
                }
                late
            })
        });
        // The watch may have ended; nothing waits then.
        let done = read(&mut self.stream, &|| {
            let _ = begun.send(());
        });
        drop(begun);
        if watch.is_some_and(|watch| watch.join().unwrap_or(false)) {
            let seconds = within.unwrap_or_default().as_secs();
            return Err(self.address.failed(format_args!("no image came within {seconds} seconds")));
        }
        let value = match done {
            Ok(value) => value,
            // What ssh says about it is nearer to the cause.
            Err(refused @ Refused::Ended) => {
                let address = self.address;
                self.end()?;
                return Err(address.failed(refused));
            }
            Err(refused) => return Err(self.address.failed(refused)),
        };
        self.end()?;
        Ok(value)
    }

    /// Waits for ssh to end, reading what it still sends.
    fn end(mut self) -> Result<(), Failure> {
        let _ = io::copy(&mut self.stream, &mut io::sink());
        loop {
            let ended = locked(&self.ssh).0.as_mut().map_or(Ok(None), Child::try_wait);
            match ended {
                Ok(None) => std::thread::sleep(LOOKS_EVERY),
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(self.address.failed(reason(status))),
                Err(error) => return Err(self.address.failed(format_args!("cannot wait for ssh: {error}"))),
            }
        }
    }
}

/// ssh has an exit status of its own for connections, and hands on that of the script otherwise.
fn reason(status: ExitStatus) -> String {
    match status.code() {
        Some(255) => "ssh failed to connect or lost the connection".to_owned(),
        Some(code) => format!("the command on the device ended with status {code}"),
        None => format!("ssh ended with {status}"),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::path::Path;

    fn said(script: &str, within: Duration) -> Result<Vec<u8>, Failure> {
        let address = Address::in_place_of_file(Path::new("ssh://device")).unwrap().unwrap();
        let mut ssh = Command::new("/bin/sh");
        ssh.args(["-c", script]);
        Connection::of(&address, ssh)?.read_with(Some(within), |stream, begun| {
            let mut first = [0; 1];
            stream.read_exact(&mut first).map_err(|_| Refused::Ended)?;
            begun();
            let mut all = first.to_vec();
            stream.read_to_end(&mut all).map_err(Refused::Read)?;
            Ok(all)
        })
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_device_that_does_not_begin_is_given_up() {
        let failure = said("exec sleep 60", Duration::from_millis(50)).unwrap_err();
        assert_eq!(failure.to_string(), "ssh://device: no image came within 0 seconds");
    }

    #[test]
    fn one_that_has_begun_may_take_its_time() {
        assert_eq!(said("printf a; sleep 0.3; printf b", Duration::from_millis(200)).unwrap(), b"ab");
    }

    #[test]
    fn how_ssh_ends_matters() {
        let failed = |script| said(script, LONG).unwrap_err().to_string();
        assert_eq!(failed("printf a; exit 3"), "ssh://device: the command on the device ended with status 3");
        assert_eq!(failed("exit 255"), "ssh://device: ssh failed to connect or lost the connection");
        assert_eq!(failed("printf a; kill -9 $$"), "ssh://device: ssh ended with signal: 9 (SIGKILL)");
        assert!(failed("exit 0").contains("found the end"));
    }
}
