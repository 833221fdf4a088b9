//! libFuzzer drives `ext4`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mender_fuzz::image::run_ext4(data));
