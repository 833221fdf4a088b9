//! The deflate codec beside zlib (through Python) and GNU gzip: equal bytes at every level.

use crate::samples;
use mender_delta::fold::codec::deflate::wrapper::Wrapper;
use mender_delta::fold::codec::deflate::{Encoder, parameters};
use mender_delta::fold::codec::{Codec, CodecError, Framing, Parameters, Recipe};
use std::io::{ErrorKind, Read, Write};
use std::process::{Command, Stdio};

fn recipe(parameters: Parameters) -> Recipe {
    Recipe { codec: Codec::Deflate, framing: Framing::None, parameters }
}

fn encoded(recipe: Recipe, plain: &[u8]) -> Vec<u8> {
    let mut scratch = vec![0xdead_beef; recipe.encode_scratch(plain.len() as u32) as usize];
    let mut packed = vec![0; plain.len() + plain.len() / 500 + 64];
    let len = recipe.encode(plain, &mut packed, &mut scratch).unwrap();
    packed.truncate(len);
    packed
}

fn decoded(recipe: Recipe, packed: &[u8], len: usize) -> Result<Vec<u8>, CodecError> {
    let mut scratch = vec![0xdead_beef; recipe.decode_scratch(len as u32) as usize];
    let mut plain = vec![0; len];
    let len = recipe.decode(packed, &mut plain, &mut scratch)?;
    plain.truncate(len);
    Ok(plain)
}

/// Compresses what comes in, each piece behind level, memory level, window bits plus 64 and its length.
const PYTHON: &str = "
import struct, sys, zlib
while head := sys.stdin.buffer.read(7):
    level, memory, bits, length = struct.unpack('<BBBI', head)
    squeeze = zlib.compressobj(level, zlib.DEFLATED, bits - 64, memory)
    data = sys.stdin.buffer.read(length)
    data = squeeze.compress(data) + squeeze.flush()
    sys.stdout.buffer.write(struct.pack('<I', len(data)) + data)
";

#[test]
fn equals_zlib_at_every_level() {
    let spawned =
        Command::new("python3").args(["-c", PYTHON]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut python = match spawned {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("skipped: no python3 to ask zlib with");
            return;
        }
        spawned => spawned.unwrap(),
    };
    let (to, mut from) = (python.stdin.take().unwrap(), python.stdout.take().unwrap());
    let inputs = samples::all();
    let inputs = &inputs;
    let cases = move || {
        inputs.iter().flat_map(|(name, plain)| {
            // Every level once, and some with another memory level and without a wrapper.
            let others = [1, 3, 4, 9].into_iter().flat_map(|level| [(level, 9, 15), (level, 8, -15)]);
            let all = (1..=9_u8).map(|level| (level, 8, 15)).chain(others);
            all.map(move |(level, memory, bits)| (name, plain, level, memory, bits))
        })
    };
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut to = to;
            for (_, plain, level, memory, bits) in cases() {
                let bits: i8 = bits;
                to.write_all(&[level, memory, (bits + 64) as u8]).unwrap();
                to.write_all(&(plain.len() as u32).to_le_bytes()).unwrap();
                to.write_all(plain).unwrap();
                to.flush().unwrap();
            }
        });
        let mut wrong = Vec::new();
        for (name, plain, level, memory, bits) in cases() {
            let mut len = [0; 4];
            from.read_exact(&mut len).unwrap();
            let mut theirs = vec![0; u32::from_le_bytes(len) as usize];
            from.read_exact(&mut theirs).unwrap();
            let wrapper = if bits > 0 { Wrapper::Zlib } else { Wrapper::None };
            let recipe = recipe(parameters(level, memory, wrapper, Encoder::Zlib));
            let ours = encoded(recipe, plain);
            if ours != theirs {
                let at = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
                wrong.push(format!(
                    "{name}, level {level}, memory {memory}: {} and {} bytes, equal up to {at}",
                    ours.len(),
                    theirs.len()
                ));
            }
            assert!(decoded(recipe, &theirs, plain.len()).as_ref() == Ok(plain), "{name}, level {level}");
        }
        assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), cases().count());
    });
    assert!(python.wait().unwrap().success());
}

/// The length of a gzip header without extra field, name and comment.
const GZIP_HEADER: usize = 10;

#[test]
fn equals_gnu_gzip_at_every_level() {
    let dir = tempfile::tempdir().unwrap();
    let (plain_dir, packed_dir) = (dir.path().join("plain"), dir.path().join("packed"));
    std::fs::create_dir(&plain_dir).unwrap();
    std::fs::create_dir(&packed_dir).unwrap();
    let mut wrong = Vec::new();
    let inputs = samples::all();
    for (i, (_, plain)) in inputs.iter().enumerate() {
        std::fs::write(plain_dir.join(i.to_string()), plain).unwrap();
    }
    for level in 1..=9_u8 {
        // A process for each file would take most of the time.
        let script = format!("for f in *; do gzip -n{level} < $f > ../packed/$f || exit 1; done");
        let status = Command::new("sh").current_dir(&plain_dir).args(["-c", &script]).status().unwrap();
        if !status.success() {
            println!("skipped: no gzip");
            return;
        }
        for (i, (name, plain)) in inputs.iter().enumerate() {
            let theirs = std::fs::read(packed_dir.join(i.to_string())).unwrap();
            let theirs = &theirs[GZIP_HEADER..];
            let recipe = recipe(parameters(level, 8, Wrapper::GzipEnd, Encoder::Gzip));
            let ours = encoded(recipe, plain);
            if ours != theirs {
                let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
                wrong.push(format!(
                    "{name}, level {level}: {} and {} bytes, equal up to {at}",
                    ours.len(),
                    theirs.len()
                ));
            }
            assert!(decoded(recipe, theirs, plain.len()).as_ref() == Ok(plain), "{name}, level {level}");
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), 9 * inputs.len());
}
