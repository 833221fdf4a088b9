//! `provision`: keys and certificates for devices.

mod bulk;
mod ca;
mod device;
mod revoke;
mod server;

use crate::args::provision::{ProvisionAction, ProvisionArgs};
use crate::failure::Failure;

pub(crate) fn run(args: &ProvisionArgs) -> Result<(), Failure> {
    match &args.action {
        ProvisionAction::Ca(args) => ca::run(args),
        ProvisionAction::Server(args) => server::run(args),
        ProvisionAction::Device(args) => device::run(args),
        ProvisionAction::Bulk(args) => bulk::run(args),
        ProvisionAction::Revoke(args) => revoke::run(args),
    }
}
