//! Runs the built command with a fault at each of its system calls, put there by strace: an error, an interruption, the
//! end of the process. Whatever comes, inputs are as they were, and nothing has a final name that is not complete.
//!
//! `cargo test` puts faults at the calls that make and name outputs. `cargo xtask faults` goes through all calls and
//! prints a table of what came of them: docs/reports/faults.md.
// All of it is test code, which may stop at whatever is not as it should be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]
#![cfg(target_os = "linux")]

mod cases;
mod injection;
mod judgement;
#[allow(dead_code, reason = "of what it has, these tests need a part")]
#[path = "../images/made_image.rs"]
mod made_image;
mod room;
mod state;
mod trial;
#[allow(dead_code, reason = "of what it has, these tests need a part")]
#[path = "../command/workplace.rs"]
mod workplace;

use trial::{Calls, go_through};

/// For each case a test of the calls that make outputs, and one of all calls.
macro_rules! for_each_case {
    ($($case:ident),* $(,)?) => {
        mod outputs {
            $(#[test]
            fn $case() {
                crate::go_through(&crate::cases::$case(), crate::Calls::OfOutputs);
            })*
        }

        mod every_call {
            $(#[test]
            #[ignore = "minutes; cargo xtask faults runs it"]
            fn $case() {
                crate::go_through(&crate::cases::$case(), crate::Calls::All);
            })*
        }

        mod short {
            $(#[test]
            fn $case() {
                crate::room::limited(&crate::cases::$case());
            })*
        }

        mod full {
            $(#[test]
            fn $case() {
                crate::room::full(&crate::cases::$case());
            })*
        }
    };
}

for_each_case! {
    write, write_over, sign, sign_to, modify, cp_image, cp_artifact, delta_create, delta_apply, delta_image,
    provision_device,
}
