//! libFuzzer drives `key`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::key::run(data));
