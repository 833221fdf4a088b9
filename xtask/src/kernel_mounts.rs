//! `cargo xtask kernel-mounts`: what Linux reads in file systems that the command has changed, and what the command reads
//! after Linux has changed them, as a markdown table. Linux runs in a virtual machine: not every machine that tests run
//! on has a kernel with FAT, and none is asked to mount a doubtful image.

mod guest;
mod made;
mod volume;

use crate::failure::{Doing, Failure};
use crate::step::{cargo, fresh_dir, run as run_step, target_dir};
use guest::Guest;
use made::Disk;
use std::fs;
use std::path::PathBuf;
use volume::Volume;

pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let qemu = guest::qemu()?;
    let tool = match arguments {
        [] => {
            run_step(cargo().args(["build", "-p", "mender-artifact-cli", "--bin", "mender-artifact"]))?;
            target_dir().join("debug/mender-artifact")
        }
        ["--tool", tool] => fs::canonicalize(tool).doing(|| (*tool).to_owned())?,
        _ => return Err(Failure::new("kernel-mounts takes --tool PROGRAM, or nothing")),
    };
    let dir = fresh_dir("kernel-mounts")?;
    let guest = Guest::prepare(&dir, qemu)?;
    let disks = made::all(&dir)?;
    let mut volumes = volumes(&disks);
    for volume in &mut volumes {
        volume.fill(&tool, &dir)?;
    }
    let paths: Vec<PathBuf> = disks.iter().map(|disk| dir.join(disk.name)).collect();
    let seen = guest.run(&dir, &paths, &volumes)?;

    println!(
        "{}; ours wrote, Linux read; Linux wrote, ours read, wrote again and was checked",
        guest.version()
    );
    println!("\n| volume | file system | files Linux read | folders | files ours read afterwards | fsck |");
    println!("|---|---|---:|---:|---:|---|");
    for volume in &mut volumes {
        let (files, folders) = volume.compare(&seen)?;
        volume.changed_by_linux(&guest);
        let read = volume.read_back(&tool, &dir)?;
        volume.write_again(&tool, &dir)?;
        println!("| {} | {} | {files} | {folders} | {read} | clean |", volume.shown(), volume.checked(&dir)?);
    }
    Ok(())
}

/// What is on the disks, in the order in which the guest sees it.
fn volumes(disks: &[Disk]) -> Vec<Volume> {
    let of_disk = |(disk, letter): (&Disk, char)| {
        let name = disk.name;
        disk.parts.iter().map(move |part| Volume::new(name, letter, *part)).collect::<Vec<_>>()
    };
    disks.iter().zip('a'..='z').flat_map(of_disk).collect()
}
