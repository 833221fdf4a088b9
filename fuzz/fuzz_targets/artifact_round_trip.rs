//! libFuzzer drives `artifact_round_trip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::artifact_round_trip::run(data));
