//! The key file from outside: shown without keys, copied to safety and nowhere else, refused by name when it is not this
//! store's or not this store's newest.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use store::{Day, KeyringError, MasterKey, OpenError, Store, backup_keys, rotate_master, show_keys};

use crate::common::{World, deliver, hours, inbox, read_body};

fn master(world: &World) -> MasterKey {
    MasterKey::load(&world.dir.path().join("master")).unwrap()
}

fn today(world: &World) -> Day {
    Day::of(world.clock_now())
}

fn refusal(world: &World) -> String {
    match Store::open(world.options()) {
        Ok(_) => panic!("the store opened"),
        Err(OpenError::Keys(text)) => text,
        Err(error) => panic!("{error}"),
    }
}

fn replace(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn what_has_a_key_is_shown_while_the_store_is_open() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    world.run(deliver(&store, world.clock_now(), 1, b"one\r\n", &[account]));
    let first = today(&world);
    world.clock.advance(hours(24));
    world.run(deliver(&store, world.clock_now(), 2, b"two\r\n", &[account]));
    let view = show_keys(&world.store_dir(), &master(&world)).unwrap();
    assert_eq!(view.messages, [first, today(&world)]);
    assert_eq!(view.traces, [first]);
    assert_eq!((view.messages_erased, view.traces_erased, view.masters), (None, None, 1));
    assert!(view.store.is_some(), "a new store's key file is bound at once");
    world.close(store);
    assert_eq!(show_keys(&world.store_dir(), &master(&world)).unwrap(), view);
    let other = MasterKey::create(&world.dir.path().join("other")).unwrap();
    assert!(matches!(show_keys(&world.store_dir(), &other), Err(KeyringError::Master(_))));
}

#[test]
fn a_copy_replaces_its_predecessor_for_good_and_brings_the_store_back() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    world.run(deliver(&store, world.clock_now(), 1, b"kept\r\n", &[account]));
    let (keys, safe) = (world.store_dir().join("keys"), tempfile::tempdir().unwrap());
    let copy = safe.path().join("keys.copy");
    for day in 0..3 {
        let before = fs::read(&copy).ok();
        let view = backup_keys(&world.store_dir(), &master(&world), &copy).unwrap();
        assert_eq!(view.messages.len(), day + 1);
        assert_eq!(fs::read(&copy).unwrap(), fs::read(&keys).unwrap());
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(safe.path()).unwrap().count(), 1, "nothing is left beside it");
        assert_ne!(before, fs::read(&copy).ok());
        world.clock.advance(hours(24));
        world.run(deliver(&store, world.clock_now(), 2, b"more\r\n", &[account]));
    }
    backup_keys(&world.store_dir(), &master(&world), &copy).unwrap();
    world.close(store);
    fs::remove_file(&keys).unwrap();
    let text = refusal(&world);
    assert!(text.contains("there is no key file") && text.contains("keys backup"), "{text}");
    replace(&copy, &keys);
    let store = world.open();
    assert_eq!(read_body(&store, inbox(&store, account).id, store::Uid::MIN), b"kept\r\n");
    world.close(store);
}

#[test]
fn a_copy_goes_to_no_place_from_which_it_would_travel_with_the_store() {
    let world = World::new();
    world.close(world.open());
    let dir = world.dir.path();
    let make = |name: &str| fs::create_dir_all(dir.join(name)).unwrap();
    make("backup/meta");
    make("backup/private/1");
    make("second/log");
    fs::write(dir.join("second/follow"), "vaguemestre follow 1\n").unwrap();
    make("elsewhere");
    fs::write(dir.join("elsewhere/note"), "precious").unwrap();
    std::os::unix::fs::symlink(world.store_dir().join("keys"), dir.join("elsewhere/link")).unwrap();
    fs::hard_link(world.store_dir().join("keys"), dir.join("elsewhere/twin")).unwrap();
    std::os::unix::fs::symlink(world.store_dir(), dir.join("elsewhere/way")).unwrap();
    let other = World::new();
    other.close(other.open());
    replace(&other.store_dir().join("keys"), &dir.join("elsewhere/other"));
    let keys = fs::read(world.store_dir().join("keys")).unwrap();
    for place in [
        "store/copy",
        "store/keys",
        "store/engine/copy",
        "elsewhere/way/copy",
        "backup/copy",
        "backup/private/1/copy",
        "second/log/copy",
        "elsewhere/note",
        "elsewhere/link",
        "elsewhere/twin",
        "elsewhere/other",
    ] {
        let refused = backup_keys(&world.store_dir(), &master(&world), &dir.join(place)).unwrap_err();
        assert!(matches!(refused, KeyringError::Place { .. }), "{place}: {refused}");
    }
    let refused = backup_keys(&world.store_dir(), &master(&world), &dir.join("nowhere/copy")).unwrap_err();
    assert!(matches!(refused, KeyringError::Io { .. }), "{refused}");
    assert_eq!(fs::read(dir.join("elsewhere/note")).unwrap(), b"precious");
    assert_eq!(fs::read(world.store_dir().join("keys")).unwrap(), keys);
    world.close(world.open());
}

#[test]
fn copies_made_while_days_come_are_whole() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let copy = world.dir.path().join("copy");
    std::thread::scope(|scope| {
        let copies = scope.spawn(|| {
            (0..60).filter(|_| backup_keys(&world.store_dir(), &master(&world), &copy).is_ok()).count()
        });
        for number in 0..40 {
            world.clock.advance(hours(24));
            world.run(deliver(&store, world.clock_now(), number, b"day\r\n", &[account]));
        }
        assert_eq!(copies.join().unwrap(), 60);
    });
    world.close(store);
}

#[test]
fn a_key_file_of_another_store_is_refused_by_name() {
    let (one, two) = (World::new(), World::new());
    for world in [&one, &two] {
        let store = world.open();
        let account = world.account(&store, "un").id;
        world.run(deliver(&store, world.clock_now(), 1, b"kept\r\n", &[account]));
        world.close(store);
    }
    let own = fs::read(two.store_dir().join("keys")).unwrap();
    let names =
        [&one, &two].map(|world| show_keys(&world.store_dir(), &master(world)).unwrap().store.unwrap());
    replace(&one.store_dir().join("keys"), &two.store_dir().join("keys"));
    let text = refusal(&two);
    assert!(names.iter().all(|name| text.contains(&name.to_string())), "{text}");
    assert!(text.contains("this store's own key file"), "{text}");
    // as well when both stores have the same master key
    rotate_master(&one.store_dir(), &master(&one), &master(&two)).unwrap();
    replace(&one.store_dir().join("keys"), &two.store_dir().join("keys"));
    assert!(refusal(&two).contains(&names[0].to_string()));
    fs::write(two.store_dir().join("keys"), own).unwrap();
    two.close(two.open());
}

#[test]
fn a_key_file_older_than_the_store_is_refused_with_the_days_it_lacks() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    world.run(deliver(&store, world.clock_now(), 1, b"kept\r\n", &[account]));
    let copy = world.dir.path().join("copy");
    backup_keys(&world.store_dir(), &master(&world), &copy).unwrap();
    world.clock.advance(hours(24));
    let lost = today(&world);
    world.run(deliver(&store, world.clock_now(), 2, b"later\r\n", &[account]));
    world.close(store);
    let keys = world.store_dir().join("keys");
    let newest = fs::read(&keys).unwrap();
    replace(&copy, &keys);
    let text = refusal(&world);
    assert!(text.contains("older than its store") && text.contains(&lost.to_string()), "{text}");
    assert!(text.contains("newest copy"), "it says what to do: {text}");
    fs::write(&keys, newest).unwrap();
    world.close(world.open());
}
