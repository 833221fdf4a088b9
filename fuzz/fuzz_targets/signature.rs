//! libFuzzer drives `signature`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::signature::run(data));
