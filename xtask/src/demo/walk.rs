//! The way itself: Artifacts, the delta between them, applied again, compared; and a short report.

use super::text;
use crate::failure::{Doing, Failure};
use crate::measure::{Outcome, measured};
use crate::step::{find, program, run};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// The exit status of `delta apply` when the base is another image.
const WRONG_BASE: i32 = 8;
const DEVICE: &str = "demo-device";

pub(super) fn walk(tool: &Path, old: &Path, new: &Path, dir: &Path) -> Result<(), Failure> {
    let artifact = |name: &str| dir.join(format!("{name}.mender"));
    let (full_old, full_new, delta) = (artifact("release-1"), artifact("release-2"), artifact("delta"));
    for (image, name, to) in [(old, "release-1", &full_old), (new, "release-2", &full_new)] {
        run(program(tool)
            .args(["write", "rootfs-image", "-c", DEVICE, "-n", name, "--file", text(image)?])
            .args(["-o", text(to)?]))?;
    }
    run(program(tool)
        .args(["write", "delta-image", "--from", text(&full_old)?, "--to", text(&full_new)?])
        .args(["-o", text(&delta)?]))?;
    for artifact in [&full_old, &full_new, &delta] {
        run(program(tool).args(["validate", text(artifact)?]))?;
    }
    run(program(tool).args(["read", text(&delta)?]))?;

    let restored = dir.join("restored.img");
    run(program(tool).args(["delta", "apply", text(old)?, text(&delta)?, "-o", text(&restored)?]))?;
    if !same_bytes(&restored, new)? {
        return Err(Failure::new("the applied delta differs from the new image"));
    }
    refuse_wrong_base(tool, new, &delta, dir)?;

    println!("\nReport");
    line("root file system image", size(new)?, "");
    line("full Artifact", size(&full_new)?, "");
    line("delta Artifact", size(&delta)?, &share(size(&delta)?, size(&full_new)?));
    xdelta3(old, new, dir)?;
    println!("  applied to release 1, the delta gave release 2: the same bytes");
    println!("  applied to another image, it was refused and nothing was written");
    println!("  everything is in {}", dir.display());
    Ok(())
}

/// A device that runs something else must not be harmed.
fn refuse_wrong_base(tool: &Path, wrong: &Path, delta: &Path, dir: &Path) -> Result<(), Failure> {
    let never = dir.join("never.img");
    let status = program(tool)
        .args(["delta", "apply", text(wrong)?, text(delta)?, "-o", text(&never)?])
        .stderr(Stdio::null())
        .status()
        .doing(|| "delta apply on a wrong base".into())?;
    if status.code() != Some(WRONG_BASE) || never.exists() {
        return Err(Failure::new(format!("a wrong base: expected exit status {WRONG_BASE}, found {status}")));
    }
    Ok(())
}

/// The same two images through xdelta3 with its defaults, in an Artifact like ours would carry it: without compression.
fn xdelta3(old: &Path, new: &Path, dir: &Path) -> Result<(), Failure> {
    let Some(xdelta3) = find("xdelta3") else {
        println!("  skipped: xdelta3 beside it (not installed)");
        return Ok(());
    };
    let theirs = dir.join("xdelta3.delta");
    let arguments = ["-e", "-f", "-q", "-s", text(old)?, text(new)?, text(&theirs)?];
    match measured(&xdelta3, &arguments, Duration::from_secs(600), dir)? {
        Outcome::Finished(_) => line("xdelta3 -e, the delta", size(&theirs)?, ""),
        Outcome::TooSlow => println!("  skipped: xdelta3 beside it (more than 10 minutes)"),
    }
    Ok(())
}

fn line(name: &str, bytes: u64, remark: &str) {
    println!("  {name:<24}{bytes:>12} bytes  {remark}");
}

fn share(part: u64, whole: u64) -> String {
    let tenths = part * 1000 / whole.max(1);
    format!("{}.{} % of the full one", tenths / 10, tenths % 10)
}

fn size(path: &Path) -> Result<u64, Failure> {
    fs::metadata(path).map(|meta| meta.len()).doing(|| path.display().to_string())
}

fn same_bytes(one: &Path, other: &Path) -> Result<bool, Failure> {
    let open = |path: &Path| fs::File::open(path).doing(|| path.display().to_string());
    let (mut first, mut second) = (open(one)?, open(other)?);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    loop {
        for (file, buffer, path) in [(&mut first, &mut a, one), (&mut second, &mut b, other)] {
            buffer.clear();
            file.take(1 << 20).read_to_end(buffer).doing(|| path.display().to_string())?;
        }
        if a != b {
            return Ok(false);
        }
        if a.is_empty() {
            return Ok(true);
        }
    }
}
