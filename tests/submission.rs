//! A doctor's client submits, a colleague's client reads: what arrives, for whom, and that no byte is lost (S-3.1, S-3.4, S-3.5, M-6).

use crate::harness::{
    DEPARTMENT, DOCTOR, INTERN, PASSWORD, SECRETARY, World, base64_lines, letter, noise, succeed,
};

#[test]
fn swaks_sends_over_starttls_and_curl_reads_over_imaps() {
    let world = World::start();
    let sent = succeed(
        world
            .swaks()
            .args(["-a", "PLAIN", "-au", DOCTOR, "-ap", PASSWORD, "-f", DOCTOR, "-t", DEPARTMENT])
            .args(["--header", "Subject: #med# Compte rendu", "--body", "Bonjour, le patient est sorti."]),
    );
    assert!(sent.contains("250 2.0.0"), "{sent}");

    let box_and_person = format!("{DEPARTMENT}*{DOCTOR}");
    let listing = succeed(world.curl(&box_and_person, "").args(["--request", "LIST \"\" \"*\""]));
    for folder in ["INBOX", "Sent", "Drafts", "Trash"] {
        assert!(listing.contains(folder), "{listing}");
    }
    let read = succeed(&mut world.curl(&box_and_person, "INBOX;MAILINDEX=1"));
    assert!(read.starts_with(&format!("Return-Path: <{DOCTOR}>\r\n")), "{read}");
    assert!(read.contains("\r\nSubject: #med# Compte rendu\r\n"), "{read}");
    assert!(read.contains("Bonjour, le patient est sorti."), "{read}");
    let found =
        succeed(world.curl(&box_and_person, "INBOX").args(["--request", "UID SEARCH SUBJECT \"compte\""]));
    assert!(found.contains("* SEARCH 1"), "{found}");
}

#[test]
fn the_implicit_tls_port_and_the_login_mechanism_work_too() {
    let world = World::start();
    let port = world.submission_tls().to_string();
    let mut swaks = std::process::Command::new("swaks");
    swaks.args(["--server", "127.0.0.1", "--port", &port, "--tlsc", "--timeout", "20", "-a", "LOGIN"]);
    swaks.args([
        "-au",
        "medecin.un@chu-nord.fr",
        "-ap",
        PASSWORD,
        "-f",
        "medecin.un@chu-nord.fr",
        "-t",
        INTERN,
    ]);
    let sent = succeed(swaks.args(["--header", "Subject: sans balise, entre collegues"]));
    assert!(sent.contains("250 2.0.0"), "{sent}");
    let mut imap = world.imap_as(INTERN);
    assert!(imap.text("SELECT INBOX").contains("* 1 EXISTS"));
}

#[test]
fn every_body_byte_arrives_whatever_the_bytes() {
    let world = World::start();
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let mut bodies: Vec<String> = vec![
        String::new(),
        ".\r\n..\r\n...debut\r\n".into(),
        "é à ü €\r\n\r\n\r\n".into(),
        format!("{}\r\n", "long ".repeat(180)),
        base64_lines(&noise(200_000, 7)),
        base64_lines(&noise(65_536 / 4 * 3, 8)),
    ];
    bodies.push("x\r\n".repeat(70_000));
    for (n, body) in bodies.iter().enumerate() {
        let message = letter(DEPARTMENT, &format!("octets-{n}@poste"), "#med# octets", body);
        let reply = smtp.submit(DOCTOR, &[DEPARTMENT], message.as_bytes()).unwrap();
        assert_eq!(reply.0, 250, "{}", reply.1);
    }
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{INTERN}"));
    imap.ok("EXAMINE INBOX");
    for (n, body) in bodies.iter().enumerate() {
        let number = u32::try_from(n + 1).unwrap();
        let text = imap.section(number, "TEXT");
        assert_eq!(text, format!("{body}\r\n").as_bytes(), "message {n}");
        let header = imap.section(number, "HEADER");
        let whole = imap.section(number, "");
        assert_eq!(whole, [header.clone(), text].concat());
        let size = imap.text(&format!("FETCH {number} RFC822.SIZE"));
        assert!(size.contains(&format!("RFC822.SIZE {}", whole.len())), "{size}");
        let sent = letter(DEPARTMENT, &format!("octets-{n}@poste"), "#med# octets", "");
        let sent = sent.split_once("\r\n\r\n").unwrap().0;
        assert!(
            String::from_utf8_lossy(&header).ends_with(&format!("{sent}\r\n\r\n")),
            "the sender's fields stay as they were"
        );
    }
}

#[test]
fn each_reader_sees_the_sender_under_the_address_that_it_can_answer() {
    let world = World::start();
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let message = letter(SECRETARY, "deux-lecteurs@poste", "#med# deux lecteurs", "Bonjour");
    assert_eq!(smtp.submit(DOCTOR, &[SECRETARY, INTERN], message.as_bytes()).unwrap().0, 250);

    let inside = String::from_utf8(read_header(&world, SECRETARY)).unwrap();
    assert!(inside.starts_with("Return-Path: <medecin.un@chu-nord.fr>\r\n"), "{inside}");
    assert!(inside.contains("\r\nFrom: medecin.un@chu-nord.fr\r\n"), "{inside}");
    let full = String::from_utf8(read_header(&world, INTERN)).unwrap();
    assert!(full.starts_with(&format!("Return-Path: <{DOCTOR}>\r\n")), "{full}");
    assert!(full.contains(&format!("\r\nFrom: {DOCTOR}\r\n")), "{full}");
}

#[test]
fn a_retry_after_a_lost_answer_is_no_second_copy() {
    let world = World::start();
    let message = letter(DEPARTMENT, "encore@poste", "#med# encore", "une fois");
    let mut ids = Vec::new();
    for _ in 0..2 {
        let mut smtp = world.smtp();
        assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
        let reply = smtp.submit(DOCTOR, &[DEPARTMENT], message.as_bytes()).unwrap();
        assert_eq!(reply.0, 250);
        ids.push(reply.1);
    }
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{DOCTOR}"));
    assert!(imap.text("SELECT INBOX").contains("* 1 EXISTS"));
    assert_eq!(ids[0], ids[1], "the second answer names the first message");

    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let other = message.replace("une fois", "deux fois");
    assert_eq!(smtp.submit(DOCTOR, &[DEPARTMENT], other.as_bytes()).unwrap().0, 250);
    assert!(imap.text("NOOP").contains("* 2 EXISTS"), "the same Message-ID is no reason to drop a message");
}

fn read_header(world: &World, user: &str) -> Vec<u8> {
    let mut imap = world.imap_as(user);
    imap.ok("EXAMINE INBOX");
    imap.section(1, "HEADER")
}
