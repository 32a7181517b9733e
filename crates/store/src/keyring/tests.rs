//! What the key file promises: kept across restarts, erased for good, whole after a kill, unreadable to others.

use std::{collections::HashSet, fs, os::unix::fs::PermissionsExt as _};

use proptest::prelude::*;

use super::*;
use crate::files::Written;

struct Place {
    dir: tempfile::TempDir,
    master: MasterKey,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&dir.path().join("master")).unwrap();
        Self { dir, master }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("keys")
    }

    fn create(&self) -> Keyring {
        Keyring::create(&self.path(), &self.master).unwrap()
    }

    fn open(&self) -> Keyring {
        Keyring::open(&self.path(), &self.master, STORE).unwrap()
    }

    fn opening_fails(&self) -> KeyringError {
        Keyring::open(&self.path(), &self.master, STORE).unwrap_err()
    }
}

impl Keyring {
    /// Makes the file one that names no store, as the first version wrote it.
    pub(crate) fn write_old(&self) {
        files::replace(&self.path, &format::encode_old(&self.contents.load(), &self.master)).unwrap();
    }
}

const STORE: StoreId = StoreId([7; 16]);
const OTHER: StoreId = StoreId([8; 16]);

fn day(number: u32) -> Day {
    Day::from_number(number)
}

use KeyKind::{Message, Trace};

#[test]
fn keys_last_and_are_apart() {
    let place = Place::new();
    let keyring = place.create();
    let mut secrets = HashSet::new();
    for (kind, number) in [(Message, 1), (Message, 2), (Trace, 1), (Trace, 2)] {
        let key = keyring.ensure(kind, day(number)).unwrap();
        assert_eq!(keyring.ensure(kind, day(number)).unwrap().secret(), key.secret());
        assert_eq!(place.open().day_key(kind, day(number)).unwrap().secret(), key.secret());
        secrets.insert(*key.secret());
    }
    assert_eq!(secrets.len(), 4);
    assert_eq!(place.open().days(Message), [day(1), day(2)]);
    assert!(matches!(keyring.day_key(Message, day(3)), Err(KeyringError::Unknown { .. })));
}

#[test]
fn an_erased_day_is_gone_and_never_reopened() {
    let place = Place::new();
    let keyring = place.create();
    keyring.ensure(Message, day(9)).unwrap();
    keyring.ensure(Message, day(10)).unwrap();
    keyring.ensure(Trace, day(10)).unwrap();
    keyring.erase(Message, day(10)).unwrap();
    for keyring in [keyring, place.open()] {
        for number in [10, 9, 8, 0] {
            assert!(matches!(keyring.day_key(Message, day(number)), Err(KeyringError::Erased { .. })));
            assert!(matches!(keyring.ensure(Message, day(number)), Err(KeyringError::Erased { .. })));
        }
        keyring.day_key(Trace, day(10)).unwrap();
        keyring.ensure(Message, day(11)).unwrap();
    }
    let keyring = place.open();
    keyring.erase(Message, day(9)).unwrap();
    assert!(
        matches!(keyring.ensure(Message, day(10)), Err(KeyringError::Erased { .. })),
        "the mark never goes back"
    );
}

#[test]
fn every_file_has_a_wrapping_key_of_its_own_and_its_predecessor_is_overwritten() {
    let place = Place::new();
    let keyring = place.create();
    keyring.ensure(Message, day(1)).unwrap();
    let before = fs::read(place.path()).unwrap();
    let witness = place.dir.path().join("witness");
    fs::hard_link(place.path(), &witness).unwrap();
    keyring.erase(Message, day(1)).unwrap();
    let after = fs::read(place.path()).unwrap();
    assert_ne!(before[8..88], after[8..88]);
    assert!(fs::read(&witness).unwrap().iter().all(|byte| *byte == 0));
}

#[test]
fn another_master_key_takes_over_by_a_new_wrap_alone() {
    let place = Place::new();
    let keyring = place.create();
    let key = *keyring.ensure(Message, day(1)).unwrap().secret();
    let new = MasterKey::create(&place.dir.path().join("new master")).unwrap();
    files::replace(&place.path(), &format::encode(&keyring.contents.load(), None, &[&new]).unwrap()).unwrap();
    assert!(matches!(place.opening_fails(), KeyringError::Master(_)));
    let keyring = Keyring::open(&place.path(), &new, STORE).unwrap();
    assert_eq!(keyring.day_key(Message, day(1)).unwrap().secret(), &key);
}

#[test]
fn two_master_keys_open_one_file_and_a_rewrite_leaves_the_one_at_hand() {
    let place = Place::new();
    let keyring = place.create();
    let key = *keyring.ensure(Message, day(1)).unwrap().secret();
    let new = MasterKey::create(&place.dir.path().join("new master")).unwrap();
    rewrap(&place.path(), STORE, &place.master, &[&place.master, &new]).unwrap();
    for master in [&place.master, &new] {
        let keyring = Keyring::open(&place.path(), master, STORE).unwrap();
        assert_eq!(keyring.day_key(Message, day(1)).unwrap().secret(), &key);
        assert!(opens_under(&place.path(), master).unwrap());
    }
    Keyring::open(&place.path(), &new, STORE).unwrap().ensure(Message, day(2)).unwrap();
    assert!(matches!(place.opening_fails(), KeyringError::Master(_)));
    assert!(!opens_under(&place.path(), &place.master).unwrap());
}

#[test]
fn a_bound_file_is_its_stores_alone_under_whatever_master_key() {
    let place = Place::new();
    let mut keyring = place.create();
    assert!(!keyring.is_bound() && !place.open().is_bound());
    keyring.bind(STORE).unwrap();
    keyring.ensure(Message, day(1)).unwrap();
    assert!(place.open().is_bound(), "a rewrite keeps the name");
    let other = MasterKey::create(&place.dir.path().join("other")).unwrap();
    for master in [&place.master, &other] {
        let refused = Keyring::open(&place.path(), master, OTHER).unwrap_err();
        assert!(matches!(refused, KeyringError::OtherStore { other: STORE, store: OTHER, .. }), "{refused}");
        assert!(refused.to_string().contains(&STORE.to_string()));
    }
}

#[test]
fn a_file_of_the_first_version_opens_and_is_bound_in_place() {
    let place = Place::new();
    let keyring = place.create();
    let key = *keyring.ensure(Trace, day(4)).unwrap().secret();
    keyring.erase(Message, day(2)).unwrap();
    let old = format::encode_old(&keyring.contents.load(), &place.master);
    files::replace(&place.path(), &old).unwrap();
    let mut keyring = place.open();
    assert!(!keyring.is_bound());
    keyring.bind(STORE).unwrap();
    let keyring = place.open();
    assert!(keyring.is_bound());
    assert_eq!(keyring.day_key(Trace, day(4)).unwrap().secret(), &key);
    assert_eq!(keyring.erased(Message), Some(day(2)));
    for at in 8..old.len() {
        let mut altered = old.clone();
        altered[at] ^= 1;
        assert!(format::decode(&altered, &place.master).is_err(), "byte {at}");
    }
}

#[test]
fn a_kill_at_any_step_of_a_rewrite_leaves_all_of_it_or_nothing() {
    for steps in 1..=4 {
        let place = Place::new();
        let keyring = place.create();
        keyring.ensure(Message, day(1)).unwrap();
        let mut contents = Contents::clone(&keyring.contents.load());
        contents.keys.clear();
        contents.erased.insert(Message, day(1));
        let bytes = format::encode(&contents, None, &[&place.master]).unwrap();
        let written = Written::new(&place.path(), &bytes).unwrap();
        if steps >= 2 {
            let kept = written.keep().unwrap();
            if steps >= 3 {
                let swapped = kept.swap().unwrap();
                if steps >= 4 {
                    let _settled = swapped.settle().unwrap();
                }
            }
        }
        drop(keyring);
        let keyring = place.open();
        assert_eq!(keyring.day_key(Message, day(1)).is_ok(), steps < 3, "after {steps} steps");
        keyring.erase(Message, day(1)).unwrap();
        assert!(matches!(place.open().day_key(Message, day(1)), Err(KeyringError::Erased { .. })));
        assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 2, "nothing is left beside it");
    }
}

#[test]
fn a_disk_that_refuses_changes_nothing() {
    let place = Place::new();
    let keyring = place.create();
    keyring.ensure(Message, day(1)).unwrap();
    // a directory where the new file should be written
    let obstacle = place.dir.path().join("keys.new");
    fs::create_dir(&obstacle).unwrap();
    assert!(matches!(keyring.ensure(Message, day(2)), Err(KeyringError::Io { .. })));
    assert!(matches!(keyring.erase(Message, day(1)), Err(KeyringError::Io { .. })));
    keyring.day_key(Message, day(1)).unwrap();
    assert!(matches!(keyring.day_key(Message, day(2)), Err(KeyringError::Unknown { .. })));
    fs::remove_dir(&obstacle).unwrap();
    keyring.ensure(Message, day(2)).unwrap();
    assert_eq!(place.open().days(Message), [day(1), day(2)]);
}

#[test]
fn each_thing_that_is_wrong_with_the_file_is_named() {
    let place = Place::new();
    assert!(matches!(place.opening_fails(), KeyringError::NotFound(_)));
    place.create().ensure(Trace, day(3)).unwrap();
    assert!(matches!(Keyring::create(&place.path(), &place.master), Err(KeyringError::Exists(_))));
    let good = fs::read(place.path()).unwrap();
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
        assert!(
            matches!(place.opening_fails(), KeyringError::Permissions { mode: found, .. } if found == mode)
        );
    }
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let mut newer = good.clone();
    newer[7] = 3;
    let too_long = [good.as_slice(), &vec![0; 1 << 20]].concat();
    type Expected = fn(&KeyringError) -> bool;
    let wrong: [(&[u8], Expected); 6] = [
        (b"", |error| matches!(error, KeyringError::Foreign(_))),
        (b"something else entirely", |error| matches!(error, KeyringError::Foreign(_))),
        (&newer, |error| matches!(error, KeyringError::Version { version: 3, .. })),
        (&good[..50], |error| matches!(error, KeyringError::Damaged(_))),
        (&good[..good.len() - 1], |error| matches!(error, KeyringError::Damaged(_))),
        (&too_long, |error| matches!(error, KeyringError::Damaged(_))),
    ];
    for (bytes, expected) in wrong {
        fs::write(place.path(), bytes).unwrap();
        let error = place.opening_fails();
        assert!(expected(&error), "{error}");
    }
    fs::write(place.path(), &good).unwrap();
    place.open().day_key(Trace, day(3)).unwrap();
}

#[test]
fn a_key_file_has_a_greatest_length() {
    let master = Place::new().master;
    let key = DayKey::generate().unwrap();
    let with = |days| Contents {
        keys: (0..days).map(|number| ((Message, day(number)), key.clone())).collect(),
        ..Contents::default()
    };
    let most = format::encode(&with(28_000), None, &[&master]).unwrap();
    assert_eq!(format::decode(&most, &master).unwrap().contents.keys.len(), 28_000);
    assert!(matches!(format::encode(&with(29_000), None, &[&master]), Err(KeyringError::Full)));
}

#[test]
fn many_threads_get_one_key_for_a_day() {
    let place = Place::new();
    let keyring = place.create();
    let secrets: HashSet<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| *keyring.ensure(Message, day(5)).unwrap().secret())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(secrets.len(), 1);
}

#[derive(Debug, Clone)]
enum Step {
    Ensure(KeyKind, u32),
    Erase(KeyKind, u32),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![Just(Message), Just(Trace)];
    prop_oneof![
        4 => (kind.clone(), 0_u32..6).prop_map(|(kind, day)| Step::Ensure(kind, day)),
        2 => (kind, 0_u32..6).prop_map(|(kind, day)| Step::Erase(kind, day)),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_keyring_follows_its_model(steps in proptest::collection::vec(step(), 1..24)) {
        let place = Place::new();
        let mut keyring = place.create();
        let mut keys: BTreeMap<(KeyKind, u32), [u8; 32]> = BTreeMap::new();
        let mut marks: BTreeMap<KeyKind, u32> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Ensure(kind, number) => {
                    let got = keyring.ensure(kind, day(number));
                    let closed = marks.get(&kind).is_some_and(|mark| number <= *mark);
                    match keys.get(&(kind, number)) {
                        Some(secret) => prop_assert_eq!(*got.unwrap().secret(), *secret),
                        None if closed => prop_assert!(got.is_err()),
                        None => { keys.insert((kind, number), *got.unwrap().secret()); }
                    }
                }
                Step::Erase(kind, number) => {
                    keyring.erase(kind, day(number)).unwrap();
                    keys.retain(|(of, known), _| *of != kind || *known > number);
                    let mark = marks.entry(kind).or_insert(number);
                    *mark = number.max(*mark);
                }
                Step::Reopen => keyring = place.open(),
            }
            for kind in [Message, Trace] {
                let days: Vec<_> = keys.keys().filter(|(of, _)| *of == kind).map(|(_, number)| day(*number)).collect();
                prop_assert_eq!(keyring.days(kind), days);
            }
        }
    }

    #[test]
    fn no_byte_of_the_file_can_change_unseen(at in any::<prop::sample::Index>(), flip in 1_u8.., cut in any::<bool>()) {
        let place = Place::new();
        let mut keyring = place.create();
        keyring.ensure(Message, day(1)).unwrap();
        keyring.bind(STORE).unwrap();
        let mut bytes = fs::read(place.path()).unwrap();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
        prop_assert!(format::decode(&bytes, &place.master).is_err());
    }
}
