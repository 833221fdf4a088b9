//! libFuzzer drives `bsdiff`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::bsdiff::run(data));
