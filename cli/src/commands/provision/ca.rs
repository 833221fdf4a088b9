//! `provision ca`: the key and the certificate of an authority, signed by itself.

use crate::args::provision::CaArgs;
use crate::failure::Failure;
use crate::key;
use crate::provision::certificate::{Purpose, Request, pem};
use crate::provision::device_key::DeviceKey;
use crate::provision::{authority, lifetime, new_files, subject};
use p256::elliptic_curve::zeroize::Zeroizing;

pub(crate) fn run(args: &CaArgs) -> Result<(), Failure> {
    new_files::all_new(&[&args.key_out, &args.cert_out])?;
    let subject = subject::parse(&args.subject)?;
    let passphrase = key::passphrase(args.key_passphrase_file.as_deref())?.map(Zeroizing::new);
    if passphrase.as_ref().is_some_and(|passphrase| passphrase.is_empty()) {
        return Err(Failure::usage("passphrase of the new key: expected one, found nothing"));
    }
    let key = DeviceKey::generate()?;
    let request = Request {
        subject,
        validity: lifetime::from_now(args.days)?,
        purpose: Purpose::Authority,
        public_key_der: key.public_der()?,
    };
    let certificate = pem([&authority::self_signed(&key, request)?])?;
    let key = match passphrase {
        Some(passphrase) => key.encrypted_pem(&passphrase)?,
        None => key.private_pem()?,
    };
    new_files::write_pair((&args.key_out, key.as_bytes()), (&args.cert_out, certificate.as_bytes()))
}
