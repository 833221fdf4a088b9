//! The codecs that unpack and rebuild compressed blocks on devices: with exactly the scratch that they ask for, and
//! what they packed comes back.

use crate::drawn::Drawn;
use mender_delta::fold::codec::{Codec, Framing, Recipe};

/// Longest plain content.
const PLAIN: usize = 1 << 16;

/// First byte: the codec and what to do; then its parameters, a length, and the block or its content.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    let how = drawn.byte();
    let codec = [Codec::Deflate, Codec::Lz4, Codec::Zstd][usize::from(how % 3)];
    let framing = if how & 64 == 0 { Framing::None } else { Framing::Length16 };
    let recipe = Recipe { codec, framing, parameters: std::array::from_fn(|_| drawn.byte()) };
    let len = drawn.number();
    let scratch = |words: u32| vec![0xa5a5_a5a5; usize::try_from(words).unwrap()];
    if recipe.check().is_err() {
        // Nothing else is called then; it must not do any harm.
        let mut plain = vec![0; len];
        assert!(recipe.decode(drawn.rest(), &mut plain, &mut []).is_err() || recipe.codec != Codec::Deflate);
        return;
    }
    if how & 128 == 0 {
        let mut plain = vec![0xa5; len];
        let mut words = scratch(recipe.decode_scratch(u32::try_from(len).unwrap()));
        if let Ok(unpacked) = recipe.decode(drawn.rest(), &mut plain, &mut words) {
            assert!(unpacked <= len);
        }
        return;
    }
    let plain = &drawn.rest()[..drawn.rest().len().min(PLAIN)];
    let mut packed = vec![0xa5; plain.len() + plain.len() / 8 + 1000];
    let mut words = scratch(recipe.encode_scratch(u32::try_from(plain.len()).unwrap()));
    if let Ok(packed_len) = recipe.encode(plain, &mut packed, &mut words) {
        let mut again = vec![0; plain.len()];
        let mut words = scratch(recipe.decode_scratch(u32::try_from(plain.len()).unwrap()));
        let unpacked = recipe.decode(&packed[..packed_len], &mut again, &mut words);
        assert_eq!(unpacked, Ok(plain.len()));
        assert!(again == plain, "another content");
    }
}
