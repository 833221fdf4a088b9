//! Whether what was made is what it should be.

use crate::failure::{Doing, Failure};
use crate::step::{find, output, program};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// Certificates that openssl is shown at once.
const BATCH: usize = 200;
/// Images that are read again.
const IMAGES: usize = 5;
/// First byte of the data partition.
const DATA_AT: u64 = 224 << 20;

/// Says what was checked; anything that is not as it should be is a failure.
pub(super) fn all(dir: &Path, devices: usize) -> Result<String, Failure> {
    let manifest = dir.join("out/manifest.jsonl");
    let text = fs::read_to_string(&manifest).doing(|| manifest.display().to_string())?;
    let lines: Vec<&str> = text.lines().collect();
    expect("lines in the manifest", lines.len(), devices)?;
    for key in ["device", "serial", "public_key", "certificate_sha256", "image_sha256"] {
        let values: HashSet<&str> = lines.iter().filter_map(|line| field(line, key)).collect();
        expect(&format!("different values of {key}"), values.len(), devices)?;
    }
    let mut verified = 0;
    for batch in lines.chunks(BATCH) {
        let files = batch.iter().filter_map(|line| field(line, "device"));
        let files = files.map(|device| format!("out/certificates/{device}.pem"));
        let flags = ["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "ca-cert.pem"];
        let said = output(program("openssl").args(flags).args(files).current_dir(dir))?;
        verified += said.lines().filter(|line| line.ends_with(": OK")).count();
    }
    expect("certificates that openssl verifies", verified, devices)?;
    let step = devices.div_ceil(IMAGES).max(1);
    let mut read_again = 0;
    for line in lines.iter().step_by(step) {
        image(dir, line)?;
        read_again += 1;
    }
    Ok(format!(
        "{devices} devices, serial numbers, public keys, certificates and image digests, all different; {verified} \
         certificates verified by openssl; {read_again} images read again: their digest is the manifest's, and the key \
         in them belongs to the device"
    ))
}

fn image(dir: &Path, line: &str) -> Result<(), Failure> {
    let missing = |key: &str| Failure::new(format!("no {key} in {line}"));
    let name = field(line, "image").ok_or_else(|| missing("image"))?;
    let path = dir.join("out").join(name);
    let mut file = File::open(&path).doing(|| path.display().to_string())?;
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).doing(|| path.display().to_string())? {
            0 => break,
            len => digest.update(&buffer[..len]),
        }
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if Some(digest.as_str()) != field(line, "image_sha256") {
        return Err(Failure::new(format!("{name}: another digest than the manifest's: {digest}")));
    }
    let Some(debugfs) = find("debugfs") else { return Ok(()) };
    let device = format!("{}?offset={DATA_AT}", path.display());
    let key = output(program(debugfs).args(["-R", "cat /mender/mender-cert-private.pem", &device]))?;
    let file = dir.join("taken.key");
    fs::write(&file, key).doing(|| file.display().to_string())?;
    let public = output(program("openssl").args(["pkey", "-pubout", "-in"]).arg(&file))?;
    fs::remove_file(&file).doing(|| file.display().to_string())?;
    if Some(public.replace('\n', "\\n").as_str()) != field(line, "public_key") {
        return Err(Failure::new(format!("{name}: another key than the manifest's")));
    }
    Ok(())
}

/// The text behind a key of our own manifest, as it stands there.
fn field<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    line.split_once(&format!("\"{key}\":\""))?.1.split('"').next()
}

fn expect(what: &str, found: usize, expected: usize) -> Result<(), Failure> {
    if found == expected {
        return Ok(());
    }
    Err(Failure::new(format!("{what}: expected {expected}, found {found}")))
}
