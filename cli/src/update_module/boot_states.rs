//! The states after the download: they only read and set the boot loader's variables.

use std::path::Path;

use super::boot_env::BootEnv;
use super::config::Config;
use super::error::{BootProblem, Error};
use super::receipt;
use super::slots::{Slot, Slots};
use super::sysroot::Sysroot;

/// `ArtifactInstall`: the boot loader shall start the written partition next, once, on trial.
///
/// # Errors
///
/// No completed download for this partition, partitions that do not match the environment, or an environment that
/// cannot be written.
pub(crate) fn install(tree: &Path, sysroot: &Sysroot) -> Result<(), Error> {
    let slots = Slots::detect(&Config::load(sysroot)?, sysroot)?;
    let env = BootEnv::open()?;
    require_settled(&env, &slots)?;
    receipt::check(tree, &slots.inactive)?;
    let mut variables = boot_from(&slots.inactive, "1");
    variables.push(("bootcount", "0".to_owned()));
    env.set(&variables)
}

/// The boot loader must be about to start what is running now, for good; otherwise another update is under way and the
/// inactive partition is the way back, or the environment is not that of this device.
///
/// # Errors
///
/// `mender_boot_part` names another partition, or `upgrade_available` is 1.
pub(crate) fn require_settled(env: &BootEnv, slots: &Slots) -> Result<(), Error> {
    let boot_part = env.boot_part()?;
    let running = slots.active.path.clone();
    if boot_part != slots.active.number {
        return Err(Error::Boot(BootProblem::NotSettled { running, boot_part }));
    }
    if env.upgrade_available()? {
        return Err(Error::Boot(BootProblem::OnTrial { running }));
    }
    Ok(())
}

/// `ArtifactVerifyReboot`: the new partition is running and still on trial.
///
/// # Errors
///
/// The boot loader went back to the old partition.
pub(crate) fn verify_reboot(sysroot: &Sysroot) -> Result<(), Error> {
    let env = BootEnv::open()?;
    if !env.upgrade_available()? {
        return Err(Error::Boot(BootProblem::Reverted));
    }
    require_started(&env, sysroot)
}

/// `ArtifactVerifyRollbackReboot`: no update is on trial any more.
///
/// # Errors
///
/// One still is.
pub(crate) fn verify_rollback_reboot() -> Result<(), Error> {
    if BootEnv::open()?.upgrade_available()? {
        return Err(Error::Boot(BootProblem::StillOnTrial));
    }
    Ok(())
}

/// `ArtifactCommit`: the running partition stays.
///
/// # Errors
///
/// Nothing is on trial, which means that the boot loader went back; or the new partition has not been started.
pub(crate) fn commit(sysroot: &Sysroot) -> Result<(), Error> {
    let env = BootEnv::open()?;
    if !env.upgrade_available()? {
        return Err(Error::Boot(BootProblem::Reverted));
    }
    require_started(&env, sysroot)?;
    env.set(&[("upgrade_available", "0".to_owned())])
}

/// `ArtifactRollback`: back to the old partition, whether or not the new one has been started.
///
/// # Errors
///
/// An update is on trial and the partitions or the environment cannot be made out.
pub(crate) fn rollback(sysroot: &Sysroot) -> Result<(), Error> {
    let env = BootEnv::open()?;
    if !env.upgrade_available()? {
        // Nothing was switched, or the boot loader has switched back already.
        return Ok(());
    }
    let slots = Slots::detect(&Config::load(sysroot)?, sysroot)?;
    let running_the_new_one = env.boot_part()? == slots.active.number;
    let old = if running_the_new_one { &slots.inactive } else { &slots.active };
    env.set(&boot_from(old, "0"))
}

fn require_started(env: &BootEnv, sysroot: &Sysroot) -> Result<(), Error> {
    let slots = Slots::detect(&Config::load(sysroot)?, sysroot)?;
    let boot_part = env.boot_part()?;
    if boot_part == slots.active.number {
        return Ok(());
    }
    Err(Error::Boot(BootProblem::NotStarted { running: slots.active.path, boot_part }))
}

fn boot_from(slot: &Slot, upgrade_available: &str) -> Vec<(&'static str, String)> {
    vec![
        ("mender_boot_part", slot.number.to_string()),
        ("mender_boot_part_hex", format!("{:x}", slot.number)),
        ("upgrade_available", upgrade_available.to_owned()),
    ]
}
