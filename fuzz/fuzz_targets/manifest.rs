//! libFuzzer drives `manifest`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::manifest::run(data));
