//! A hospital's own server hands over its users' mail (S-3.10): Debian's Postfix by its certificate, by a password and over LMTP on a
//! Unix socket; and a plain client for what a good server would never do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use crate::harness::postfix::Postfix;
use crate::harness::{DEPARTMENT, DOCTOR, Flaw, INTERN, Peer, SECRETARY, Site, Smtp, World, run, succeed};

const PATIENCE: Duration = Duration::from_secs(120);
/// The structure of nord's demonstration accounts.
pub const WHO: &str = "name = \"chu\"\nstructure = \"finess 590000014\"\ndomains = [\"chu-nord.fr\"]\n";
pub const INTERN_LOGIN: &str = "interne.deux@chu-nord.fr";
const DOCTOR_LOGIN: &str = "medecin.un@chu-nord.fr";
pub const HOSPITAL: &str = "hopital.chu-nord.fr";

/// The pin of a certificate, as an engineer would take it.
pub fn pin(peer: &Peer) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &peer.issued.chain[0]);
    let hex: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    format!("sha256:{}", hex.join(":"))
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A world whose nord has a connector that listens at `port`.
fn with_connector(world: &World, port: u16, rest: &str) {
    world.append(Site::Nord, &format!("[[connectors]]\n{WHO}listen = [\"127.0.0.1:{port}\"]\n{rest}"));
}

fn by_certificate(rest: &str) -> (World, Peer, u16) {
    let mut world = World::prepared();
    let (peer, port) = (world.credentials(HOSPITAL, Flaw::None), free_port());
    with_connector(&world, port, &format!("certificates = [\"{}\"]\n{rest}", pin(&peer)));
    world.serve();
    (world, peer, port)
}

pub fn letter(from: &str, to: &str, subject: &str, id: &str) -> String {
    format!(
        "From: Deux <{from}>\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{id}@{HOSPITAL}>\r\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0100\r\n\r\nbody of {id}\r\n"
    )
}

/// Hands a message over as the connector with that certificate.
fn hand_over(world: &World, port: u16, peer: &Peer, from: &str, to: &[&str], message: &str) -> (u16, String) {
    let mut smtp = Smtp::relay(port, &world.ca(), Some(peer)).unwrap();
    smtp.submit(from, to, message.as_bytes()).unwrap()
}

#[test]
fn postfix_hands_over_by_its_certificate_and_the_rules_of_submission_hold() {
    let (world, peer, port) = by_certificate("");
    let postfix = Postfix::hospital(&world, &peer, "chu-nord.fr", &format!("smtp:[127.0.0.1]:{port}"), "");
    let mut user = Smtp::in_clear(postfix.submission).unwrap();
    let message = letter(INTERN_LOGIN, DEPARTMENT, "#med# Avis", "secure");
    assert_eq!(user.submit(INTERN_LOGIN, &[DEPARTMENT], message.as_bytes()).unwrap().0, 250);
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{DOCTOR}"));
    imap.wait_for(1, PATIENCE);
    let text = String::from_utf8(imap.section(1, "")).unwrap();
    assert!(text.starts_with(&format!("Return-Path: <{INTERN}>\r\n")), "{text}");
    assert!(
        text.contains(&format!("From: Deux <{INTERN}>\r\n")),
        "shown as a reader with full rights sees: {text}"
    );
    assert!(text.contains("Subject: #med# Avis\r\n") && text.contains(" with ESMTPS id "), "{text}");
    let id = text.split(" with ESMTPS id ").nth(1).unwrap().split_whitespace().next().unwrap();
    let trace = succeed(&mut world.command(&["trace", id.trim_end_matches(';')]));
    assert!(trace.contains("connector chu") && trace.contains(INTERN_LOGIN), "{trace}");

    // what is not secure comes back to its author, with how to secure it
    let ordinary = letter(INTERN_LOGIN, "quelquun@example.org", "Avis", "ordinary");
    assert_eq!(user.submit(INTERN_LOGIN, &["quelquun@example.org"], ordinary.as_bytes()).unwrap().0, 250);
    wait(|| postfix.delivered().len() == 1, "the hospital's server tells its user");
    let bounce = fs::read_to_string(&postfix.delivered()[0]).unwrap();
    assert!(bounce.contains("550 5.7.1") || bounce.contains("550-5.7.1"), "{bounce}");
    assert!(bounce.replace("\n    ", " ").contains("#med# "), "{bounce}");
}

#[test]
fn nobody_else_and_nothing_else_is_handed_over() {
    let (world, peer, port) = by_certificate("");
    let other = world.credentials("autre.chu-nord.fr", Flaw::None);
    let good = letter(INTERN_LOGIN, DEPARTMENT, "#med# Avis", "good");
    for (who, name) in [(Some(&other), "connector-not-pinned"), (None, "connector-no-certificate")] {
        let mut smtp = Smtp::relay(port, &world.ca(), who).unwrap();
        let (code, text) = smtp.submit(INTERN_LOGIN, &[DEPARTMENT], good.as_bytes()).unwrap();
        assert!(code == 550 && text.contains(name), "{text}");
    }
    let refused = |from: &str, to: &str, message: &str, status: &str, words: &str| {
        let (code, text) = hand_over(&world, port, &peer, from, &[to], message);
        assert!(code == 550 && text.contains(status) && text.contains(words), "{text}");
    };
    // an account of another structure, one that does not exist, another operator's
    for from in [SECRETARY, "personne@chu-nord.fr", "medecin.trois@clinique-sud.mssante.fr"] {
        refused(
            from,
            DEPARTMENT,
            &letter(from, DEPARTMENT, "x", "other"),
            "5.7.1",
            "no account that connector chu speaks for",
        );
    }
    // another user in From, and one of elsewhere
    for from in [DOCTOR_LOGIN, "chef@example.org"] {
        let forged = letter(from, DEPARTMENT, "x", "forged");
        refused(INTERN_LOGIN, DEPARTMENT, &forged, "5.7.1", "From");
    }
    let ordinary = letter(INTERN_LOGIN, "x@example.org", "Avis", "ordinary");
    refused(INTERN_LOGIN, "x@example.org", &ordinary, "5.7.1", "start");
    let tagged = letter(INTERN_LOGIN, "x@example.org", "#med# Avis", "tagged");
    refused(INTERN_LOGIN, "x@example.org", &tagged, "5.7.1", "outside the MSSante trust space");
    let like = letter(INTERN_LOGIN, "x@example.org", "#med#Avis", "like");
    refused(INTERN_LOGIN, "x@example.org", &like, "5.7.1", "#med# ");
    assert_eq!(hand_over(&world, port, &peer, INTERN_LOGIN, &[DEPARTMENT], &good).0, 250);
    assert!(world.imap_as(&format!("{DEPARTMENT}*{DOCTOR}")).text("SELECT INBOX").contains("* 1 EXISTS"));
}

#[test]
fn reports_without_a_sender_are_their_users_or_the_account_named_for_them() {
    let (world, peer, port) = by_certificate("reports = \"postmaster@chu-nord.mssante.fr\"\n");
    let receipt = letter(INTERN, DEPARTMENT, "Lu : Avis", "receipt");
    assert_eq!(hand_over(&world, port, &peer, "", &[DEPARTMENT], &receipt).0, 250);
    let daemon = format!("MAILER-DAEMON@mail.{HOSPITAL}");
    let bounce = letter(&daemon, DEPARTMENT, "Undelivered", "bounce");
    assert_eq!(hand_over(&world, port, &peer, "", &[DEPARTMENT], &bounce).0, 250);
    for forged in [SECRETARY, "MAILER-DAEMON@example.org"] {
        let (code, text) =
            hand_over(&world, port, &peer, "", &[DEPARTMENT], &letter(forged, DEPARTMENT, "x", "forged"));
        assert!(code == 550 && text.contains("no account that connector chu speaks for"), "{text}");
    }
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{DOCTOR}"));
    imap.wait_for(2, PATIENCE);
    let texts = [1, 2].map(|number| String::from_utf8(imap.section(number, "")).unwrap());
    assert!(texts.iter().all(|text| text.starts_with("Return-Path: <>\r\n")), "{texts:?}");
    assert!(texts[0].contains(&format!("From: Deux <{INTERN}>")), "{texts:?}");
    assert!(texts[1].contains("From: Deux <postmaster@chu-nord.mssante.fr>"), "{texts:?}");
}

#[test]
fn without_an_account_for_reports_they_are_refused_and_say_why() {
    let (world, peer, port) = by_certificate("");
    let daemon = format!("MAILER-DAEMON@mail.{HOSPITAL}");
    let bounce = letter(&daemon, DEPARTMENT, "Undelivered", "bounce");
    let (code, text) = hand_over(&world, port, &peer, "", &[DEPARTMENT], &bounce);
    assert!(code == 550 && text.contains("[[connectors]] reports"), "{text}");
}

#[test]
fn postfix_hands_over_by_its_password_until_it_is_taken_back() {
    let mut world = World::prepared();
    let (peer, port) = (world.credentials(HOSPITAL, Flaw::None), free_port());
    with_connector(&world, port, "login = \"password\"\n");
    world.serve();
    let told = succeed(&mut world.command(&["connector", "password", "chu"]));
    let password = told.lines().next().unwrap().to_owned();
    let sasl = format!(
        "smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = static:chu:{password}\nsmtp_sasl_security_options = noanonymous\n\
         smtp_sasl_tls_security_options = noanonymous\nsmtp_tls_cert_file =\nsmtp_tls_key_file =\n"
    );
    let postfix = Postfix::hospital(&world, &peer, "chu-nord.fr", &format!("smtp:[127.0.0.1]:{port}"), &sasl);
    let mut user = Smtp::in_clear(postfix.submission).unwrap();
    let message = letter(INTERN_LOGIN, DEPARTMENT, "Avis", "by-password");
    assert_eq!(user.submit(INTERN_LOGIN, &[DEPARTMENT], message.as_bytes()).unwrap().0, 250);
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{DOCTOR}"));
    imap.wait_for(1, PATIENCE);
    assert!(String::from_utf8(imap.section(1, "HEADER")).unwrap().contains(" with ESMTPSA id "));

    let login = |name: &str, password: &str| {
        let mut smtp = Smtp::relay(port, &world.ca(), None).unwrap();
        let reply = smtp.login(name, password);
        (smtp, reply)
    };
    for (name, secret) in
        [("chu", "0000-0000"), ("autre", password.as_str()), (INTERN_LOGIN, "demonstration")]
    {
        assert_eq!(login(name, secret).1.0, 535, "{name}");
    }
    let (mut open, (code, text)) = login("chu", &password);
    assert_eq!(code, 235, "{text}");
    let (said, bad) = run(&mut world.command(&["connector", "password", "autre"]));
    assert!(!bad && said.contains("there is no connector"), "{said}");
    succeed(&mut world.command(&["connector", "revoke", "chu"]));
    let (code, text) = open.reply().unwrap();
    assert!(code == 421 && text.contains("4.7.0"), "rights that end, end sessions: {text}");
    assert_eq!(login("chu", &password).1.0, 535);
    let listed = succeed(&mut world.command(&["connector", "list"]));
    assert!(listed.contains("NO PASSWORD YET"), "{listed}");
}

#[test]
fn postfix_hands_over_by_lmtp_on_a_socket_that_its_user_may_use() {
    let mut world = World::prepared();
    fs::set_permissions(world.dir(), fs::Permissions::from_mode(0o755)).unwrap();
    let (peer, socket) = (world.credentials(HOSPITAL, Flaw::None), world.dir().join("chu.sock"));
    let uid = succeed(Command::new("id").args(["-u", "postfix"]));
    let connector = format!(
        "[[connectors]]\n{WHO}listen = [\"unix:{}\"]\nprotocol = \"lmtp\"\nusers = [{{ uid = {} }}]\n",
        socket.display(),
        uid.trim()
    );
    world.append(Site::Nord, &connector);
    world.serve();
    let postfix =
        Postfix::hospital(&world, &peer, "chu-nord.fr", &format!("lmtp:unix:{}", socket.display()), "");
    let mut user = Smtp::in_clear(postfix.submission).unwrap();
    let message = letter(INTERN_LOGIN, DEPARTMENT, "Avis", "by-lmtp");
    let to = [DEPARTMENT, DOCTOR, "personne@chu-nord.mssante.fr"];
    assert_eq!(user.submit(INTERN_LOGIN, &to, message.as_bytes()).unwrap().0, 250);
    for user in [format!("{DEPARTMENT}*{DOCTOR}"), DOCTOR.to_owned()] {
        let mut imap = world.imap_as(&user);
        imap.wait_for(1, PATIENCE);
        assert!(String::from_utf8(imap.section(1, "HEADER")).unwrap().contains(" with LMTP id "), "{user}");
    }
    wait(|| postfix.delivered().len() == 1, "the one refused recipient is told of");
    let bounce = fs::read_to_string(&postfix.delivered()[0]).unwrap();
    assert!(bounce.contains("personne@chu-nord.mssante.fr") && bounce.contains("5.1.1"), "{bounce}");

    // root is another user: the kernel tells
    let mut stranger = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    let said = converse(&mut stranger, &["LHLO moi", &format!("MAIL FROM:<{INTERN_LOGIN}>"), "QUIT"]);
    assert!(said.contains("550-5.7.1 this user of the machine may not use"), "{said}");
    world.terminate();
    world.wait(PATIENCE);
    assert!(!socket.exists(), "the daemon takes its socket with it");
}

/// Says these lines at once; gives what is answered up to the end.
fn converse(stream: &mut std::os::unix::net::UnixStream, lines: &[&str]) -> String {
    use std::io::{Read as _, Write as _};
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all((lines.join("\r\n") + "\r\n").as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn a_plain_connector_that_a_network_reaches_is_no_configuration() {
    let world = World::prepared();
    let check = |rest: &str, words: &str| {
        let before = fs::read_to_string(world.config()).unwrap();
        world.append(Site::Nord, rest);
        let (text, good) = run(&mut world.command(&["check-config"]));
        assert!(!good && text.contains(words), "{rest}: {text}");
        fs::write(world.config(), before).unwrap();
    };
    let inbound = |rest: &str| format!("[[connectors]]\n{WHO}{rest}");
    check(
        &inbound("listen = [\"0.0.0.0:2526\"]\ntls = \"none\"\nlogin = \"password\"\n"),
        "[connectors] tls: without TLS 0.0.0.0:2526 lets health data and passwords travel in clear",
    );
    check(
        &inbound("listen = [\"127.0.0.1:2526\"]\ntls = \"none\"\n"),
        "on loopback every user of this machine",
    );
    check(
        &inbound("deliver = \"server\"\nserver = \"192.0.2.1:25\"\nserver_tls = \"none\"\n"),
        "[connectors] server_tls: without TLS health data would travel in clear",
    );
    check("[smart_host]\nhost = \"192.0.2.1:25\"\ntls = \"none\"\n", "[smart_host] tls: without TLS");
}

/// Waits until it holds.
pub fn wait(holds: impl Fn() -> bool, what: &str) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
