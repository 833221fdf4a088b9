//! libFuzzer drives `tar`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::tar::run(data));
