//! TLS as seen from outside, by openssl: versions, suites, chains, certificates that are renewed, and that nothing buffered in clear
//! survives STARTTLS (M-5).

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use demo_pki::{Leaf, Name};
use jiff::Timestamp;

use crate::harness::{DOCTOR, Flaw, Imap, PASSWORD, Sink, Site, World, letter, run, succeed};

fn s_client(world: &World, port: u16, options: &[&str]) -> (String, bool) {
    let mut openssl = Command::new("openssl");
    openssl.args([
        "s_client",
        "-connect",
        &format!("localhost:{port}"),
        "-verify_return_error",
        "-verify_hostname",
        "localhost",
        "-CAfile",
    ]);
    openssl.arg(world.ca()).args(options).stdin(Stdio::null());
    run(&mut openssl)
}

#[test]
fn tls_1_2_and_1_3_with_forward_secrecy_and_nothing_older() {
    let world = World::start();
    let listeners: [(u16, &[&str]); 4] = [
        (world.imaps(), &[]),
        (world.submission_tls(), &[]),
        (world.imap(), &["-starttls", "imap"]),
        (world.submission(), &["-starttls", "smtp"]),
    ];
    for (port, starttls) in listeners {
        for (options, accepted) in [
            (&["-tls1_3"][..], true),
            (&["-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"][..], true),
            (&["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"][..], true),
            (&["-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305"][..], true),
            (&["-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384"][..], false),
            (&["-tls1_2", "-cipher", "AES256-GCM-SHA384"][..], false),
            (&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..], false),
        ] {
            let (said, _) = s_client(&world, port, &[starttls, options].concat());
            let established =
                said.contains("Verify return code: 0 (ok)") && !said.contains("Cipher is (NONE)");
            assert_eq!(established, accepted, "port {port} {starttls:?} {options:?}:\n{said}");
        }
    }
}

#[test]
fn imap_gives_no_login_in_clear() {
    let world = World::start();
    let tcp = TcpStream::connect(("127.0.0.1", world.imap())).unwrap();
    let mut lines = BufReader::new(tcp.try_clone().unwrap()).lines();
    let greeting = lines.next().unwrap().unwrap();
    assert!(
        greeting.contains("STARTTLS") && greeting.contains("LOGINDISABLED") && !greeting.contains("AUTH="),
        "{greeting}"
    );
    (&tcp).write_all(b"a LOGIN x y\r\n").unwrap();
    let refused = lines.next().unwrap().unwrap();
    assert!(
        refused.starts_with("a NO [PRIVACYREQUIRED]")
            || refused.starts_with("a BAD")
            || refused.starts_with("a NO"),
        "{refused}"
    );
}

#[test]
fn what_was_sent_in_clear_behind_starttls_is_never_a_command() {
    let world = World::start();
    for (port, hello, starttls) in [
        (world.submission(), "EHLO poste\r\n", "STARTTLS\r\nNOOP injected\r\n"),
        (world.imap(), "", "a STARTTLS\r\nb NOOP\r\n"),
    ] {
        let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        tcp.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        let mut reader = BufReader::new(tcp.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if !hello.is_empty() {
            (&tcp).write_all(hello.as_bytes()).unwrap();
            loop {
                line.clear();
                reader.read_line(&mut line).unwrap();
                if line.as_bytes()[3] == b' ' {
                    break;
                }
            }
        }
        (&tcp).write_all(starttls.as_bytes()).unwrap();
        let mut all = Vec::new();
        let _ = reader.read_until(0, &mut all);
        let said = String::from_utf8_lossy(&all).into_owned();
        assert!(
            !said.contains("b OK") && !said.contains("injected") && said.matches("250").count() == 0,
            "port {port}: {said}"
        );
    }
}

#[test]
fn imap_without_tls_is_served_on_loopback_and_refused_elsewhere() {
    let mut world = World::prepared();
    let port = world.imap_plain();
    let listen_on = |world: &World, address: &str| {
        world.configure(Site::Nord, "listeners", "imap_plain", &format!("[\"{address}:{port}\"]"));
        run(&mut world.command(&["check-config"]))
    };
    let (said, good) = listen_on(&world, "0.0.0.0");
    assert!(!good && said.contains("is not a loopback address, and passwords travel in clear"), "{said}");
    let (said, good) = listen_on(&world, "127.0.0.1");
    assert!(good, "{said}");
    world.serve();
    let mut imap = Imap::in_clear(port);
    imap.ok(&format!("LOGIN {DOCTOR} {PASSWORD}"));
    assert!(imap.text("SELECT INBOX").contains("* 0 EXISTS"));
    let (_, tagged) = imap.command("STARTTLS");
    assert!(tagged.starts_with("BAD"), "{tagged}");
}

/// The certificate that openssl is shown, as the base64 lines of its PEM.
fn shown(world: &World, port: u16, options: &[&str]) -> String {
    let (said, _) = s_client(world, port, options);
    let (_, pem) = said.split_once("-----BEGIN CERTIFICATE-----").unwrap_or_else(|| panic!("{said}"));
    pem.split_once("-----END").unwrap().0.split_whitespace().collect()
}

fn first_of(pem: &str) -> String {
    let (_, pem) = pem.split_once("-----BEGIN CERTIFICATE-----").unwrap();
    pem.split_once("-----END").unwrap().0.split_whitespace().collect()
}

#[test]
fn a_renewed_certificate_is_shown_without_a_restart_and_one_that_cannot_serve_is_not() {
    let mut world = World::prepared();
    let third = world.operator("tiers.mssante.fr", Flaw::None);
    let sink = Sink::start(Some(&third));
    world.routes(Site::Nord, &[("tiers.mssante.fr", sink.port())]);
    world.serve();
    let pki = world.pki();
    let (chain, key) = (pki.chain("nord"), pki.key("nord"));
    let before = first_of(&fs::read_to_string(&chain).unwrap());
    let everywhere = |world: &World| {
        let relay = shown(world, world.relay(Site::Nord), &["-starttls", "smtp"]);
        [shown(world, world.imaps(), &[]), shown(world, world.submission(), &["-starttls", "smtp"]), relay]
    };
    assert!(everywhere(&world).iter().all(|certificate| *certificate == before));

    let subject = Name::server("mail.chu-nord.fr", "1590000014", "CENTRE HOSPITALIER NORD", "Nord (59)");
    let leaf = Leaf::server(subject, &["mail.chu-nord.fr", "localhost", "127.0.0.1"], Timestamp::now());
    let renewed = pki.hierarchy().organisations.issue(&leaf).unwrap();
    fs::write(&key, renewed.key_pem().unwrap()).unwrap();
    fs::write(&chain, renewed.chain_pem()).unwrap();
    let told = world.refresh(Site::Nord);
    assert!(
        told.contains("are shown another certificate from now on") || everywhere(&world)[0] != before,
        "{told}"
    );
    let now = first_of(&renewed.chain_pem());
    assert!(everywhere(&world).iter().all(|certificate| *certificate == now), "{}", world.log());
    // to the servers of others as well
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let to = "docteur@tiers.mssante.fr";
    let message = letter(to, "renouvele@poste", "#med# renouvele", "Corps.");
    assert_eq!(smtp.submit(DOCTOR, &[to], message.as_bytes()).unwrap().0, 250);
    let there = sink.wait_for(1, Duration::from_secs(60));
    assert_eq!(there[0].shown[0].as_ref(), renewed.der());

    // a mistake on the disk is told, and shown to nobody
    fs::write(&chain, third.issued.chain_pem()).unwrap();
    let told = world.refresh(Site::Nord);
    assert!(told.contains("ALARM") && told.contains("name the files that belong together"), "{told}");
    assert!(everywhere(&world).iter().all(|certificate| *certificate == now));
    fs::write(&chain, renewed.chain_pem()).unwrap();
    assert!(!world.refresh(Site::Nord).contains("ALARM"));
}

#[test]
fn a_certificate_without_the_hosts_name_is_a_warning_beforehand() {
    let world = World::prepared();
    let warns =
        |world: &World| succeed(&mut world.command(&["check-config"])).contains("does not bear the name");
    assert!(!warns(&world));
    world.configure(Site::Nord, "operator", "hostname", "\"courrier.chu-nord.fr\"");
    assert!(warns(&world));
}
