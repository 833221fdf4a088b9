//! `provision server`: the key and the certificate of a server.

use crate::args::provision::ServerArgs;
use crate::failure::Failure;
use crate::provision::authority::Authority;
use crate::provision::certificate::{Purpose, Request, pem};
use crate::provision::device_key::DeviceKey;
use crate::provision::{new_files, server_name, subject};

const DEFAULT_DAYS: u32 = 730;

pub(crate) fn run(args: &ServerArgs) -> Result<(), Failure> {
    new_files::all_new(&[&args.key_out, &args.cert_out])?;
    let names = server_name::all(&args.dns, &args.ip)?;
    let subject = match &args.subject {
        Some(name) => subject::parse(name)?,
        None => {
            let first = args.dns.first().cloned().or_else(|| args.ip.first().map(ToString::to_string));
            let first = first.unwrap_or_default();
            // A common name has at most 64 characters; what is longer still stands in the subjectAltName.
            let first: String = first.chars().take(64).collect();
            subject::parse(&format!("/CN={}", subject::escaped(&first)))?
        }
    };
    let authority = Authority::open(&args.issuer)?;
    let key = DeviceKey::generate()?;
    let certificate = authority.issue(Request {
        subject,
        validity: authority.validity(args.days, DEFAULT_DAYS)?,
        purpose: Purpose::Server(names),
        public_key_der: key.public_der()?,
    })?;
    let certificates = pem([&certificate].into_iter().chain(authority.behind_issued()))?;
    let key = key.private_pem()?;
    new_files::write_pair((&args.key_out, key.as_bytes()), (&args.cert_out, certificates.as_bytes()))
}
