//! `cargo xtask size-limits`: images around the sizes at which numbers in formats and programs used to end, through
//! everything that handles whole images, as a markdown table.

use crate::failure::{Doing, Failure};
use crate::measure::{Outcome, measured};
use crate::step::{cargo, find, fresh_dir, output, program, root, run as run_step, target_dir};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Beyond a signed and an unsigned 32-bit number, and the first that needs more than the 11 octal digits of ustar.
const LENS: [u64; 4] = [(1 << 31) + 1, (1 << 32) + 1, 5 << 30, 8 << 30];
/// A command that takes longer fails.
const LIMIT: Duration = Duration::from_secs(1800);
/// Bytes of content at each place of an image that has any.
const PIECE: usize = 1 << 20;

/// `size-limits [--scratch FOLDER] [--tool PROGRAM] [GIB]`: all sizes, or those that are at most so many GiB.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let (mut folder, mut tool, mut most) = (None, None, u64::MAX);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| Failure::new(format!("{word}: expected a value")));
        match *word {
            "--scratch" => folder = Some(PathBuf::from(value()?)),
            "--tool" => tool = Some(PathBuf::from(value()?)),
            gib => most = gib.parse().doing(|| format!("GiB: {gib}"))?,
        }
    }
    let scratch = match folder {
        Some(folder) => folder.join("size-limits"),
        None => fresh_dir("size-limits")?,
    };
    fs::create_dir_all(&scratch).doing(|| scratch.display().to_string())?;
    let ours = match tool {
        Some(tool) => tool,
        None => {
            let build =
                ["build", "--quiet", "--release", "-p", "mender-artifact-cli", "--bin", "mender-artifact"];
            run_step(cargo().args(build))?;
            target_dir().join("release/mender-artifact")
        }
    };
    println!("| image bytes | command | wall s | CPU s | peak MiB |\n|---:|---|---:|---:|---:|");
    for len in LENS.into_iter().filter(|&len| len <= most.saturating_mul(1 << 30).saturating_add(1)) {
        Trial { len, scratch: &scratch, ours: &ours }.run()?;
    }
    fs::remove_dir_all(&scratch).doing(|| format!("removing {}", scratch.display()))
}

/// All commands with images of one size.
struct Trial<'s> {
    len: u64,
    scratch: &'s Path,
    ours: &'s Path,
}

impl Trial<'_> {
    fn run(&self) -> Result<(), Failure> {
        let places = [0, 1 << 31, 1 << 32, 5 << 30, self.len];
        let starts: Vec<u64> = places
            .into_iter()
            .filter(|&place| place <= self.len)
            .map(|place| place.saturating_sub(PIECE as u64 / 2).min(self.len - PIECE as u64))
            .collect();
        self.image("old.img", &starts, 0)?;
        // The first piece is new, all others have moved by some bytes or gone on to the next place.
        self.image("new.img", &starts, 1)?;
        let key = root().join("mender-artifact/tests/keys/p256-sec1.pem");
        let public = root().join("mender-artifact/tests/keys/p256-public.pem");
        let (key, public) = (key.display().to_string(), public.display().to_string());
        let write = |image, name, compression, to| {
            let words = ["write", "rootfs-image", "-f", image, "-n", name, "-c", "board", "--compression"];
            [&words[..], &[compression, "-o", to]].concat()
        };
        self.ours("write, none", &write("old.img", "old", "none", "old.mender"))?;
        self.ours("write, gzip", &write("new.img", "new", "gzip", "new.mender"))?;
        self.ours("validate, none", &["validate", "old.mender"])?;
        self.ours("validate, gzip", &["validate", "new.mender"])?;
        self.ours("read", &["read", "old.mender"])?;
        if let Some(theirs) = find("mender-artifact") {
            self.row("Debian's validate, none", &theirs, &["validate", "old.mender"])?;
        }
        self.ours("sign", &["sign", "old.mender", "-k", &key])?;
        self.ours("validate -k", &["validate", "old.mender", "-k", &public])?;
        self.ours("delta create", &["delta", "create", "old.img", "new.img", "-o", "delta"])?;
        self.ours("delta apply", &["delta", "apply", "old.img", "delta", "-o", "again.img"])?;
        self.is_same("again.img", "new.img")?;
        let made =
            ["write", "delta-image", "--from", "old.mender", "--to", "new.mender", "-o", "delta.mender"];
        self.ours("write delta-image", &made)?;
        self.ours("validate the delta", &["validate", "delta.mender"])?;
        self.ours("apply it", &["delta", "apply", "old.img", "delta.mender", "-o", "again.img"])?;
        self.is_same("again.img", "new.img")?;
        for name in ["old.img", "new.img", "again.img", "old.mender", "new.mender", "delta", "delta.mender"] {
            fs::remove_file(self.path(name)).doing(|| name.to_owned())?;
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    fn ours(&self, what: &str, words: &[&str]) -> Result<(), Failure> {
        self.row(what, self.ours, words)
    }

    /// Runs a command, the names of files in it in the scratch folder, and prints its row.
    fn row(&self, what: &str, tool: &Path, words: &[&str]) -> Result<(), Failure> {
        let is_file = |word: &str| word.contains('.') && !word.contains('/') || word == "delta";
        let words: Vec<String> =
            words
                .iter()
                .enumerate()
                // The first word is the command.
                .map(|(i, &word)| {
                    if i > 0 && is_file(word) {
                        self.path(word).display().to_string()
                    } else {
                        word.to_owned()
                    }
                })
                .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match measured(tool, &words, LIMIT, self.scratch)? {
            Outcome::TooSlow => Err(Failure::new(format!("{what}: over {} s", LIMIT.as_secs()))),
            Outcome::Finished(usage) => {
                let (wall, cpu) = (usage.wall_seconds, usage.cpu_seconds);
                let peak = usage.peak_bytes.div_ceil(1 << 20);
                println!("| {} | {what} | {wall:.1} | {cpu:.1} | {peak} |", self.len);
                Ok(())
            }
        }
    }

    /// A sparse image with noise at `starts`; `shift` moves the noise from place to place.
    fn image(&self, name: &str, starts: &[u64], shift: usize) -> Result<(), Failure> {
        let mut file = File::create(self.path(name)).doing(|| name.to_owned())?;
        file.set_len(self.len).doing(|| name.to_owned())?;
        for (i, &start) in starts.iter().enumerate() {
            // The place itself holds other noise in each image where nothing moved to it.
            let seed = if i >= shift { i - shift } else { 1000 + i };
            let noise = noise(seed as u64);
            file.seek(SeekFrom::Start(start))
                .and_then(|_| file.write_all(&noise))
                .doing(|| name.to_owned())?;
        }
        Ok(())
    }

    fn is_same(&self, one: &str, other: &str) -> Result<(), Failure> {
        let digest = |name: &str| -> Result<String, Failure> {
            let text = output(program("sha256sum").arg(self.path(name)))?;
            Ok(text.split(' ').next().unwrap_or_default().to_owned())
        };
        let (one_is, other_is) = (digest(one)?, digest(other)?);
        if one_is == other_is {
            Ok(())
        } else {
            Err(Failure::new(format!("{one}: expected {other_is}, found {one_is}")))
        }
    }
}

/// [`PIECE`] bytes that do not pack, by xorshift.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(PIECE).collect()
}
