//! Takes Artifacts apart with other crates than the one under test uses.

use std::io::Read;

/// Name, mode and contents of each member of a tar archive.
pub(crate) type Members = Vec<(String, u32, Vec<u8>)>;

/// All members of a tar archive.
pub(crate) fn members(archive: &[u8]) -> Members {
    let mut archive = tar::Archive::new(archive);
    let mut members = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mode = entry.header().mode().unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents).unwrap();
        members.push((name, mode, contents));
    }
    members
}

/// Unpacks what is compressed as the suffix of its name says.
pub(crate) fn decompress(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    match name.rsplit('.').next().unwrap() {
        "gz" => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut unpacked).unwrap(),
        "xz" => liblzma::read::XzDecoder::new_multi_decoder(bytes).read_to_end(&mut unpacked).unwrap(),
        "zst" => zstd::Decoder::new(bytes).unwrap().read_to_end(&mut unpacked).unwrap(),
        "tar" => bytes.iter().as_slice().read_to_end(&mut unpacked).unwrap(),
        other => panic!("unexpected suffix {other}"),
    };
    unpacked
}

/// The members of the archive inside `artifact` whose name begins with `prefix`.
pub(crate) fn inner(artifact: &[u8], prefix: &str) -> Members {
    let outer = members(artifact);
    let (name, _, contents) = outer.iter().find(|(name, ..)| name.starts_with(prefix)).unwrap();
    members(&decompress(name, contents))
}

/// The contents of one member.
pub(crate) fn contents<'m>(members: &'m Members, name: &str) -> &'m [u8] {
    let found = members.iter().find(|member| member.0 == name);
    &found.unwrap_or_else(|| panic!("no member {name}")).2
}
