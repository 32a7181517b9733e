//! What is found wrong before the daemon starts, and what is only said.

use std::{fs, os::unix::fs::PermissionsExt};

use store::Kind;

use super::*;
use crate::config::Listeners;
use crate::trust::samples::{NORD, SUD, Scene, row};

fn found(settings: &Settings) -> String {
    format!("{:?}", check(settings, Timestamp::now(), true).unwrap_err())
}

fn alarms_of(scene: &Scene) -> Vec<String> {
    let now = Timestamp::now();
    let relay = relay_certificate(&scene.settings, now).unwrap();
    alarms(&scene.settings, scene.settings.trust.as_ref().unwrap(), &relay, now).unwrap()
}

#[test]
fn good_files_raise_nothing_and_none_is_written() {
    let scene = Scene::new();
    let before = fs::read_dir(scene.dir.path()).unwrap().count();
    check(&scene.settings, Timestamp::now(), true).unwrap();
    assert_eq!(alarms_of(&scene), Vec::<String>::new());
    assert_eq!(fs::read_dir(scene.dir.path()).unwrap().count(), before, "the state is the daemon's to write");
}

#[test]
fn an_own_domain_that_is_not_listed_is_a_warning() {
    let scene = Scene::new();
    scene.pki.publish(&[row(SUD)], Timestamp::now()).unwrap();
    let alarms = alarms_of(&scene);
    assert!(
        alarms.iter().any(|alarm| alarm.contains(&format!("not listed for our domain {NORD}"))),
        "{alarms:?}"
    );
    check(&scene.settings, Timestamp::now(), true).unwrap();
}

#[test]
fn a_list_that_would_be_refused_is_a_warning() {
    let scene = Scene::new();
    let text = fs::read_to_string(scene.pki.list()).unwrap();
    fs::write(scene.pki.list(), text.replace(NORD, SUD)).unwrap();
    assert!(!alarms_of(&scene).is_empty());
}

#[test]
fn authorities_that_cannot_be_read_are_an_error() {
    let mut scene = Scene::new();
    scene.settings.trust.as_mut().unwrap().authorities = scene.dir.path().join("absent.pem");
    let text = found(&scene.settings);
    assert!(text.contains("[trust]:") && text.contains("absent.pem"), "{text}");
}

#[test]
fn a_relay_certificate_that_is_no_clients_is_an_error_only_where_there_are_other_operators() {
    let mut scene = Scene::new();
    let now = Timestamp::now();
    let subject =
        demo_pki::Name::server("mail.chu-nord.fr", "1590000014", "CENTRE HOSPITALIER NORD", "Nord (59)");
    let server = demo_pki::Leaf {
        usage: demo_pki::Usage::Server,
        ..demo_pki::Leaf::server(subject, &["mail.chu-nord.fr"], now)
    };
    let issued = scene.pki.hierarchy().organisations.issue(&server).unwrap();
    let file = |name: &str| scene.dir.path().join(name);
    fs::write(file("server.pem"), issued.chain_pem()).unwrap();
    fs::write(file("server.key"), issued.key_pem().unwrap()).unwrap();
    fs::set_permissions(file("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
    scene.settings.relay.certificate = file("server.pem");
    scene.settings.relay.key = file("server.key");
    let text = found(&scene.settings);
    assert!(text.contains("[relay]:") && text.contains("server.pem"), "{text}");
    scene.settings.trust = None;
    check(&scene.settings, now, true).unwrap();
}

#[test]
fn a_certificate_past_its_dates_is_an_error() {
    let scene = Scene::new();
    let text = format!("{:?}", check(&scene.settings, Timestamp::MAX, true).unwrap_err());
    assert!(text.contains("[tls]:"), "{text}");
}

#[test]
fn clear_text_is_let_through_for_a_demonstration_store_alone() {
    let mut scene = Scene::new();
    let address: std::net::SocketAddr = "127.0.0.1:1431".parse().unwrap();
    scene.settings.listeners = Listeners {
        submission: Vec::new(),
        submission_tls: Vec::new(),
        imap: Vec::new(),
        imap_tls: Vec::new(),
        imap_plain: vec![address],
        relay: Vec::new(),
        metrics: Vec::new(),
        proxy_from: Vec::new(),
    };
    for (kind, allowed) in [(None, false), (Some(Kind::Production), false), (Some(Kind::Demonstration), true)]
    {
        let mut settings = scene.settings.clone();
        settings.store.directory = scene.dir.path().join(format!("{kind:?}"));
        if let Some(kind) = kind {
            let clock: Arc<dyn store::Clock> = Arc::new(SystemClock);
            let quiet = Settings {
                listeners: Listeners { imap_plain: Vec::new(), ..settings.listeners.clone() },
                ..settings.clone()
            };
            opening::open_store(&quiet, &clock, Some(kind)).unwrap().close().unwrap();
        }
        let checked = check(&settings, Timestamp::now(), true).map_err(|error| format!("{error:?}"));
        assert_eq!(checked.is_ok(), allowed, "{kind:?}: {checked:?}");
        assert!(checked.err().is_none_or(|text| text.contains("[listeners] imap_plain")), "{kind:?}");
    }
}

#[test]
fn a_name_of_a_certificate_stands_for_one_host_or_one_label_of_hosts() {
    let bears = |name| bears(name, "mail.chu-nord.fr");
    assert!(bears("mail.chu-nord.fr") && bears("MAIL.CHU-NORD.FR") && bears("*.chu-nord.fr"));
    assert!(!bears("chu-nord.fr") && !bears("*.fr") && !bears("*.mail.chu-nord.fr") && !bears("*"));
}
