//! Publishing and reading in a local folder.

use super::*;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::reason::Reason;
use crate::fleet::store::Published;
use crate::fleet::store::error::StoreError;
use crate::fleet::store::put::PART_LEN;
use crate::fleet::store::record::PastFailure;

const KEY: u8 = 7;

type Spoil = fn(&mut Vec<u8>);

/// Bytes of which each part is different.
fn pattern(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}

fn key() -> JobKey {
    JobKey::from([KEY; 32])
}

#[test]
fn what_is_published_is_found_and_read() {
    let (folder, store) = local();
    for (nth, len) in [0, 1, PART_LEN - 1, PART_LEN, PART_LEN + 1, 2 * PART_LEN].into_iter().enumerate() {
        let bytes = pattern(len);
        let key = JobKey::from([u8::try_from(nth).unwrap(); 32]);
        let object = publish(&store, "a", u8::try_from(nth).unwrap(), &bytes);
        assert_eq!(object.len, len as u64);
        assert_eq!(store.find(&tenant("a"), &key).unwrap().unwrap().object, object);
        assert!(bytes_of(&store, "a", &object).unwrap() == bytes);
        let copy = folder.path().join("copy");
        assert_eq!(store.fetch(&tenant("a"), &object.sha256, &copy).unwrap(), len as u64);
        assert!(std::fs::read(&copy).unwrap() == bytes);
        std::fs::remove_file(copy).unwrap();
    }
    assert_eq!(store.list(&tenant("a")).unwrap().len(), 6);
    assert!(files(&folder).iter().all(|path| !path.to_str().unwrap().contains('#')));
}

#[test]
fn the_first_publisher_wins() {
    let (_folder, store) = local();
    let (mut ours, mut theirs) = (file(b"ours"), file(b"theirs"));
    let (first, other) = (record(&mut ours), record(&mut theirs));
    assert_eq!(store.publish(&tenant("a"), &key(), &first, &mut ours).unwrap(), Published::New);
    let again = store.publish(&tenant("a"), &key(), &first, &mut ours).unwrap();
    assert_eq!(again, Published::AlreadyThere { record: first.clone(), identical: true });
    let again = store.publish(&tenant("a"), &key(), &other, &mut theirs).unwrap();
    assert_eq!(again, Published::AlreadyThere { record: first.clone(), identical: false });
    assert_eq!(store.find(&tenant("a"), &key()).unwrap(), Some(first));
}

#[test]
fn of_many_at_once_exactly_one_wins() {
    let (folder, _) = local();
    for round in 0..20u8 {
        let key = JobKey::from([round; 32]);
        let publishers: Vec<_> = (0..8u8)
            .map(|nth| {
                let address = folder.path().to_str().unwrap().to_owned();
                std::thread::spawn(move || {
                    let store = Store::open(&address, &StoreOptions::default()).unwrap();
                    // Half of them make other bytes.
                    let mut file = file(&[nth % 2; 100]);
                    let record = record(&mut file);
                    (store.publish(&tenant("a"), &key, &record, &mut file).unwrap(), record)
                })
            })
            .collect();
        let ends: Vec<_> = publishers.into_iter().map(|publisher| publisher.join().unwrap()).collect();
        let winners: Vec<_> = ends.iter().filter(|(end, _)| *end == Published::New).collect();
        assert_eq!(winners.len(), 1, "{ends:?}");
        for (end, own) in &ends {
            if let Published::AlreadyThere { record, identical } = end {
                assert_eq!(record.object, winners[0].1.object);
                assert_eq!(*identical, own.object == record.object);
            }
        }
    }
}

#[test]
fn tenants_do_not_see_each_other() {
    let (folder, store) = local();
    let object = publish(&store, "a", KEY, b"secret");
    assert_eq!(store.find(&tenant("b"), &key()).unwrap(), None);
    assert_eq!(store.list(&tenant("b")).unwrap(), []);
    let refused = store.read(&tenant("b"), &object.sha256).unwrap_err();
    assert_eq!(refused.reason(), Reason::StoreMissing);
    // The same bytes are kept twice.
    publish(&store, "b", KEY, b"secret");
    let copies = files(&folder).iter().filter(|path| path.parent().unwrap().ends_with("objects")).count();
    assert_eq!(copies, 2);
}

#[test]
fn a_file_that_is_not_what_the_record_says_is_refused() {
    let (folder, store) = local();
    for (claimed, real) in [(4, 5), (PART_LEN + 1, PART_LEN + 2)] {
        let claimed = record(&mut file(&vec![1; claimed]));
        let refused = store.publish(&tenant("a"), &key(), &claimed, &mut file(&vec![1; real])).unwrap_err();
        assert_eq!(refused.reason(), Reason::InputChanged, "{refused}");
        assert_eq!(store.find(&tenant("a"), &key()).unwrap(), None);
        assert_eq!(files(&folder), Vec::<PathBuf>::new());
    }
}

#[test]
fn damage_is_never_delivered_whole() {
    let (folder, store) = local();
    let bytes = pattern(PART_LEN + 100);
    let object = publish(&store, "a", KEY, &bytes);
    let path = folder.path().join("a/objects").join(object.sha256.to_string());
    let spoil: [(&str, Spoil); 4] = [
        ("first", |bytes| bytes[0] ^= 1),
        ("last", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("short", |bytes| bytes.truncate(PART_LEN)),
        ("long", |bytes| bytes.push(0)),
    ];
    for (what, spoil) in spoil {
        let mut damaged = bytes.clone();
        spoil(&mut damaged);
        std::fs::write(&path, damaged).unwrap();
        let mut delivered = Vec::new();
        let mut reader = store.read(&tenant("a"), &object.sha256).unwrap();
        let error = reader.read_to_end(&mut delivered).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{what}");
        let error = error.downcast::<StoreError>().unwrap();
        assert_eq!(error.reason(), Reason::StoreDamaged);
        assert!(delivered.len() <= PART_LEN, "{what}");
        assert_eq!(reader.read_to_end(&mut delivered).unwrap(), 0, "{what}");
        let copy = folder.path().join("copy");
        let refused = store.fetch(&tenant("a"), &object.sha256, &copy).unwrap_err();
        assert_eq!(refused.reason(), Reason::StoreDamaged, "{what}");
        assert!(!copy.exists());
    }
    std::fs::write(&path, b"").unwrap();
    let refused = store.read(&tenant("a"), &object.sha256).unwrap_err();
    assert_eq!(refused.reason(), Reason::StoreDamaged);
}

#[test]
fn a_record_is_only_believed_in_its_place() {
    let (folder, store) = local();
    publish(&store, "a", KEY, b"delta");
    let path = folder.path().join("a/keys").join(format!("{}.json", key()));
    let good = std::fs::read_to_string(&path).unwrap();
    let other = JobKey::from([8; 32]);
    std::fs::copy(&path, folder.path().join("a/keys").join(format!("{other}.json"))).unwrap();
    assert_eq!(store.find(&tenant("a"), &other).unwrap_err().reason(), Reason::StoreDamaged);
    for (from, to) in
        [("\"v\":1", "\"v\":2"), ("\"v\":1", "\"w\":1"), ("{", "{{"), ("\"len\":5", "\"len\":-5")]
    {
        std::fs::write(&path, good.replacen(from, to, 1)).unwrap();
        assert_eq!(store.find(&tenant("a"), &key()).unwrap_err().reason(), Reason::StoreDamaged, "{to}");
    }
    std::fs::write(&path, "x".repeat(1 << 20)).unwrap();
    assert_eq!(store.find(&tenant("a"), &key()).unwrap_err().reason(), Reason::StoreDamaged);
    assert_eq!(store.list(&tenant("a")).unwrap(), []);
    // Publishing puts a good one there.
    let mut again = file(b"delta");
    let record = record(&mut again);
    assert_eq!(store.publish(&tenant("a"), &key(), &record, &mut again).unwrap(), Published::New);
    assert_eq!(store.find(&tenant("a"), &key()).unwrap(), Some(record));
}

#[test]
fn an_object_that_is_gone_is_published_again() {
    let (folder, store) = local();
    let object = publish(&store, "a", KEY, b"delta");
    std::fs::remove_file(folder.path().join("a/objects").join(object.sha256.to_string())).unwrap();
    assert_eq!(store.find(&tenant("a"), &key()).unwrap(), None);
    let mut again = file(b"delta");
    let record = record(&mut again);
    let end = store.publish(&tenant("a"), &key(), &record, &mut again).unwrap();
    assert_eq!(end, Published::AlreadyThere { record, identical: true });
    assert_eq!(bytes_of(&store, "a", &object).unwrap(), b"delta");
}

#[test]
fn failures_are_remembered_until_they_expire() {
    let (_folder, store) = local();
    let failure =
        PastFailure { code: "no_gain".into(), text: "saves\n nothing".into(), failed: 100, expires: 200 };
    store.remember_failure(&tenant("a"), &key(), &failure).unwrap();
    let told = PastFailure { text: "saves nothing".into(), ..failure.clone() };
    assert_eq!(store.failure(&tenant("a"), &key(), 199).unwrap(), Some(told));
    assert_eq!(store.failure(&tenant("a"), &key(), 200).unwrap(), None);
    assert_eq!(store.failure(&tenant("b"), &key(), 100).unwrap(), None);
    // A clock that was put back a little, and decades.
    assert!(store.failure(&tenant("a"), &key(), 50).unwrap().is_some());
    assert_eq!(store.failure(&tenant("a"), &key(), -1_000_000_000).unwrap(), None);
    let long = PastFailure { text: "ä".repeat(1 << 20), ..failure };
    store.remember_failure(&tenant("a"), &key(), &long).unwrap();
    assert!(store.failure(&tenant("a"), &key(), 0).unwrap().unwrap().text.len() <= 4096);
    publish(&store, "a", KEY, b"delta");
    assert_eq!(store.failure(&tenant("a"), &key(), 0).unwrap(), None);
}

#[test]
fn what_is_not_there_is_missing() {
    let (folder, store) = local();
    let nothing = Sha256Sum([9; 32]);
    assert_eq!(store.read(&tenant("a"), &nothing).unwrap_err().reason(), Reason::StoreMissing);
    assert_eq!(store.find(&tenant("a"), &key()).unwrap(), None);
    assert_eq!(store.failure(&tenant("a"), &key(), 0).unwrap(), None);
    assert_eq!(store.list(&tenant("a")).unwrap(), []);
    // Elsewhere than below the folder nothing is made.
    assert_eq!(files(&folder), Vec::<PathBuf>::new());
}

#[cfg(unix)]
#[test]
fn a_new_folder_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    Store::open(&format!("file://{}", path.display()), &StoreOptions::default()).unwrap();
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn it_works_inside_of_another_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (_folder, store) = local();
        publish(&store, "a", KEY, b"delta");
        assert!(store.find(&tenant("a"), &key()).unwrap().is_some());
    });
}
