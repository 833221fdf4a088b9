//! libFuzzer drives `json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::json::run(data));
