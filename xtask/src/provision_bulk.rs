//! `cargo xtask provision-bulk`: images for many devices, how long they take and how much room, and whether every
//! certificate is its own and openssl takes it; as a markdown table.

mod check;
mod place;
mod template;

use crate::failure::{Doing, Failure};
use crate::measure::{Outcome, Usage, measured};
use crate::step::{cargo, output, program, run as run_step, target_dir};
use place::Place;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A run that takes longer is ended.
const LIMIT: Duration = Duration::from_secs(3 * 60 * 60);
const MIB: u64 = 1 << 20;

/// What is measured.
struct Wanted {
    devices: usize,
    /// Images at a time; as many as the command takes by itself where nobody says.
    jobs: Option<String>,
    /// Contents of each root file system of the template in MiB.
    fill_mib: u64,
    /// Whether the images go to an XFS file system made for it, where copies share blocks. Needs root.
    xfs: bool,
    /// The command; a release build where nobody says.
    tool: Option<PathBuf>,
}

pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let wanted = parse(arguments)?;
    let tool = match &wanted.tool {
        Some(tool) => fs::canonicalize(tool).doing(|| tool.display().to_string())?,
        None => {
            let flags = ["--release", "-p", "mender-artifact-cli", "--bin", "mender-artifact"];
            run_step(cargo().arg("build").args(flags))?;
            target_dir().join("release/mender-artifact")
        }
    };
    let place = Place::make(wanted.xfs)?;
    let dir = place.path();
    eprintln!("template: {} MiB, twice {} MiB in it", template::LEN_BYTES / MIB, wanted.fill_mib);
    template::make(&dir.join("template.sdimg"), wanted.fill_mib * MIB)?;
    let mut list = "device,mac\n".to_owned();
    for n in 0..wanted.devices {
        let (high, middle, low) = (n >> 16 & 255, n >> 8 & 255, n & 255);
        // Writing to a String cannot fail.
        let _ = writeln!(list, "board-{n:06},02:00:00:{high:02x}:{middle:02x}:{low:02x}");
    }
    fs::write(dir.join("devices.csv"), list).doing(|| "devices.csv".into())?;
    let ca = ["provision", "ca", "--subject", "/O=Measured/CN=CA", "--days", "7300"];
    output(program(&tool).args(ca).current_dir(dir))?;

    let before = place.used_bytes()?;
    eprintln!("{} devices", wanted.devices);
    let first = bulk(&tool, dir, &wanted)?;
    let used = place.used_bytes()?.saturating_sub(before);
    eprintln!("the same again");
    let again = bulk(&tool, dir, &wanted)?;
    eprintln!("checking");
    let checked = check::all(dir, wanted.devices)?;

    let count = u32::try_from(wanted.devices).map_or(f64::INFINITY, f64::from);
    println!(
        "| devices | template MiB | file system | wall s | CPU s | peak MiB | images/s | disk MiB | KiB/image | again s |"
    );
    println!("|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|");
    println!(
        "| {} | {} | {} | {:.1} | {:.1} | {} | {:.1} | {} | {} | {:.1} |",
        wanted.devices,
        template::LEN_BYTES / MIB,
        place.kind()?,
        first.wall_seconds,
        first.cpu_seconds,
        first.peak_bytes.div_ceil(MIB),
        count / first.wall_seconds,
        used.div_ceil(MIB),
        (used / wanted.devices.max(1) as u64).div_ceil(1024),
        again.wall_seconds,
    );
    println!("\n{checked}");
    place.remove()
}

fn bulk(tool: &Path, dir: &Path, wanted: &Wanted) -> Result<Usage, Failure> {
    let path = |name: &str| -> Result<String, Failure> {
        let path = dir.join(name);
        let text = path.to_str().map(str::to_owned);
        text.ok_or_else(|| Failure::new(format!("{}: the path is not UTF-8", path.display())))
    };
    let mut words = vec!["provision".to_owned(), "bulk".to_owned(), "--no-progress".to_owned()];
    for (flag, name) in [
        ("--ca", "ca-cert.pem"),
        ("--ca-key", "ca-private.key"),
        ("--template", "template.sdimg"),
        ("--devices", "devices.csv"),
        ("--out", "out"),
    ] {
        words.extend([flag.to_owned(), path(name)?]);
    }
    words.extend(wanted.jobs.iter().flat_map(|jobs| ["-j".to_owned(), jobs.clone()]));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match measured(tool, &words, LIMIT, dir)? {
        Outcome::Finished(usage) => Ok(usage),
        Outcome::TooSlow => Err(Failure::new(format!("not finished after {} s", LIMIT.as_secs()))),
    }
}

fn parse(arguments: &[&str]) -> Result<Wanted, Failure> {
    let mut wanted = Wanted { devices: 1000, jobs: None, fill_mib: 24, xfs: false, tool: None };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if *word == "--xfs" {
            wanted.xfs = true;
            continue;
        }
        let value = words.next().ok_or_else(|| Failure::new(format!("no value behind {word}")))?;
        match *word {
            "--devices" => wanted.devices = value.parse().doing(|| (*word).to_owned())?,
            "--fill" => wanted.fill_mib = value.parse().doing(|| (*word).to_owned())?,
            "--jobs" => wanted.jobs = Some((*value).to_owned()),
            "--tool" => wanted.tool = Some(PathBuf::from(value)),
            _ => return Err(Failure::new(format!("unknown flag {word}; see cargo xtask help"))),
        }
    }
    if wanted.fill_mib > template::FILL_MAX_BYTES / MIB {
        return Err(Failure::new(format!("--fill: at most {} MiB", template::FILL_MAX_BYTES / MIB)));
    }
    Ok(wanted)
}
