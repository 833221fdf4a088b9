//! `cargo xtask compare-images`: a small file copied into a large image and into a large signed Artifact, our command beside
//! Debian's mender-artifact, in one run, as a markdown table. With `--tool PROGRAM` that is ours, and nothing is built.

use crate::failure::{Doing, Failure};
use crate::measure::{Outcome, Usage, measured};
use crate::step::{cargo, find, fresh_dir, output, program, run as run_step, target_dir};
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A command that takes longer is ended and left out.
const LIMIT: Duration = Duration::from_secs(900);
/// Each command runs this often, on the same image; the median counts.
const RUNS: usize = 3;
const RAW_LEN: u64 = 1 << 30;
const ROOTFS_LEN: u64 = 512 << 20;
/// What is copied.
const SMALL_FILE: &str = "a small file\n";

/// A line of the table. IMAGE stands for the image or Artifact, FILE for the small file, KEY for the key.
struct Task {
    name: &'static str,
    /// The file that IMAGE is a copy of.
    from: &'static str,
    ours: &'static str,
    /// 3.9 cannot sign what it changes.
    theirs: &'static str,
}

const TASKS: [Task; 7] = [
    Task {
        name: "cp into a disk image of 1 GiB",
        from: "disk.sdimg",
        ours: "cp FILE IMAGE:/etc/small",
        theirs: "cp FILE IMAGE:/etc/small",
    },
    Task {
        name: "cp into a raw image of 1 GiB",
        from: "raw.img",
        ours: "cp FILE IMAGE:/etc/small",
        theirs: "cp FILE IMAGE:/etc/small",
    },
    Task {
        name: "cat from it",
        from: "raw.img",
        ours: "cat IMAGE:/etc/hostname",
        theirs: "cat IMAGE:/etc/hostname",
    },
    Task {
        name: "cp into a signed Artifact of 512 MiB, gzip",
        from: "gzip.mender",
        ours: "cp -k KEY FILE IMAGE:/etc/small",
        theirs: "cp FILE IMAGE:/etc/small",
    },
    Task {
        name: "the same, its gzip in one piece, as 3.9 packs it",
        from: "theirs.mender",
        ours: "cp -k KEY FILE IMAGE:/etc/small",
        theirs: "cp FILE IMAGE:/etc/small",
    },
    Task {
        name: "the same, not compressed",
        from: "none.mender",
        ours: "cp -k KEY FILE IMAGE:/etc/small",
        theirs: "cp FILE IMAGE:/etc/small",
    },
    Task {
        name: "cat from the first of them",
        from: "gzip.mender",
        ours: "cat IMAGE:/etc/hostname",
        theirs: "cat IMAGE:/etc/hostname",
    },
];

pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let (built, arguments) = match arguments {
        ["--tool", program, rest @ ..] => (Some(PathBuf::from(program)), rest),
        rest => (None, rest),
    };
    let tree = match arguments {
        [] => None,
        [tree] => Some(PathBuf::from(tree)),
        _ => return Err(Failure::new("compare-images takes --tool PROGRAM and one folder at most")),
    };
    let scratch = fresh_dir("compare-images")?;
    let ours = match built {
        Some(program) => fs::canonicalize(&program).doing(|| program.display().to_string())?,
        None => build()?,
    };
    let theirs = find("mender-artifact").ok_or_else(|| Failure::new("mender-artifact is not installed"))?;
    prepare(&scratch, tree.as_deref(), &ours, &theirs)?;

    println!(
        "| command | ours: wall s | CPU s | peak MiB | 3.9: wall s | CPU s | peak MiB | times as fast |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for task in &TASKS {
        let one = measure(task, task.ours, &ours, &scratch)?;
        let other = measure(task, task.theirs, &theirs, &scratch)?;
        let faster = match (&one, &other) {
            (Some(one), Some(other)) => format!("{:.1}", other.wall_seconds / one.wall_seconds),
            _ => String::new(),
        };
        println!("| {} | {} | {} | {faster} |", task.name, cells(one.as_ref()), cells(other.as_ref()));
    }
    fs::remove_dir_all(&scratch).doing(|| format!("removing {}", scratch.display()))
}

/// Builds our command as it is shipped.
fn build() -> Result<PathBuf, Failure> {
    let build = ["build", "--quiet", "--release", "-p", "mender-artifact-cli", "--bin", "mender-artifact"];
    run_step(cargo().args(build))?;
    Ok(target_dir().join("release/mender-artifact"))
}

/// Makes the images and Artifacts, with the files below `tree`.
fn prepare(scratch: &Path, tree: Option<&Path>, ours: &Path, theirs: &Path) -> Result<(), Failure> {
    let path = |name: &str| scratch.join(name);
    fs::write(path("small"), SMALL_FILE).doing(|| "small".to_owned())?;
    let key = path("key.pem");
    run_step(program("openssl").args(["genrsa", "-traditional", "-out"]).arg(&key).arg("2048"))?;
    for (name, len) in [("raw.img", RAW_LEN), ("rootfs.img", ROOTFS_LEN)] {
        File::create(path(name)).and_then(|file| file.set_len(len)).doing(|| name.to_owned())?;
        let mut mkfs = program("mkfs.ext4");
        mkfs.args(["-q", "-F"]);
        if let Some(tree) = tree {
            mkfs.arg("-d").arg(tree);
        }
        run_step(mkfs.arg(path(name)))?;
        let etc = format!("{}:/etc", path(name).display());
        run_step(program(ours.to_str().unwrap_or_default()).args(["install", "-d", &etc]))?;
        let mut copy = program(ours.to_str().unwrap_or_default());
        run_step(copy.arg("cp").arg(path("small")).arg(format!("{etc}/hostname")))?;
    }
    make_disk(&path("disk.sdimg"), &path("boot.vfat"))?;
    let etc = format!("{}:/etc", path("disk.sdimg").display());
    run_step(program(ours.to_str().unwrap_or_default()).args(["install", "-d", &etc]))?;
    let write = |tool: &Path, compression: &str, name: &str| {
        let mut command = program(tool.to_str().unwrap_or_default());
        command.args(["write", "rootfs-image", "-t", "board", "-n", "release", "--compression", compression]);
        command.arg("-k").arg(&key).arg("-f").arg(path("rootfs.img")).arg("-o").arg(path(name));
        run_step(&mut command)
    };
    write(ours, "gzip", "gzip.mender")?;
    write(ours, "none", "none.mender")?;
    write(theirs, "gzip", "theirs.mender")
}

/// A disk of 1 GiB with boot, two root file systems and data, all of them nearly empty.
fn make_disk(disk: &Path, boot: &Path) -> Result<(), Failure> {
    const MIB: u64 = 1 << 20;
    let failed = || disk.display().to_string();
    let file = File::create(disk).doing(failed)?;
    file.set_len(RAW_LEN).doing(failed)?;
    let script = "label: dos\nsize=64M,type=c\nsize=416M,type=83\nsize=416M,type=83\nsize=96M,type=83\n";
    let table = disk.with_extension("sfdisk");
    fs::write(&table, script).doing(failed)?;
    let table = File::open(&table).doing(failed)?;
    run_step(program("sfdisk").arg("-q").arg(disk).stdin(table))?;
    for (offset, len) in [(65, 416), (481, 416), (897, 96)] {
        let offset = format!("offset={}", offset * MIB);
        let mut mkfs = program("mkfs.ext4");
        mkfs.args(["-q", "-F", "-E", &offset]).arg(disk).arg(format!("{}k", len * 1024));
        run_step(&mut mkfs)?;
    }
    File::create(boot).and_then(|file| file.set_len(64 * MIB)).doing(failed)?;
    run_step(program("mkfs.vfat").arg(boot))?;
    let mut file = File::options().write(true).open(disk).doing(failed)?;
    file.seek(SeekFrom::Start(MIB)).doing(failed)?;
    io::copy(&mut File::open(boot).doing(failed)?, &mut file).map(drop).doing(failed)
}

/// The median run; nothing if it took too long.
fn measure(task: &Task, line: &str, tool: &Path, scratch: &Path) -> Result<Option<Usage>, Failure> {
    eprintln!("{}: {}", task.name, tool.display());
    let extension = Path::new(task.from).extension().and_then(|text| text.to_str()).unwrap_or_default();
    let image = scratch.join(format!("copy.{extension}"));
    let mut usages = Vec::new();
    for _ in 0..RUNS {
        // Fresh, and holes stay holes.
        let from = scratch.join(task.from);
        output(program("cp").args(["--sparse=always", "--reflink=auto"]).arg(&from).arg(&image))?;
        let fill = |word: &str| {
            word.replace("IMAGE", &image.display().to_string())
                .replace("FILE", &scratch.join("small").display().to_string())
                .replace("KEY", &scratch.join("key.pem").display().to_string())
        };
        let words: Vec<String> = line.split(' ').map(fill).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match measured(tool, &words, LIMIT, scratch)? {
            Outcome::Finished(usage) => usages.push(usage),
            Outcome::TooSlow => return Ok(None),
        }
    }
    usages.sort_by(|a, b| a.wall_seconds.total_cmp(&b.wall_seconds));
    Ok(usages.get(usages.len() / 2).copied())
}

fn cells(usage: Option<&Usage>) -> String {
    usage.map_or_else(
        || " | | ".to_owned(),
        |usage| {
            let (wall, cpu) = (usage.wall_seconds, usage.cpu_seconds);
            format!("{wall:.2} | {cpu:.2} | {}", usage.peak_bytes.div_ceil(1 << 20))
        },
    )
}
