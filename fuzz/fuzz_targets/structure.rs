//! libFuzzer drives `structure`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::structure::run(data));
