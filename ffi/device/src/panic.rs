//! What happens at a defect of this library, in a static library: the processor traps.
#![allow(unsafe_code, reason = "a trap is an instruction")]

/// Ends in the fault handler of the firmware, which most often starts the device anew; nothing was made bootable.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: traps, and touches nothing.
    #[cfg(any(target_arch = "arm", target_arch = "aarch64"))]
    unsafe {
        core::arch::asm!("udf #0", options(noreturn))
    }
    // SAFETY: traps, and touches nothing.
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    unsafe {
        core::arch::asm!("ud2", options(noreturn))
    }
    // Elsewhere the watchdog bites.
    #[cfg(not(any(
        target_arch = "arm",
        target_arch = "aarch64",
        target_arch = "x86",
        target_arch = "x86_64"
    )))]
    loop {
        core::hint::spin_loop();
    }
}

// Rust's own division routines for 32-bit processors under an operating system come with tables for unwinding, which
// name a function that only the standard library has. Nothing unwinds, so nobody calls it.
#[cfg(all(target_arch = "arm", not(target_os = "none")))]
core::arch::global_asm!(
    ".weak rust_eh_personality",
    ".type rust_eh_personality, %function",
    "rust_eh_personality:",
    "udf #0"
);
