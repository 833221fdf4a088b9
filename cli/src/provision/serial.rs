//! Serial numbers of certificates: 128 random bits, written as hexadecimal digits.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::report::human::hex;
use p256::elliptic_curve::rand_core::{OsRng, RngCore};
use x509_cert::serial_number::SerialNumber;

/// Length of the serial numbers that are made here, in bytes.
pub(crate) const LEN_BYTES: usize = 16;
/// Longest serial number that is read, in hexadecimal digits: 20 bytes, and one for the sign.
const DIGITS_MAX: usize = 42;

/// A serial number as a gateway lists it: hexadecimal digits in lower case, without zeros in front.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Serial(String);

impl Serial {
    /// That of a certificate.
    pub(crate) fn of(number: &SerialNumber) -> Self {
        Self(without_zeros(&hex(number.as_bytes())).to_owned())
    }

    /// Takes hexadecimal digits of any case, as openssl and gateways write them; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let sound = !text.is_empty()
            && text.len() <= DIGITS_MAX
            && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        sound.then(|| Self(without_zeros(&text.to_ascii_lowercase()).to_owned()))
    }

    /// The digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A new serial number. Its first digit is not 0, so that all programs write it with as many digits.
///
/// # Errors
/// When the system has no random numbers.
pub(crate) fn random() -> Result<SerialNumber, Failure> {
    loop {
        let mut bytes = [0u8; LEN_BYTES];
        fill_random(&mut bytes)?;
        if bytes[0] >= 0x10 {
            return SerialNumber::new(&bytes)
                .map_err(|error| Failure::plain(ExitStatus::System, error.to_string()));
        }
    }
}

/// Fills `bytes` with random numbers of the system.
///
/// # Errors
/// When it has none.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), Failure> {
    OsRng
        .try_fill_bytes(bytes)
        .map_err(|error| Failure::plain(ExitStatus::System, format!("no random numbers: {error}")))
}

fn without_zeros(digits: &str) -> &str {
    let rest = digits.trim_start_matches('0');
    if rest.is_empty() { "0" } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn all_are_different_and_of_one_length() {
        let serials: HashSet<Serial> = (0..1000).map(|_| Serial::of(&random().unwrap())).collect();
        assert_eq!(serials.len(), 1000);
        assert!(serials.iter().all(|serial| serial.as_str().len() == 2 * LEN_BYTES));
    }

    #[test]
    fn one_number_has_one_spelling() {
        let number = SerialNumber::new(&[0x80, 0x0a, 0xff]).unwrap();
        assert_eq!(Serial::of(&number).as_str(), "800aff");
        assert_eq!(Serial::parse("00800AFF"), Some(Serial::of(&number)));
        assert_eq!(Serial::parse("0").unwrap().as_str(), "0");
        for wrong in ["", "0x12", "12:34", " 12", &"1".repeat(DIGITS_MAX + 1)] {
            assert_eq!(Serial::parse(wrong), None, "{wrong}");
        }
    }
}
