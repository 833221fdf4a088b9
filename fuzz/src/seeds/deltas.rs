//! Deltas between two small images, in all formats.

use super::{Seed, seed};
use crate::images::{NEW, OLD, image};
use mender_delta::algorithm::{Algorithm, generate};
use mender_delta::fold::codec::deflate::wrapper::Wrapper;
use mender_delta::fold::codec::{deflate, lz4, zstd};
use mender_delta::format::native::level::Level;
use mender_delta::format::native::writer::Layout;
use mender_delta::format::vcdiff::writer::VcdiffOptions;
use mender_delta::options::GenerateOptions;
use std::io::Cursor;

pub(super) fn seeds() -> Vec<Seed> {
    let made = |layout: Layout, algorithm: Algorithm<'_>| {
        let options = GenerateOptions { threads: 1, layout, ..GenerateOptions::default() };
        let mut out = Cursor::new(Vec::new());
        generate(&image(OLD), &image(NEW), &options, &algorithm, &mut out).unwrap();
        out.into_inner()
    };
    let small = |layout: Layout| Layout {
        window_room: 2048,
        io_block: 512,
        history: layout.history.map(|history| history.min(1 << 14)),
        ..layout
    };
    let mut seeds = Vec::new();
    for (name, layout) in [
        ("lzma2", small(Layout::quick_to_apply())),
        ("mixed", small(Layout::default())),
        ("fast", Layout::within(Level::Fast, 1 << 20).unwrap()),
    ] {
        for seal in [0, 1] {
            let delta = made(layout, Algorithm::Native);
            seeds.push(seed("native", format!("{name}-{seal}"), &[&[seal, 9], &delta]));
        }
    }
    let plain = VcdiffOptions { pack: false, window: 1 << 12, ..VcdiffOptions::default() };
    let named = VcdiffOptions { application_header: Some(b"new//old/"), ..plain };
    for (name, options) in [
        ("packed", VcdiffOptions { pack: true, ..plain }),
        ("one-window", VcdiffOptions::default()),
        ("plain", plain),
        ("named", named),
    ] {
        let delta = made(Layout::default(), Algorithm::Xdelta3(options));
        for how in [0, 2] {
            seeds.push(seed("vcdiff", format!("{name}-{how}"), &[&[11, how], &delta]));
        }
    }
    seeds.push(seed("bsdiff", "patch", &[&[0], &made(Layout::default(), Algorithm::Bsdiff)]));
    // Six bytes: one operation that adds four to the base and takes two new ones, and goes on three bytes behind.
    let streams = [&[1, 6, 0, 1, 1, 4, 0, 1, 2, 0, 1, 3, 0, 4, 0][..], &[1; 4], b"ab"];
    seeds.push(seed("bsdiff", "streams", &streams));
    for how in 0..32_u8 {
        let images =
            [&[how, 7, 200, 0][..], &image(OLD)[4900..5100], &[1, 0, 100, 0, 9, 3, 2, 40, 0, 0, 3, 4]];
        let images = [&images.concat()[..], b"news", &[0, 50, 100, 0]].concat();
        seeds.push(seed("delta_round_trip", format!("{how}"), &[&images]));
    }
    for (name, how, delta) in [
        ("xdelta3", 1, made(Layout::default(), Algorithm::Xdelta3(plain))),
        ("checkpoints", 65, made(Layout::default(), Algorithm::Xdelta3(plain))),
        ("native", 5, made(small(Layout::quick_to_apply()), Algorithm::Native)),
        ("native-mixed", 13, made(Layout::within(Level::Fast, 1 << 19).unwrap(), Algorithm::Native)),
    ] {
        seeds.push(seed("device_api", name, &[&[how, 9, 200], &delta]));
        let meta_data = format!(
            r#"{{"delta_algorithm":"{}","rootfs_file_size":{}}}"#,
            if how & 4 == 0 { "xdelta3" } else { "mender-native" },
            image(NEW).len()
        );
        let checksum: String =
            crate::images::sha256(&image(NEW)).iter().map(|byte| format!("{byte:02x}")).collect();
        let kind = "mender-binary-delta";
        let mut parts = crate::parts::sound()
            .with_header_file("header-info", &crate::parts::HEADER_INFO.replace("single-file", kind))
            .with_header_file(
                "headers/0000/type-info",
                &format!(
                    r#"{{"type":"{kind}","artifact_provides":{{"rootfs-image.checksum":"{checksum}"}}}}"#
                ),
            )
            .with_header_file("headers/0000/meta-data", &meta_data);
        parts.payloads = vec![vec![("image.delta".to_owned(), delta)]];
        seeds.push(seed("device_api", format!("install-{name}"), &[&[3 | how, 9, 200], &parts.bytes()]));
    }
    seeds.extend(codecs());
    seeds
}

fn codecs() -> Vec<Seed> {
    let content = &image(OLD)[4500..7500];
    let len = u16::try_from(content.len()).unwrap().to_le_bytes();
    let list = [
        (0, "zlib", deflate::parameters(9, 8, Wrapper::Zlib, deflate::Encoder::Zlib)),
        (0, "gzip", deflate::parameters(6, 8, Wrapper::GzipEnd, deflate::Encoder::Gzip)),
        (1, "lz4", lz4::clusters_of(lz4::Encoder::High, 9)),
        (1, "lz4-fast", lz4::clusters_of(lz4::Encoder::Fast, 0)),
        (1, "lz4-block", lz4::block_of(9, 16)),
        (2, "zstd", zstd::parameters(15)),
        (2, "zstd-19", zstd::parameters(19)),
    ];
    let mut seeds = Vec::new();
    for (codec, name, parameters) in list {
        // 129 and its like pack what they are given: the codec is what is left of a division by 3.
        let packs = 129 + codec;
        seeds.push(seed("codec", format!("{name}-pack"), &[&[packs], &parameters, &len, content]));
        let codecs = [
            mender_delta::fold::codec::Codec::Deflate,
            mender_delta::fold::codec::Codec::Lz4,
            mender_delta::fold::codec::Codec::Zstd,
        ];
        let recipe = mender_delta::fold::codec::Recipe {
            codec: codecs[usize::from(codec)],
            framing: mender_delta::fold::codec::Framing::None,
            parameters,
        };
        let words = recipe.encode_scratch(content.len().try_into().unwrap());
        let (mut scratch, mut packed) = (vec![0; words as usize], vec![0; 8000]);
        if let Ok(packed_len) = recipe.encode(content, &mut packed, &mut scratch) {
            let block = &packed[..packed_len];
            seeds.push(seed("codec", format!("{name}-unpack"), &[&[codec], &parameters, &len, block]));
        }
    }
    seeds
}
