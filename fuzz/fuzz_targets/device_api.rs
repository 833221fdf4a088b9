//! libFuzzer drives `device_api`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::device_api::run(data));
