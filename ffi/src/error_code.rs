//! The one table of the numbers that C sees: code, category and text of each outcome.
#![allow(unsafe_code, reason = "functions are exported under their C names")]

use std::ffi::{CStr, c_char, c_int};

/// Who has to act; `enum mar_category_code` of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Category {
    /// Nobody: a success, or a number that is no code.
    None = 0,
    /// Whoever cares for disks, permissions and memory.
    Io = 1,
    /// Whoever made the input.
    Format = 2,
    /// A newer version of this library.
    Unsupported = 3,
    /// Whoever vouched for the input.
    Verify = 4,
    /// Whoever set the limits.
    Limit = 5,
    /// The calling program.
    Usage = 6,
    /// The makers of this library.
    Internal = 7,
}

macro_rules! codes {
    ($( $(#[$doc:meta])* $name:ident $c_name:literal = $number:literal, $category:ident, $text:literal; )*) => {
        /// How a call ended; `enum mar_code` of the header.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(i32)]
        pub enum Code { $( $(#[$doc])* $name = $number, )* }

        /// Every code with its name in C.
        #[cfg(test)]
        pub(crate) const ALL: &[(Code, &str)] = &[ $( (Code::$name, $c_name), )* ];

        fn known(number: c_int) -> Option<(Category, &'static CStr)> {
            match number {
                $( $number => Some((Category::$category, $text)), )*
                _ => None,
            }
        }
    };
}

// A number never changes its meaning and is never used again. Gaps are for mender_device.h.
codes! {
    /// The call did what it says.
    Ok "MAR_OK" = 0, None, c"no error";
    /// The whole input is there and was found sound.
    Done "MAR_DONE" = 1, None, c"complete and sound";
    /// Nothing was done, as it would have taken long: the same call may do it later.
    Again "MAR_AGAIN" = 2, None, c"not now, try again";

    /// NULL, a wrong `struct_size`, an impossible argument, or a call out of order.
    Arg "MAR_E_ARG" = -1, Usage, c"wrong argument or call out of order";
    /// There is not enough memory.
    NoMemory "MAR_E_NOMEM" = -2, Io, c"not enough memory";
    /// The input wants more than a limit allows.
    Limit "MAR_E_LIMIT" = -3, Limit, c"the input is over a limit";
    /// The input ends too early.
    Truncated "MAR_E_TRUNCATED" = -5, Format, c"the input ends too early";
    /// The input may be sound, but this library does not handle it.
    Unsupported "MAR_E_UNSUPPORTED" = -6, Unsupported, c"unsupported input";
    /// A defect of this library.
    Internal "MAR_E_INTERNAL" = -7, Internal, c"defect of this library";
    /// The operating system could not read or write.
    Io "MAR_E_IO" = -8, Io, c"reading or writing failed";
    /// The work was cancelled.
    Cancelled "MAR_E_CANCELLED" = -9, Usage, c"cancelled";

    /// Not an Artifact, or a damaged one.
    Format "MAR_E_FORMAT" = -20, Format, c"not a sound Artifact";
    /// A part of the Artifact has another checksum than its manifest says.
    Checksum "MAR_E_CHECKSUM" = -21, Verify, c"wrong checksum";
    /// There is a key and no signature.
    Unsigned "MAR_E_UNSIGNED" = -22, Verify, c"the Artifact is not signed";
    /// The signature is not one of this key and manifest.
    Signature "MAR_E_SIGNATURE" = -23, Verify, c"wrong signature";
    /// The Artifact is augmented.
    Augmented "MAR_E_AUGMENTED" = -24, Unsupported, c"augmented Artifacts are not supported";
    /// There is a signature and no key.
    NoKey "MAR_E_NO_KEY" = -26, Verify, c"the Artifact is signed and no key was given";
    /// The key cannot be used.
    Key "MAR_E_KEY" = -27, Usage, c"unusable key";

    /// Not a delta, or a damaged one.
    Delta "MAR_E_DELTA" = -40, Format, c"not a sound delta";
    /// The base is not the one that the delta was made from.
    Base "MAR_E_BASE" = -41, Verify, c"the delta belongs to another base";
    /// The result is not the promised one.
    Target "MAR_E_TARGET" = -42, Verify, c"the result has the wrong checksum";

    /// A server's question has the answer no, for a reason that is told.
    Refused "MAR_E_REFUSED" = -60, Usage, c"refused or impossible: the reason says why";
}

impl From<Code> for c_int {
    fn from(code: Code) -> Self {
        code as Self
    }
}

/// Static English text of a code, for any number.
#[unsafe(no_mangle)]
pub extern "C" fn mar_strerror(code: c_int) -> *const c_char {
    known(code).map_or(c"unknown code", |(_, text)| text).as_ptr()
}

/// Category of a code, for any number.
#[unsafe(no_mangle)]
pub extern "C" fn mar_category(code: c_int) -> c_int {
    known(code).map_or(Category::None, |(category, _)| category) as c_int
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_and_the_category_of_a_code_agree() {
        for (code, name) in ALL {
            let number = c_int::from(*code);
            let (category, text) = known(number).unwrap();
            assert_eq!(number < 0, category != Category::None, "{name}");
            assert_eq!(number < 0, name.starts_with("MAR_E_"), "{name}");
            let text = text.to_str().unwrap();
            assert!(!text.is_empty() && !text.ends_with('.'), "{name}");
            assert_eq!(mar_category(number), category as c_int);
        }
    }

    #[test]
    fn any_other_number_has_a_text_too() {
        for number in [3, -4, -1000, c_int::MIN, c_int::MAX] {
            // SAFETY: mar_strerror gives static strings only.
            let text = unsafe { CStr::from_ptr(mar_strerror(number)) };
            assert_eq!(text, c"unknown code");
            assert_eq!(mar_category(number), 0);
        }
    }
}
