//! libFuzzer drives `artifact`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::artifact::run(data));
