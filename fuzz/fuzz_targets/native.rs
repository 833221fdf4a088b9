//! libFuzzer drives `native`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::native::run(data));
