//! `-D`: what the device's xdelta3 is to be called with, and what that means for the delta.

use crate::args::delta::AlgorithmName;
use crate::args::write_delta_image::DeltaImageArgs;
use crate::failure::Failure;
use mender_delta::format::vcdiff::writer::{MAX_WINDOW, MIN_WINDOW, VcdiffOptions};

/// The options of xdelta3 that may be asked for; each takes a number.
const OPTIONS: [&str; 4] = ["-B", "-W", "-P", "-I"];
/// `-B` when nobody says otherwise.
const SOURCE_WINDOW: u64 = 64 << 20;

/// What `-D` says.
pub(super) struct DecoderArguments {
    /// For the meta-data, one word an option and one a number.
    pub(super) words: Vec<String>,
    /// For the delta: it copies no further than the decoder reaches.
    pub(super) bounds: VcdiffOptions<'static>,
}

/// Reads the words of all `-D`.
pub(super) fn of(args: &DeltaImageArgs) -> Result<DecoderArguments, Failure> {
    let source_window = Some(SOURCE_WINDOW);
    let mut bounds = VcdiffOptions { source_window, ..VcdiffOptions::default() };
    let mut words = Vec::new();
    if !args.decoder_arguments.is_empty() && args.format.algorithm != AlgorithmName::Xdelta3 {
        return Err(Failure::usage("-D goes with --algorithm xdelta3"));
    }
    let mut given = args.decoder_arguments.iter().flat_map(|words| words.split_whitespace());
    while let Some(word) = given.next() {
        let refused = |expected: &str| Failure::usage(format!("-D: expected {expected}, found '{word}'"));
        let option = OPTIONS.into_iter().find(|option| word.starts_with(option));
        let option = option.ok_or_else(|| refused("-B, -W, -P or -I"))?;
        let number = match &word[option.len()..] {
            "" => given.next().unwrap_or_default(),
            number => number,
        };
        let value: u32 = number
            .parse()
            .ok()
            .filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()))
            .ok_or_else(|| refused(&format!("a number of bytes behind {option}")))?;
        match option {
            "-B" => bounds.source_window = Some(value.into()),
            "-W" => bounds.window = value.clamp(MIN_WINDOW, MAX_WINDOW),
            _ => {}
        }
        words.extend([option.to_owned(), number.to_owned()]);
    }
    Ok(DecoderArguments { words, bounds })
}
