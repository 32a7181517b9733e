//! The warden with a real trust space: a list that changes, alarms told once, our own rows, and the offline check.

use std::{fs, path::Path};

use mssante::{Domain, dn::DistinguishedName};
use store::{Clock, SystemClock};

use super::{
    samples::{NORD, SUD, Scene, row},
    *,
};

#[test]
fn what_the_configuration_says_reaches_the_space() {
    let scene = Scene::new();
    let trust = scene.settings.trust.as_ref().unwrap();
    let space = space_settings(trust);
    assert_eq!(space.signers, [DistinguishedName::parse(&scene.pki.signer().subject.to_string()).unwrap()]);
    assert_eq!(space.authorities.as_deref(), Some(scene.dir.path().join("pki/authorities.pem").as_path()));
    assert_eq!(space.stop_after, SignedDuration::from_hours(15 * 24));
    assert_eq!(
        space.signer_policies,
        TrustSettings::new(Path::new(""), Path::new(""), Path::new(""), Path::new("")).signer_policies
    );
}

#[test]
fn a_refresh_puts_a_new_list_in_force_and_says_whether_we_are_in_it() {
    let scene = Scene::new();
    let warden = scene.warden();
    let now = SystemClock.now();
    assert_eq!(warden.status(now).alarms, Vec::<String>::new());
    scene.pki.publish(&[row(SUD)], now).unwrap();
    let refreshed = warden.refresh();
    assert!(refreshed.changed);
    let [alarm] = &refreshed.alarms[..] else { panic!("{:?}", refreshed.alarms) };
    assert!(
        alarm.contains("not listed for our domain chu-nord.mssante.fr") && alarm.contains("M-12"),
        "{alarm}"
    );
    assert!(warden.space().show(&Domain::parse(NORD).unwrap()).rows.is_empty());
    scene.pki.publish(&[row(SUD), row(NORD)], now).unwrap();
    assert_eq!(warden.refresh().alarms, Vec::<String>::new());
}

#[test]
fn a_list_that_cannot_be_used_changes_nothing_and_is_an_alarm() {
    let scene = Scene::new();
    let warden = scene.warden();
    fs::write(scene.pki.list(), "<not a list/>").unwrap();
    let refreshed = warden.refresh();
    assert!(!refreshed.changed && !refreshed.alarms.is_empty(), "{refreshed:?}");
    assert_eq!(warden.space().show(&Domain::parse(NORD).unwrap()).rows.len(), 1);
}

#[test]
fn without_a_section_nobody_is_trusted_and_nothing_is_an_alarm() {
    let mut scene = Scene::new();
    scene.settings.trust = None;
    let status = scene.warden().status(SystemClock.now());
    assert!(!status.configured && status.alarms.is_empty());
}

#[test]
fn authorities_that_cannot_be_read_keep_the_daemon_from_starting() {
    let mut scene = Scene::new();
    scene.settings.trust.as_mut().unwrap().roots = scene.dir.path().join("absent.pem");
    let failure = open(&scene.settings, SystemClock.now()).err().unwrap();
    assert!(format!("{failure:?}").contains("[trust]:") && format!("{failure:?}").contains("absent.pem"));
}

#[test]
fn a_list_is_checked_without_a_daemon() {
    let scene = Scene::new();
    let now = SystemClock.now();
    assert!(check(&scene.settings, &scene.pki.list(), now, true).is_ok());
    let text = fs::read_to_string(scene.pki.list()).unwrap();
    let altered = scene.dir.path().join("altered.xml");
    fs::write(&altered, text.replace(NORD, SUD)).unwrap();
    let failure = check(&scene.settings, &altered, now, true).unwrap_err();
    assert!(format!("{failure:?}").contains("altered.xml would be refused: digest"), "{failure:?}");
    let truncated = scene.dir.path().join("truncated.xml");
    fs::write(&truncated, &text[..text.len() / 2]).unwrap();
    assert!(check(&scene.settings, &truncated, now, false).is_err());
    let absent = check(&scene.settings, Path::new("/does/not/exist.xml"), now, false).unwrap_err();
    assert!(format!("{absent:?}").contains("/does/not/exist.xml"), "{absent:?}");
    let nobody = Settings { trust: None, ..scene.settings.clone() };
    assert!(check(&nobody, &scene.pki.list(), now, false).is_err());
}
