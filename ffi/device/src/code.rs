//! The one table of the numbers that C sees. They are those of mender_artifact.h; the gaps are its.
#![allow(unsafe_code, reason = "a function is exported under its C name")]

use core::ffi::{CStr, c_char, c_int};

macro_rules! codes {
    ($( $(#[$doc:meta])* $name:ident $c_name:literal = $number:literal, $text:literal; )*) => {
        /// How a call ended; `enum mar_code` of the header.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(i32)]
        pub enum Code { $( $(#[$doc])* $name = $number, )* }

        /// Every code with its name in C.
        #[cfg(test)]
        pub(crate) const ALL: &[(Code, &str)] = &[ $( (Code::$name, $c_name), )* ];

        fn text(number: c_int) -> &'static CStr {
            match number {
                $( $number => $text, )*
                _ => c"unknown code",
            }
        }
    };
}

// A number never changes its meaning and is never used again.
codes! {
    /// Go on.
    Ok "MAR_OK" = 0, c"no error";
    /// The whole input is there and verified.
    Done "MAR_DONE" = 1, c"complete and verified";
    /// NULL, a wrong struct_size, an impossible setting, a call out of order.
    Arg "MAR_E_ARG" = -1, c"the library was called wrongly";
    /// The arena is too small.
    NoMemory "MAR_E_NOMEM" = -2, c"the arena is too small";
    /// The input wants more than a limit allows.
    Limit "MAR_E_LIMIT" = -3, c"the input wants more than a limit allows";
    /// A callback of the caller's failed.
    Callback "MAR_E_CALLBACK" = -4, c"a callback failed";
    /// The input ends too early.
    Truncated "MAR_E_TRUNCATED" = -5, c"the input ends too early";
    /// A version, compression, algorithm or feature that is not there.
    Unsupported "MAR_E_UNSUPPORTED" = -6, c"the input needs something that is not there";
    /// A defect of this library.
    Internal "MAR_E_INTERNAL" = -7, c"a defect of this library";
    /// Not an Artifact, or a damaged one.
    Format "MAR_E_FORMAT" = -20, c"not a sound Artifact";
    /// A part of the Artifact differs from its manifest.
    Checksum "MAR_E_CHECKSUM" = -21, c"wrong checksum";
    /// A signature is required and there is none.
    Unsigned "MAR_E_UNSIGNED" = -22, c"the Artifact is not signed";
    /// The signature is wrong.
    Signature "MAR_E_SIGNATURE" = -23, c"wrong signature";
    /// The Artifact is augmented.
    Augmented "MAR_E_AUGMENTED" = -24, c"augmented Artifacts are refused";
    /// The Artifact is for another device, or wants another state of it.
    Depends "MAR_E_DEPENDS" = -25, c"the Artifact is not for this device";
    /// Not a delta, or a damaged one.
    Delta "MAR_E_DELTA" = -40, c"not a sound delta";
    /// The base is another one.
    Base "MAR_E_BASE" = -41, c"the delta belongs to another base";
    /// The result is not what was promised.
    Target "MAR_E_TARGET" = -42, c"the result is not what was promised";
    /// The target does not fit.
    Space "MAR_E_SPACE" = -43, c"the target is larger than its place";
    /// The checkpoint cannot be used.
    Checkpoint "MAR_E_CHECKPOINT" = -44, c"the checkpoint belongs to something else or is damaged";
}

/// What a code means, for any number.
#[unsafe(no_mangle)]
pub extern "C" fn mar_device_strerror(code: c_int) -> *const c_char {
    text(code).as_ptr()
}
