//! What is no Artifact, and outer archives and `version` files that are wrong.

use crate::case::Case;
use crate::parts::{Members, Parts, block, member, pack, pax, seal, sound, tar};

fn outer(change: impl FnOnce(&mut Members)) -> Vec<u8> {
    let mut all = sound().members();
    change(&mut all);
    tar(&all)
}

fn version(text: &str) -> Vec<u8> {
    Parts { version: text.into(), ..sound() }.bytes()
}

pub(crate) fn cases() -> Vec<Case> {
    let whole = sound().bytes();
    let len = whole.len();
    let case = Case::artifact;
    let mut cases = vec![
        case("empty", "a file without a byte", Vec::new()),
        case("zeros", "nothing but zeros", vec![0; 4096]),
        case("noise", "no tar at all", vec![0x55; 4096]),
        case("gzipped", "a sound Artifact, compressed as a whole", pack(".gz", &whole)),
        case("version-missing", "no `version`", outer(|all| drop(all.remove(0)))),
        case("manifest-missing", "no `manifest`", outer(|all| drop(all.remove(1)))),
        case("header-missing", "no header archive", outer(|all| drop(all.remove(2)))),
        case("payload-archive-missing", "no payload archive, though the manifest lists files", {
            outer(|all| drop(all.remove(3)))
        }),
        case("version-twice", "`version` twice", outer(|all| all.insert(0, all[0].clone()))),
        case("manifest-twice", "`manifest` twice", outer(|all| all.insert(1, all[1].clone()))),
        case("header-twice", "the header archive twice", outer(|all| all.insert(2, all[2].clone()))),
        case("payload-archive-twice", "the payload archive twice: which one is installed?", {
            outer(|all| all.push(all[3].clone()))
        }),
        case("payload-archive-unannounced", "`data/0001.tar`, of which the header knows nothing", {
            outer(|all| all.push(("data/0001.tar".into(), tar(&[]))))
        }),
        case("order-manifest-first", "`manifest` before `version`", outer(|all| all.swap(0, 1))),
        case("order-header-first", "the header archive before the manifest", outer(|all| all.swap(1, 2))),
        case("order-payload-first", "the payload before the header", outer(|all| all.swap(2, 3))),
        case("member-behind-payload", "a member that is no payload, behind the payload", {
            outer(|all| all.push(("extra".into(), b"x".to_vec())))
        }),
        case("member-unknown", "a member that the format does not have", {
            outer(|all| all.insert(2, ("manifest.foo".into(), b"x".to_vec())))
        }),
        case("name-dot-slash", "`./version`", outer(|all| all[0].0 = "./version".into())),
        case("name-absolute", "`/version`", outer(|all| all[0].0 = "/version".into())),
        case("name-begins-right", "`version-foo` in the place of `version`", {
            outer(|all| all[0].0 = "version-foo".into())
        }),
        case("compression-unknown", "a header archive called `header.tar.bz2`", {
            outer(|all| all[2].0 = "header.tar.bz2".into())
        }),
        case("cut-in-header", "ends in the header archive", whole[..2700].to_vec()),
        case("cut-in-payload", "ends in the payload", whole[..len - 2600].to_vec()),
        case("end-missing", "no end of archive: what is missing may have been cut off", {
            whole[..len - 1024].to_vec()
        }),
        case("end-half", "one block of zeros in the place of two", whole[..len - 512].to_vec()),
        case("garbage-behind-end", "more behind the end of the archive", {
            [&whole[..], b"garbage"].concat()
        }),
        case("second-artifact-behind-end", "another Artifact behind the end of the first", {
            [&whole[..], &whole[..]].concat()
        }),
    ];
    cases.extend(tar_tricks(&whole));
    cases.extend([
        case("version-no-json", "`version` is no JSON", version("mender")),
        case("version-unknown-key", "`version` with a key that the format does not have", {
            version(r#"{"format":"mender","version":3,"more":1}"#)
        }),
        case("version-key-twice", "`version` says two versions", {
            version(r#"{"format":"mender","version":2,"version":3}"#)
        }),
        case("version-as-text", "the version as a string", version(r#"{"format":"mender","version":"3"}"#)),
        case("version-negative", "version -3", version(r#"{"format":"mender","version":-3}"#)),
        case("version-huge", "a version past 64 bits", {
            version(r#"{"format":"mender","version":99999999999999999999}"#)
        }),
        case("version-0", "version 0", version(r#"{"format":"mender","version":0}"#)),
        case("version-1", "version 1, which nobody reads any more", {
            version(r#"{"format":"mender","version":1}"#)
        }),
        case("version-4", "version 4, which may come", version(r#"{"format":"mender","version":4}"#)),
        case("version-absent", "no version in `version`", version(r#"{"format":"mender"}"#)),
        case("format-other", "another format", version(r#"{"format":"other","version":3}"#)),
        case("version-garbage", "more behind the JSON", version(r#"{"format":"mender","version":3}{}"#)),
    ]);
    cases
}

/// Tar as others may understand it otherwise.
fn tar_tricks(whole: &[u8]) -> Vec<Case> {
    let case = Case::artifact;
    let changed = |at: usize, bytes: &[u8]| {
        let mut artifact = whole.to_vec();
        artifact[at..at + bytes.len()].copy_from_slice(bytes);
        let start = at / 512 * 512;
        seal(&mut artifact[start..start + 512]);
        artifact
    };
    let mut unsealed = whole.to_vec();
    unsealed[100] ^= 1;
    let first = 512 + VERSION_BLOCKS;
    let with = |extended: Vec<u8>| [&extended[..], whole].concat();
    let claim = |size: u64| {
        let mut artifact = whole[..first].to_vec();
        let mut header = block("manifest", b'0', 0);
        if size < 1 << 33 {
            header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        } else {
            header[124..136].fill(0);
            header[124] = 0x80;
            header[128..136].copy_from_slice(&size.to_be_bytes());
        }
        seal(&mut header);
        artifact.extend(header);
        artifact.extend(&whole[first + 512..]);
        artifact
    };
    let in_payload = |size: u64| {
        let mut header = block("a.bin", b'0', size);
        seal(&mut header);
        let mut all = sound().members();
        all[3].1 = [&header[..], &[0x41; 512], &[0; 1024]].concat();
        tar(&all)
    };
    vec![
        case("tar-checksum", "a tar header whose checksum is wrong", unsealed),
        case("tar-size-negative", "a negative size in base 256", changed(124, &[0xff; 12])),
        case("tar-size-no-number", "a size that is no number", changed(124, b"0000000x037\0")),
        case("tar-pax-size-differs", "an extended header says another size than the header", {
            with(pax(&[("size", "30")]))
        }),
        case("tar-pax-path-differs", "an extended header gives `version` another name", {
            with(pax(&[("path", "manifest")]))
        }),
        case("tar-pax-twice", "two extended headers for one member", {
            with([pax(&[("mtime", "1")]), pax(&[("mtime", "2")])].concat())
        }),
        case("tar-pax-malformed", "an extended header whose lengths are wrong", {
            with(member("PaxHeaders.0/x", b'x', b"99 path=version\n"))
        }),
        case("tar-sparse", "a sparse member: zeros that are not there", {
            with(pax(&[("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0")]))
        }),
        case("tar-global-header", "an extended header for all members", {
            with(member("pax_global_header", b'g', b"14 comment=xyz\n"))
        }),
        case("size-claim-2-gib", "a manifest that is said to have 2 GiB and a byte", claim((1 << 31) + 1)),
        case("size-claim-4-gib", "a manifest that is said to have 4 GiB and a byte", claim((1 << 32) + 1)),
        case("size-claim-8-gib", "a manifest that is said to have 8 GiB and a byte", claim((1 << 33) + 1)),
        case("size-claim-8-eib", "a manifest that is said to have nearly 8 EiB", claim(i64::MAX as u64 - 5)),
        case("payload-claim-2-gib", "a payload file that is said to have 2 GiB and a byte", {
            in_payload((1 << 31) + 1)
        }),
        case("payload-claim-4-gib", "a payload file that is said to have 4 GiB and a byte", {
            in_payload((1 << 32) + 1)
        }),
    ]
}

/// Contents and padding of `version`.
const VERSION_BLOCKS: usize = 512;
