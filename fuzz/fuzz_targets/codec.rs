//! libFuzzer drives `codec`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::codec::run(data));
