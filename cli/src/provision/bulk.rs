//! Images for many devices, each with a key and a certificate of its own.
//!
//! Keys are made one behind the other, images in parallel. A device goes through: key and certificate in memory; a copy
//! of the template; both files in it; its digest; its record in the journal; its name. Whoever starts again after an end
//! at any place finds in the journal what is finished.

use super::authority::Authority;
use super::certificate;
use super::device::{Device, Issued, Issuing};
use super::finished::Finished;
use super::folder::Folder;
use super::journal::{Events, Issue, Journal};
use super::part::Part;
use super::put::{NewFile, Target};
use super::record::ImageRecord;
use super::serial::Serial;
use super::template::Template;
use crate::args::provision::BulkArgs;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::report::human::hex;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Modes of the files in images.
const KEY_MODE: u16 = 0o600;
const CERTIFICATE_MODE: u16 = 0o644;

/// Images whose names are brought to the medium together.
const RECORDED_AT_ONCE: usize = 16;

/// What came of it.
pub(crate) struct Summary {
    /// All devices in the folder, those of the list first and in its order.
    pub(crate) devices: Vec<Issue>,
    /// How many were made now.
    pub(crate) made: usize,
}

/// Makes what is missing of the images of `devices` in `folder`.
///
/// # Errors
/// Whatever keeps one of them from being made; those that are finished stay. Before anything is made: a folder that
/// something else has been made in, recorded images that are gone, files that do not fit into the template.
pub(crate) fn run(
    args: &BulkArgs,
    devices: &[Device],
    authority: &Authority,
    folder: &Folder,
    template: &Template,
) -> Result<Summary, Failure> {
    let (mut journal, events) = Journal::open(&folder.journal())?;
    let issuing = Issuing::new(authority, &args.certificate)?;
    let target = Target { partition: args.partition.as_deref(), modified: issuing.begins_seconds() };
    check_common(&mut journal, &events, &common(args, authority, folder, template)?, args)?;
    folder.clear_left_over(template)?;
    // What is found now may be recorded as placed: its name has to be there to stay.
    folder.sync_images();
    let mut finished = Finished::of(events);
    let mut missing = Vec::new();
    for device in devices {
        issuing.check(device)?;
        if !finished.look_for(device, folder, args.allow_missing, &mut journal)? {
            missing.push(device);
        }
    }
    try_out(&target, args, template)?;
    let work = Work {
        args,
        folder,
        template,
        target,
        journal: Mutex::new(journal),
        unrecorded: Mutex::default(),
        done: AtomicU64::new(0),
    };
    let made = work.make(&missing, |device| finished.keep(issuing.issue(device)?));
    // Also when one has failed: the others need not be compared with their records then.
    let recorded = work.finish();
    let made = made?;
    recorded?;
    let made_count = made.len();
    let mut all = finished.placed;
    all.extend(made.into_iter().map(|issue| (issue.record.device.clone(), issue)));
    let mut ordered: Vec<Issue> = devices.iter().filter_map(|device| all.remove(&device.name)).collect();
    // Those of earlier lists, in an order that does not depend on how they were made.
    let mut others: Vec<Issue> = all.into_values().collect();
    others.sort_by(|one, other| one.record.device.cmp(&other.record.device));
    ordered.extend(others);
    Ok(Summary { devices: ordered, made: made_count })
}

/// What all images of a folder have in common.
fn common(
    args: &BulkArgs,
    authority: &Authority,
    folder: &Folder,
    template: &Template,
) -> Result<Value, Failure> {
    let authority = authority.certificate().map(certificate::digest).transpose()?;
    Ok(json!({
        "template_sha256": hex(&template.sha256),
        "template_size_bytes": template.len_bytes,
        "authority_sha256": authority,
        "key_path": args.key_path,
        "cert_path": args.cert_path,
        "partition": args.partition,
        "suffix": folder.suffix(),
    }))
}

/// Refuses a folder in which something else has been made.
fn check_common(
    journal: &mut Journal,
    events: &Events,
    wanted: &Value,
    args: &BulkArgs,
) -> Result<(), Failure> {
    let Some(found) = &events.begun else { return journal.begun(wanted) };
    let differs =
        wanted.as_object().into_iter().flatten().find(|(key, value)| found.get(key.as_str()) != Some(*value));
    let Some((key, value)) = differs else { return Ok(()) };
    let found = found.get(key.as_str()).unwrap_or(&Value::Null);
    let message =
        format!("made with another {key}: expected {found}, found {value}; another folder takes both");
    Err(Failure::about(&args.out, ExitStatus::Usage, message))
}

/// Puts files of the usual size into the template, in memory.
fn try_out(target: &Target<'_>, args: &BulkArgs, template: &Template) -> Result<(), Failure> {
    let (key, certificate) = ([0u8; 256], [0u8; 4096]);
    target.try_out(template.path(), &mut template.device()?, &files(args, &key, &certificate))
}

fn files<'a>(args: &'a BulkArgs, key: &'a [u8], certificate: &'a [u8]) -> [NewFile<'a>; 2] {
    [
        NewFile { path: &args.key_path, contents: key, mode: KEY_MODE },
        NewFile { path: &args.cert_path, contents: certificate, mode: CERTIFICATE_MODE },
    ]
}

/// What threads have in common.
struct Work<'a> {
    args: &'a BulkArgs,
    folder: &'a Folder,
    template: &'a Template,
    target: Target<'a>,
    journal: Mutex<Journal>,
    /// Images that have their names, which may not be there to stay yet.
    unrecorded: Mutex<Vec<Serial>>,
    /// How many images are finished.
    done: AtomicU64,
}

impl Work<'_> {
    /// Makes the images of these devices, several at a time. `issue` is called in their order, by one thread.
    fn make(
        &self,
        devices: &[&Device],
        mut issue: impl FnMut(&Device) -> Result<Issued, Failure>,
    ) -> Result<Vec<Issue>, Failure> {
        let jobs = self.args.jobs.map_or_else(default_jobs, usize::from).min(devices.len());
        let progress = Progress::new();
        let total = devices.len() as u64;
        let (sender, receiver) = sync_channel(1);
        let receiver = Arc::new(Mutex::new(receiver));
        thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs)
                .map(|_| {
                    let (receiver, progress) = (Arc::clone(&receiver), &progress);
                    scope.spawn(move || self.work(&receiver, progress, total))
                })
                .collect();
            // When the last thread has ended, sending fails instead of waiting for ever.
            drop(receiver);
            let mut failed = None;
            for device in devices {
                match issue(device) {
                    Ok(issued) if workers.iter().any(|worker| worker.is_finished()) => {
                        // One has failed; the reason comes with the others' results.
                        drop(issued);
                        break;
                    }
                    Ok(issued) => {
                        if sender.send(issued).is_err() {
                            break;
                        }
                    }
                    Err(failure) => {
                        failed = Some(failure);
                        break;
                    }
                }
            }
            drop(sender);
            let mut made = Vec::new();
            for worker in workers {
                match worker.join() {
                    Ok(Ok(records)) => made.extend(records),
                    Ok(Err(failure)) => failed = failed.or(Some(failure)),
                    Err(_) => {
                        let message = "a thread has ended before its work was done";
                        failed = failed.or_else(|| Some(Failure::plain(ExitStatus::System, message)));
                    }
                }
            }
            failed.map_or(Ok(made), Err)
        })
    }

    fn work(
        &self,
        receiver: &Mutex<Receiver<Issued>>,
        progress: &Progress,
        total: u64,
    ) -> Result<Vec<Issue>, Failure> {
        let mut made = Vec::new();
        loop {
            let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(issued) = next else { return Ok(made) };
            made.push(self.make_one(issued)?);
            let done = self.done.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            progress.tell("provisioning", done, Some(total));
        }
    }

    fn make_one(&self, issued: Issued) -> Result<Issue, Failure> {
        let Issued { private_key, certificates, mut record } = issued;
        let name = self.folder.image_name(&record.device)?;
        let path = self.folder.file(&name);
        let part = Part::copy_of(self.template, &self.folder.part(record.serial.as_str()))?;
        let files = files(self.args, private_key.as_bytes(), certificates.as_bytes());
        self.target.put(&path, &mut part.device()?, &files)?;
        let sha256 = hex(&part.digest(self.template)?);
        self.template.check_unchanged()?;
        part.sync()?;
        record.image = Some(ImageRecord { path: name, size_bytes: self.template.len_bytes, sha256 });
        let issue = Issue { record, certificates };
        self.journal().issued(&issue)?;
        if self.args.keep_keys {
            self.folder.keep_key(&issue.record.device, private_key.as_bytes())?;
        }
        drop(private_key);
        part.persist(&path)?;
        self.record_later(&issue.record.serial)?;
        Ok(issue)
    }

    /// Returns when all that was made will stay.
    fn finish(&self) -> Result<(), Failure> {
        self.record_placed(1)?;
        self.journal().sync()
    }

    /// Takes an image that has its name.
    fn record_later(&self, serial: &Serial) -> Result<(), Failure> {
        self.unrecorded().push(serial.clone());
        self.record_placed(RECORDED_AT_ONCE)
    }

    /// Records which images have their names if there are so many of them, and not before the names are there to stay:
    /// a journal that outlives what it tells of would have its images looked for.
    fn record_placed(&self, at_least: usize) -> Result<(), Failure> {
        let serials = {
            let mut unrecorded = self.unrecorded();
            if unrecorded.len() < at_least {
                return Ok(());
            }
            std::mem::take(&mut *unrecorded)
        };
        self.folder.sync_images();
        let mut journal = self.journal();
        serials.iter().try_for_each(|serial| journal.placed(serial))
    }

    fn unrecorded(&self) -> MutexGuard<'_, Vec<Serial>> {
        self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn default_jobs() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
