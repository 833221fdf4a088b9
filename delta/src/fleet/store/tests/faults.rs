//! A store that fails, hangs, loses answers, refuses, or is full.

use super::faulty::{Fault, Faults, Faulty};
use super::*;
use crate::fleet::reason::Reason;
use crate::fleet::store::Published;
use crate::fleet::store::put::PART_LEN;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

fn faulty(fault: Option<Fault>, writes_only: bool) -> (Store, Arc<Faults>) {
    let (objects, faults) = Faulty::new(fault, writes_only);
    (Store::over(Arc::new(objects), &hasty()).unwrap(), faults)
}

fn key() -> JobKey {
    JobKey::from([7; 32])
}

#[test]
fn failures_that_pass_are_not_noticed() {
    for len in [5, PART_LEN + 5] {
        for failing in 1..4 {
            let (store, faults) = faulty(Some(Fault::Fail(failing)), false);
            let object = publish(&store, "a", 7, &vec![1; len]);
            faults.set(Some(Fault::Fail(2)));
            assert_eq!(bytes_of(&store, "a", &object).unwrap().len(), len);
        }
    }
}

#[test]
fn one_that_is_down_or_slow_ends_in_time_with_its_reason() {
    for (fault, reason) in [
        (Fault::Down, Reason::StoreUnreachable),
        (Fault::Hang, Reason::StoreSlow),
        (Fault::Deny, Reason::StoreDenied),
        (Fault::Full, Reason::StoreFull),
    ] {
        for writes_only in [false, true] {
            for len in [5, PART_LEN + 5] {
                let (store, faults) = faulty(Some(fault), writes_only);
                let mut file = file(&vec![1; len]);
                let record = record(&mut file);
                let begin = Instant::now();
                let failed = store.publish(&tenant("a"), &key(), &record, &mut file).unwrap_err();
                assert_eq!(failed.reason(), reason, "{failed}");
                // Three transfers of one request each, at most.
                assert!(begin.elapsed() < Duration::from_millis(2500), "{fault:?}: {:?}", begin.elapsed());
                if fault == Fault::Down {
                    assert!(faults.requests.load(Ordering::Relaxed) > 3, "it was not tried again");
                }
                faults.set(None);
                assert_eq!(store.find(&tenant("a"), &key()).unwrap(), None);
                assert_eq!(store.publish(&tenant("a"), &key(), &record, &mut file).unwrap(), Published::New);
            }
        }
    }
}

#[test]
fn a_lost_answer_does_not_make_us_lose_to_ourselves() {
    for lost in 1..8 {
        let (store, _) = faulty(Some(Fault::LoseAnswer(lost)), true);
        let mut file = file(b"delta");
        let record = record(&mut file);
        assert_eq!(
            store.publish(&tenant("a"), &key(), &record, &mut file).unwrap(),
            Published::New,
            "{lost}"
        );
    }
}

#[test]
fn whatever_fails_nothing_partial_is_visible() {
    // Each request of publishing in turn is the one that the store does not survive.
    for dies_at in 0..12 {
        let (objects, faults) = Faulty::new(None, false);
        let store = Store::over(Arc::new(objects), &hasty()).unwrap();
        let bytes = vec![3; PART_LEN + 5];
        let mut file = file(&bytes);
        let record = record(&mut file);
        let watch = {
            let (faults, store) = (Arc::clone(&faults), store.clone());
            std::thread::spawn(move || {
                while faults.requests.load(Ordering::Relaxed) < dies_at {
                    std::thread::yield_now();
                }
                faults.set(Some(Fault::Deny));
                drop(store);
            })
        };
        let end = store.publish(&tenant("a"), &key(), &record, &mut file);
        faults.requests.fetch_add(100, Ordering::Relaxed);
        watch.join().unwrap();
        faults.set(None);
        match store.find(&tenant("a"), &key()).unwrap() {
            Some(found) => assert!(bytes_of(&store, "a", &found.object).unwrap() == bytes),
            None => assert!(end.is_err()),
        }
    }
}
