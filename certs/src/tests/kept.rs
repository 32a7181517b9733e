//! What a second run keeps, what it makes anew, and what it never forgets.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _};

use super::{served::judged, *};

fn files(world: &World) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for dir in [world.ca().parent().unwrap().to_owned(), world.crls()] {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                files.insert(entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
            }
        }
    }
    files
}

/// The files that differ after another run at `at`.
fn changed(dir: &tempfile::TempDir, operator: &Operator, at: Timestamp) -> Vec<String> {
    let dir = dir.path().join("pki");
    let before = files(&World::open(&dir, now()).unwrap());
    let after = files(&World::create(&dir, std::slice::from_ref(operator), &rows(operator), at).unwrap());
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    after.into_iter().filter(|(name, bytes)| before[name] != *bytes).map(|(name, _)| name).collect()
}

#[test]
fn keys_are_private_and_nothing_else_lies_about() {
    let (_dir, world) = made(&["localhost"]);
    let names: Vec<String> = files(&world).into_keys().collect();
    let expected = [
        "authorities.pem",
        "ca.pem",
        "listeblanche.xml",
        "nord.key",
        "nord.pem",
        "organisations.crl",
        "organisations.key",
        "organisations.pem",
        "personnes.crl",
        "personnes.key",
        "personnes.pem",
        "root.crl",
        "root.key",
        "signataire.key",
        "signataire.pem",
    ];
    assert_eq!(names, expected);
    for name in names.iter().filter(|name| name.ends_with(".key")) {
        let mode = fs::metadata(world.ca().with_file_name(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_second_run_keeps_everything_and_a_day_later_makes_the_lists_anew() {
    let (dir, _) = made(&["localhost", "mail.chu-nord.mssante.fr"]);
    let operator = nord(&["localhost"]);
    assert!(changed(&dir, &operator, now()).is_empty());
    assert!(changed(&dir, &operator, now() + SignedDuration::from_hours(23)).is_empty());
    let lists = ["listeblanche.xml", "organisations.crl", "personnes.crl", "root.crl"];
    assert_eq!(changed(&dir, &operator, now() + SignedDuration::from_hours(24)), lists);
}

#[test]
fn a_certificate_that_ends_soon_or_lacks_a_name_is_made_anew_by_the_same_authority() {
    let (dir, world) = made(&["localhost"]);
    let operator = nord(&["localhost", "mail.example.fr"]);
    assert_eq!(changed(&dir, &operator, now()), ["nord.key", "nord.pem"]);
    judged(&world, "mail.example.fr", now()).unwrap();
    let late = changed(&dir, &operator, days_later(380));
    assert!(
        late.contains(&"nord.pem".to_owned()) && !late.contains(&"organisations.pem".to_owned()),
        "{late:?}"
    );
    judged(&world, "localhost", days_later(700)).unwrap();
    let renamed = Operator {
        subject: Name::server("mail.chu-nord.fr", "1990000002", "AUTRE", "Nord (59)"),
        ..operator
    };
    let late = changed(&dir, &renamed, days_later(380));
    assert_eq!(late, ["listeblanche.xml", "nord.key", "nord.pem"], "the row names it");
}

#[test]
fn what_does_not_belong_together_is_made_anew() {
    let (dir, world) = made(&["localhost"]);
    let (_other_dir, other) = made(&["localhost"]);
    let operator = nord(&["localhost"]);
    let create = || {
        World::create(&dir.path().join("pki"), std::slice::from_ref(&operator), &rows(&operator), now())
            .unwrap()
    };
    fs::copy(other.key("nord"), world.key("nord")).unwrap();
    create();
    judged(&world, "localhost", now()).unwrap();
    for id in ["organisations", "root"] {
        fs::write(world.key(id), "not a key").unwrap();
        create();
        judged(&world, "localhost", now()).unwrap();
        assert_eq!(World::open(&dir.path().join("pki"), now()).unwrap().rows().unwrap(), rows(&operator));
    }
}

#[test]
fn who_was_revoked_stays_so() {
    let (dir, world) = made(&["localhost"]);
    let serial = world.serial("nord").unwrap();
    let other = Serial::new(&[1, 2, 3]);
    world.revoke(Tier::Organisations, &serial, now()).unwrap();
    world.revoke(Tier::Organisations, &other, now()).unwrap();
    world.revoke(Tier::Organisations, &other, now()).unwrap();
    let read = |world: &World| {
        let der = fs::read(world.crls().join("organisations.crl")).unwrap();
        kept_crl(&der, world)
    };
    let crl = read(&world);
    assert_eq!((crl.number, crl.revoked), (4, vec![serial.clone(), other.clone()]));
    let again = World::create(&dir.path().join("pki"), &[nord(&["localhost"])], &[], days_later(2)).unwrap();
    let later = read(&again);
    assert_eq!((later.number, later.revoked), (5, vec![serial, other]));
    assert!(later.this_update > crl.this_update && later.next_update > days_later(8));
}

fn kept_crl(der: &[u8], world: &World) -> crate::kept::KeptCrl {
    crate::kept::KeptCrl::read(der, &world.hierarchy().organisations).unwrap()
}

#[test]
fn a_world_that_is_not_there_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(World::open(dir.path(), now()), Err(DemoPkiError::NoWorld(_))));
}
