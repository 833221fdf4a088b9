//! A PostgreSQL server of our own for the time of the tests: in a folder of its own, reached through a socket there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

struct Cluster {
    folder: PathBuf,
}

/// URL of a new database.
pub(crate) fn database() -> Result<String, String> {
    static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();
    static DATABASES: AtomicU32 = AtomicU32::new(0);
    let cluster = CLUSTER.get_or_init(Cluster::start).as_ref().map_err(Clone::clone)?;
    let url = |database: &str| format!("postgres://ledger@/{database}?host={}", cluster.folder.display());
    let mut client =
        postgres::Client::connect(&url("postgres"), postgres::NoTls).map_err(|error| error.to_string())?;
    let name = format!("ledger{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    client.batch_execute(&format!("CREATE DATABASE {name}")).map_err(|error| error.to_string())?;
    Ok(url(&name))
}

impl Cluster {
    fn start() -> Result<Self, String> {
        let bin = binaries().ok_or("initdb and postgres are not installed")?;
        let folder = std::env::temp_dir().join(format!("ledger-pg-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).map_err(|error| error.to_string())?;
        // The server does not run as root.
        let as_user = |program: PathBuf| {
            if is_root() {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
                command
            } else {
                Command::new(program)
            }
        };
        if is_root() {
            let given = Command::new("chown").arg("postgres:postgres").arg(&folder).status();
            if !given.is_ok_and(|status| status.success()) {
                return Err("there is no user postgres".to_owned());
            }
        }
        let data = folder.join("data");
        let made = as_user(bin.join("initdb"))
            .arg("-D")
            .arg(&data)
            .args(["-U", "ledger", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .output()
            .map_err(|error| format!("initdb: {error}"))?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)));
        }
        // Ends with this process: it is told so through a pipe that the process holds.
        let script =
            "\"$0\" \"$@\" & server=$!; read -r _; kill -QUIT $server; wait $server; rm -rf \"$FOLDER\"";
        let mut server = as_user("sh".into());
        server
            .args(["-c", script])
            .arg(bin.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses="])
            .args(["-c", "shared_buffers=32MB"])
            .arg("-k")
            .arg(&folder)
            .env("FOLDER", &folder)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = server.spawn().map_err(|error| format!("postgres: {error}"))?;
        // Its standard input stays open until this process ends.
        std::mem::forget(child);
        let url = format!("postgres://ledger@/postgres?host={}", folder.display());
        for _ in 0..300 {
            if postgres::Client::connect(&url, postgres::NoTls).is_ok() {
                return Ok(Self { folder });
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Err("postgres did not answer within 30 s".to_owned())
    }
}

/// Debian keeps them apart by version.
fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders.into_iter().find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file()))
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(Path::new("/proc/self")).is_ok_and(|process| process.uid() == 0)
}
