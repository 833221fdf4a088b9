//! Removing what is old, too much or named by nothing.

use super::faulty::{Fault, Faulty, Request};
use super::*;
use crate::fleet::store::Published;
use crate::fleet::store::error::StoreError;
use crate::fleet::store::gc::{GcOptions, GcReport};
use crate::fleet::store::layout::Kind;
use crate::fleet::store::record::PastFailure;
use std::fs::FileTimes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

const DAY: u64 = 86_400;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// Makes the record and the object of a key older.
fn make_old(folder: &TempDir, key: u8, object: &Object, seconds: u64) {
    for path in [
        folder.path().join("a/keys").join(format!("{}.json", JobKey::from([key; 32]))),
        folder.path().join("a/objects").join(object.sha256.to_string()),
    ] {
        let file = File::options().write(true).open(path).unwrap();
        let then = SystemTime::now() - Duration::from_secs(seconds);
        file.set_times(FileTimes::new().set_modified(then)).unwrap();
    }
}

fn keys(store: &Store) -> Vec<u8> {
    store.list(&tenant("a")).unwrap().iter().map(|entry| entry.key.as_bytes()[0]).collect()
}

#[test]
fn the_old_go_and_the_young_stay() {
    let (folder, store) = local();
    for key in 1..=4 {
        let object = publish(&store, "a", key, &[key; 100]);
        make_old(&folder, key, &object, u64::from(key) * DAY);
    }
    publish(&store, "b", 9, b"of another tenant");
    let options = GcOptions { max_age: Some(5 * DAY / 2), ..GcOptions::at(now()) };
    let dry = store.gc(&tenant("a"), &GcOptions { dry_run: true, ..options.clone() }).unwrap();
    assert_eq!(keys(&store), [4, 3, 2, 1]);
    let report = store.gc(&tenant("a"), &options).unwrap();
    assert_eq!(dry, report);
    let expected = GcReport {
        keys_old: 2,
        objects: 2,
        bytes: 200,
        kept_keys: 2,
        kept_bytes: 200,
        ..GcReport::default()
    };
    assert_eq!(report, expected);
    assert_eq!(keys(&store), [2, 1]);
    assert_eq!(store.list(&tenant("b")).unwrap().len(), 1);
    assert_eq!(files(&folder).len(), 6);
}

#[test]
fn the_oldest_go_when_there_is_too_much() {
    let (folder, store) = local();
    for key in 1..=4 {
        let object = publish(&store, "a", key, &[key; 100]);
        make_old(&folder, key, &object, u64::from(key) * 60);
    }
    // Two names for the same bytes count once, and the bytes stay as long as one of them.
    publish(&store, "a", 5, &[4; 100]);
    let options = GcOptions { quota: Some(250), ..GcOptions::at(now()) };
    let report = store.gc(&tenant("a"), &options).unwrap();
    assert_eq!((report.keys_over_quota, report.objects, report.kept_bytes), (3, 2, 200));
    assert_eq!(keys(&store), [1, 5]);
    let report = store.gc(&tenant("a"), &GcOptions { quota: Some(0), ..GcOptions::at(now()) }).unwrap();
    assert_eq!((report.keys_over_quota, report.kept_keys, report.kept_bytes), (2, 0, 0));
    assert_eq!(files(&folder), Vec::<PathBuf>::new());
}

#[test]
fn orphans_go_after_their_grace() {
    let (folder, store) = local();
    let object = store.put(&tenant("a"), &mut file(b"orphan"), None).unwrap();
    std::fs::write(folder.path().join("a/objects/strange"), b"").unwrap();
    assert_eq!(store.gc(&tenant("a"), &GcOptions::at(now())).unwrap(), GcReport::default());
    let report = store.gc(&tenant("a"), &GcOptions::at(now() + 3601)).unwrap();
    assert_eq!((report.objects, report.bytes), (2, object.len));
    assert_eq!(files(&folder), Vec::<PathBuf>::new());
}

#[test]
fn keys_without_a_whole_object_go() {
    let (folder, store) = local();
    let object_path = |object: &Object| folder.path().join("a/objects").join(object.sha256.to_string());
    let (missing, short) = (publish(&store, "a", 1, b"missing"), publish(&store, "a", 2, b"short"));
    publish(&store, "a", 3, b"sound");
    std::fs::remove_file(object_path(&missing)).unwrap();
    std::fs::write(object_path(&short), b"s").unwrap();
    std::fs::write(folder.path().join("a/keys").join(format!("{}.json", JobKey::from([4; 32]))), b"{")
        .unwrap();
    // They may be about to be mended.
    assert_eq!(store.gc(&tenant("a"), &GcOptions::at(now())).unwrap().keys_broken, 0);
    let report = store.gc(&tenant("a"), &GcOptions::at(now() + 3601)).unwrap();
    assert_eq!((report.keys_broken, report.objects, report.kept_keys), (3, 1, 1));
    assert_eq!(keys(&store), [3]);
}

#[test]
fn damage_is_found_when_it_is_looked_for() {
    let (folder, store) = local();
    let object = publish(&store, "a", 1, b"damaged");
    publish(&store, "a", 2, b"sound");
    std::fs::write(folder.path().join("a/objects").join(object.sha256.to_string()), b"DAMAGED").unwrap();
    assert_eq!(store.gc(&tenant("a"), &GcOptions::at(now())).unwrap().keys_broken, 0);
    let report = store.gc(&tenant("a"), &GcOptions { verify: true, ..GcOptions::at(now()) }).unwrap();
    assert_eq!((report.keys_broken, report.objects, report.kept_keys), (1, 1, 1));
    // It can be made again.
    publish(&store, "a", 1, b"damaged");
    assert_eq!(bytes_of(&store, "a", &object).unwrap(), b"damaged");
}

#[test]
fn failures_go_when_they_expire() {
    let (folder, store) = local();
    for (key, expires) in [(1, 100), (2, 200)] {
        let failure = PastFailure { code: "no_gain".into(), text: String::new(), failed: 0, expires };
        store.remember_failure(&tenant("a"), &JobKey::from([key; 32]), &failure).unwrap();
    }
    assert_eq!(store.gc(&tenant("a"), &GcOptions::at(150)).unwrap().failures, 1);
    assert_eq!(files(&folder).len(), 1);
}

#[test]
fn what_a_killed_publisher_left_goes() {
    let (folder, store) = local();
    publish(&store, "a", 1, b"sound");
    let left = folder.path().join("a/objects").join(format!("{}#1", JobKey::from([5; 32])));
    std::fs::write(&left, b"half").unwrap();
    assert_eq!(store.list(&tenant("a")).unwrap().len(), 1);
    store.gc(&tenant("a"), &GcOptions::at(now())).unwrap();
    assert!(left.exists());
    let report = store.gc(&tenant("a"), &GcOptions::at(now() + 3601)).unwrap();
    assert_eq!((report.objects, report.bytes, report.kept_keys), (1, 4, 1));
    assert!(!left.exists());
}

#[test]
fn a_clock_put_back_makes_nothing_old() {
    let (_folder, store) = local();
    publish(&store, "a", 1, b"sound");
    let options = GcOptions { max_age: Some(1), grace: 0, ..GcOptions::at(1000) };
    assert_eq!(store.gc(&tenant("a"), &options).unwrap().kept_keys, 1);
}

#[test]
fn collecting_beside_publishers_loses_nothing_that_was_published() {
    let (folder, store) = local();
    // The worst case: what is about to be published lies there as an old orphan.
    for nth in 0..100u8 {
        store.put(&tenant("a"), &mut file(&[nth]), None).unwrap();
    }
    for path in files(&folder) {
        let then = SystemTime::now() - Duration::from_secs(DAY);
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_times(FileTimes::new().set_modified(then))
            .unwrap();
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut collected = 0;
            while !stop.load(Ordering::Relaxed) {
                collected += store.gc(&tenant("a"), &GcOptions::at(now())).unwrap().objects;
            }
            collected
        });
        let publishers: Vec<_> = (0..4u8)
            .map(|thread| {
                let store = &store;
                scope.spawn(move || {
                    for nth in 0..25u8 {
                        let name = thread * 25 + nth;
                        let mut file = file(&[name]);
                        let record = record(&mut file);
                        let key = JobKey::from([name; 32]);
                        let end = store.publish(&tenant("a"), &key, &record, &mut file).unwrap();
                        assert_eq!(end, Published::New);
                    }
                })
            })
            .collect();
        for publisher in publishers {
            publisher.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        assert!(collector.join().unwrap() > 0);
    });
    let entries = store.list(&tenant("a")).unwrap();
    assert_eq!(entries.len(), 100);
    for entry in entries {
        assert!(store.find(&tenant("a"), &entry.key).unwrap().is_some(), "{}", entry.key);
        bytes_of(&store, "a", &entry.record.object).unwrap();
    }
    assert_eq!(files(&folder).len(), 200);
}

/// The worst moment: a removal is on its way while somebody publishes, and arrives when he has put everything.
#[test]
fn a_removal_that_is_on_its_way_does_not_take_what_is_published_meanwhile() {
    let (objects, faults) = Faulty::new(None, false);
    let options = StoreOptions { timeout: Duration::from_secs(60), ..StoreOptions::default() };
    let store = Store::over(Arc::new(objects), &options).unwrap();
    let (bytes, key) = (b"an orphan until now", JobKey::from([7; 32]));
    store.put(&tenant("a"), &mut file(bytes), None).unwrap();
    let (give, given) = std::sync::mpsc::channel();
    faults.at(Request::Removal, "objects", {
        let store = store.clone();
        move || {
            let publisher = std::thread::spawn({
                let store = store.clone();
                move || {
                    let mut file = file(bytes);
                    let record = record(&mut file);
                    store.publish(&tenant("a"), &key, &record, &mut file)
                }
            });
            // Without a word about the removal he would be done soon.
            let begin = Instant::now();
            while !publisher.is_finished() && begin.elapsed() < Duration::from_millis(500) {
                std::thread::sleep(Duration::from_millis(5));
            }
            give.send(publisher).unwrap();
        }
    });
    let report = store.gc(&tenant("a"), &GcOptions { grace: 0, ..GcOptions::at(now() + 10) }).unwrap();
    assert_eq!(report.objects, 1);
    let publisher = given.recv().unwrap();
    assert_eq!(publisher.join().unwrap().unwrap(), Published::New);
    let found = store.find(&tenant("a"), &key).unwrap().expect("the object that was published");
    assert_eq!(bytes_of(&store, "a", &found.object).unwrap(), bytes);
    // No mark stays.
    assert_eq!(store.entries(&store.layout.folder(&tenant("a"), Kind::Removing)).unwrap(), []);
}

/// He puts his record before he can see the mark of his object: so it has to be looked for after that.
#[test]
fn what_is_named_since_the_keys_were_listed_is_no_orphan() {
    let (objects, faults) = Faulty::new(None, false);
    let store = Store::over(Arc::new(objects), &hasty()).unwrap();
    let [one, two] = [b"one", b"two"].map(|bytes| store.put(&tenant("a"), &mut file(bytes), None).unwrap());
    let key = JobKey::from([9; 32]);
    let named = if one.sha256 < two.sha256 { two } else { one };
    // The first mark is that of the other one.
    faults.at(Request::Put, "removing", {
        let store = store.clone();
        move || {
            // As by a publisher whose object is that old: the record alone.
            let record = Record { object: named, published: 1, note: serde_json::Value::Null };
            let path = store.layout.key(&tenant("a"), &key);
            store.overwrite(&path, record.encode(&key).unwrap().0).unwrap();
        }
    });
    let report = store.gc(&tenant("a"), &at_once()).unwrap();
    assert_eq!(report.objects, 1);
    assert!(store.find(&tenant("a"), &key).unwrap().is_some());
    assert_eq!(marks(&store), 0);
}

/// Everything that nothing names is an orphan.
fn at_once() -> GcOptions {
    GcOptions { grace: 0, ..GcOptions::at(now() + 10) }
}

fn marks(store: &Store) -> usize {
    store.entries(&store.layout.folder(&tenant("a"), Kind::Removing)).unwrap().len()
}

/// A store that takes its time to say which keys there are: publishers who have seen a mark do not wait for ever.
#[test]
fn what_would_be_removed_too_late_is_left_to_the_next_pass() {
    let (objects, faults) = Faulty::new(None, false);
    let second = Duration::from_secs(1);
    let options = StoreOptions { timeout: second, attempt_timeout: second, ..hasty() };
    let store = Store::over(Arc::new(objects), &options).unwrap();
    store.put(&tenant("a"), &mut file(b"orphan"), None).unwrap();
    faults.at(Request::Put, "removing", {
        let faults = Arc::clone(&faults);
        move || faults.at(Request::List, "keys", move || std::thread::sleep(second * 6 / 10))
    });
    assert_eq!(store.gc(&tenant("a"), &at_once()).unwrap().objects, 0);
    assert_eq!(marks(&store), 0);
    assert_eq!(store.gc(&tenant("a"), &at_once()).unwrap().objects, 1);
}

#[test]
fn a_failure_leaves_no_mark_but_that_of_a_removal_whose_end_was_not_seen() {
    let (objects, faults) = Faulty::new(None, false);
    let store = Store::over(Arc::new(objects), &hasty()).unwrap();
    store.put(&tenant("a"), &mut file(b"orphan"), None).unwrap();
    // The keys cannot be listed.
    faults.at(Request::Put, "removing", {
        let faults = Arc::clone(&faults);
        move || {
            let then = Arc::clone(&faults);
            faults.at(Request::List, "keys", move || {
                then.set(Some(Fault::Deny));
                let mended = Arc::clone(&then);
                then.at(Request::Removal, "removing", move || mended.set(None));
            });
        }
    });
    let refused = store.gc(&tenant("a"), &at_once()).unwrap_err();
    assert!(matches!(refused, StoreError::Refused { .. }), "{refused}");
    assert_eq!(marks(&store), 0);
    // The removal itself hangs.
    faults.at(Request::Removal, "objects", {
        let faults = Arc::clone(&faults);
        move || faults.set(Some(Fault::Hang))
    });
    let slow = store.gc(&tenant("a"), &at_once()).unwrap_err();
    assert!(matches!(slow, StoreError::Slow { .. }), "{slow}");
    faults.set(None);
    assert_eq!(marks(&store), 1);
    // Who puts it waits for that mark, as long as it may take; a pass without any grace leaves it.
    let begin = Instant::now();
    store.put(&tenant("a"), &mut file(b"orphan"), None).unwrap();
    assert!(begin.elapsed() >= hasty().timeout);
    store.gc(&tenant("a"), &at_once()).unwrap();
    assert_eq!(marks(&store), 1);
    store.gc(&tenant("a"), &GcOptions { grace: 0, ..GcOptions::at(now() + 3700) }).unwrap();
    assert_eq!(marks(&store), 0);
}

/// What is put, and named later by a task, is not taken by a removal that was on its way.
#[test]
fn what_is_put_while_it_is_removed_is_there_afterwards() {
    let (objects, faults) = Faulty::new(None, false);
    let options = StoreOptions { timeout: Duration::from_secs(60), ..StoreOptions::default() };
    let store = Store::over(Arc::new(objects), &options).unwrap();
    let object = store.put(&tenant("a"), &mut file(b"input"), None).unwrap();
    let (give, given) = std::sync::mpsc::channel();
    faults.at(Request::Removal, "objects", {
        let store = store.clone();
        move || {
            let putting = std::thread::spawn(move || store.put(&tenant("a"), &mut file(b"input"), None));
            let begin = Instant::now();
            while !putting.is_finished() && begin.elapsed() < Duration::from_millis(500) {
                std::thread::sleep(Duration::from_millis(5));
            }
            give.send(putting).unwrap();
        }
    });
    assert_eq!(store.gc(&tenant("a"), &at_once()).unwrap().objects, 1);
    given.recv().unwrap().join().unwrap().unwrap();
    assert_eq!(bytes_of(&store, "a", &object).unwrap(), b"input");
}
