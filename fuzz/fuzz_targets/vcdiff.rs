//! libFuzzer drives `vcdiff`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::vcdiff::run(data));
