//! `--level` and `--apply-memory`: what a native delta may cost the device.

use crate::args::delta::{AlgorithmArgs, AlgorithmName, LevelArgs, LevelName};
use crate::failure::{DeltaFiles, Failure};
use mender_delta::error::Error;
use mender_delta::format::native::level::Level;
use mender_delta::format::native::writer::Layout;
use mender_delta::options::GenerateOptions;

/// Memory that [`LevelName::Max`] takes unless told, in bytes.
const MAX_MEMORY: u64 = 64 << 20;
/// Memory that the others take unless told; with less, compressed content is not unpacked.
const MEMORY: u64 = 16 << 20;

/// Options with the layout that the flags ask for.
pub(crate) fn options<'o>(
    args: &LevelArgs,
    format: &AlgorithmArgs,
    files: DeltaFiles<'_>,
) -> Result<GenerateOptions<'o>, Failure> {
    let told = args.level != LevelName::Default || args.apply_memory.is_some();
    if told && format.algorithm != AlgorithmName::Native {
        return Err(Failure::usage("--level and --apply-memory go with --algorithm native"));
    }
    let (level, memory) = match args.level {
        LevelName::Fast => (Level::Fast, MEMORY),
        LevelName::Default => (Level::Default, MEMORY),
        LevelName::Max => (Level::Max, MAX_MEMORY),
    };
    let memory = args.apply_memory.unwrap_or(memory);
    let layout = Layout::within(level, memory).map_err(|error| Failure::delta(files, &error))?;
    Ok(GenerateOptions { layout, unpack: memory >= MEMORY, ..GenerateOptions::default() })
}

/// Refuses a delta that takes more memory than was asked for: unpacking comes on top of the layout.
pub(crate) fn check(args: &LevelArgs, memory: u64, files: DeltaFiles<'_>) -> Result<(), Failure> {
    match args.apply_memory {
        Some(limit) if memory > limit => {
            let error = Error::Limit { what: "memory to apply", wanted: memory, limit };
            Err(Failure::delta(files, &error))
        }
        _ => Ok(()),
    }
}
