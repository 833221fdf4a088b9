//! Writes the image of a root file system as an Artifact: `write_image none|gzip|xz|zstd IMAGE OUTPUT`.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;

use mender_artifact::compression::Compression;
use mender_artifact::output_file::OutputFile;
use mender_artifact::write::defaults::{ChecksumProvide, PayloadChoices};
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::{WriteOptions, write_artifact};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [compression, image, output] = arguments.as_slice() else {
        return Err("usage: write_image none|gzip|xz|zstd IMAGE OUTPUT".into());
    };
    let compression = match compression.as_str() {
        "none" => Compression::None,
        "gzip" => Compression::Gzip,
        "xz" => Compression::Xz,
        "zstd" => Compression::Zstd,
        other => return Err(format!("unknown compression {other}").into()),
    };

    let image = PayloadInput::from_path(image)?;
    let payload =
        PayloadPlan::rootfs_image("release-1", image, PayloadChoices::default(), ChecksumProvide::Standard);
    let plan = ArtifactPlan {
        artifact_name: "release-1".into(),
        compatible_types: vec!["board".into()],
        payloads: vec![payload],
        compression,
        ..ArtifactPlan::default()
    };
    let mut file = OutputFile::create(Path::new(output))?;
    let report = write_artifact(plan, &mut file, &WriteOptions::default())?;
    file.commit()?;
    writeln!(std::io::stdout(), "{} bytes", report.artifact_len_bytes)?;
    Ok(())
}
