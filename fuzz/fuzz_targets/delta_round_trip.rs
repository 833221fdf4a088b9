//! libFuzzer drives `delta_round_trip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::delta_round_trip::run(data));
