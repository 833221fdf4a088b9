//! libFuzzer drives `c_api`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::c_api::run(data));
