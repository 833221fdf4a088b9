//! libFuzzer drives `header`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::header::run(data));
