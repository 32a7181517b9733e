//! nord and sud, two daemons that know each other by the white list alone: a message crosses, its answer comes back, and what
//! the other side refuses comes back as a report (M-2, M-7, S-3.4, S-3.5).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{DOCTOR, EMERGENCIES, PASSWORD, SUD_DOCTOR, Site, Smtp, World, letter, succeed};

const PATIENCE: Duration = Duration::from_secs(30);

fn login(world: &World, site: Site, user: &str) -> Smtp {
    let mut smtp = world.smtp_at(site);
    assert_eq!(smtp.login(user, PASSWORD).0, 235);
    smtp
}

#[test]
fn a_message_crosses_to_the_other_operator_and_its_answer_comes_back() {
    let world = World::start_both();
    let mut nord = login(&world, Site::Nord, DOCTOR);
    let message = letter(EMERGENCIES, "aller@poste", "#med# Compte rendu", "Bonjour,\r\n.\r\n\u{e9}t\u{e9}");
    assert_eq!(nord.command(&format!("MAIL FROM:<{DOCTOR}> RET=HDRS ENVID=aller")).unwrap().0, 250);
    assert_eq!(nord.command(&format!("RCPT TO:<{EMERGENCIES}> NOTIFY=SUCCESS,FAILURE")).unwrap().0, 250);
    let (code, text) = nord.data(message.as_bytes()).unwrap();
    assert_eq!(code, 250, "{text}");
    let trace = text.split_whitespace().last().unwrap().to_owned();

    let mut emergencies = world.imap_at(Site::Sud, &format!("{EMERGENCIES}*{SUD_DOCTOR}"));
    emergencies.wait_for(1, PATIENCE);
    let received = String::from_utf8(emergencies.section(1, "")).unwrap();
    assert!(
        received.starts_with(&format!("Return-Path: <{DOCTOR}>\r\nAuthentication-Results: ")),
        "{received}"
    );
    assert!(
        received.contains(&format!(";\r\n\tx-mssante=pass\r\n\tsmtp.mailfrom={DOCTOR} header.from=")),
        "{received}"
    );
    let own = received.split_at(received.find("From: ").unwrap()).1;
    assert_eq!(
        own,
        message.replace("#med# ", ""),
        "the tag is for readers at home, the rest is as it was sent"
    );

    let mut sud = login(&world, Site::Sud, SUD_DOCTOR);
    let answer = "From: medecin.trois@clinique-sud.fr\r\nTo: medecin.un@chu-nord.mssante.fr\r\nSubject: Re: Compte rendu\r\n\
                  Message-ID: <retour@poste>\r\nIn-Reply-To: <aller@poste>\r\nDate: Sat, 21 Nov 2026 11:00:00 +0100\r\n\r\n\
                  Merci.\r\n";
    let (code, text) = sud.submit(SUD_DOCTOR, &[DOCTOR], answer.as_bytes()).unwrap();
    assert_eq!(code, 250, "{text}");
    let mut doctor = world.imap_as(DOCTOR);
    doctor.wait_for(2, PATIENCE);
    let both = [doctor.section(1, ""), doctor.section(2, "")].map(|bytes| String::from_utf8(bytes).unwrap());
    let (reports, answers): (Vec<_>, Vec<_>) =
        both.iter().partition(|text| text.contains("multipart/report"));
    let (report, answered) = (reports[0], answers[0]);
    assert!(report.contains("\r\nOriginal-Envelope-Id: aller\r\n"), "{report}");
    assert!(report.contains("\r\nAction: ") && !report.contains("\r\nAction: failed"), "{report}");
    let own = answered.split_at(answered.find("From: ").unwrap()).1;
    assert_eq!(own, answer.replace("medecin.trois@clinique-sud.fr", SUD_DOCTOR));

    // sud may have told the doctor before nord has written down that sud took it.
    let journey = || succeed(&mut world.command(&["trace", &trace]));
    let journey = until(journey, "250 2.0.0 Accepted ");
    let (_, taken) = journey.split_once("250 2.0.0 Accepted ").unwrap_or_else(|| panic!("{journey}"));
    let there = taken.split_whitespace().next().unwrap();
    let continued = succeed(&mut world.command_at(Site::Sud, &["trace", there]));
    assert!(continued.contains("CN=mail.chu-nord.fr") && continued.contains(EMERGENCIES), "{continued}");
    until(|| metrics(&world, Site::Nord), "\nvaguemestre_relayed_total 1\n");
    assert!(metrics(&world, Site::Sud).contains("\nvaguemestre_relayed_total "), "sud counts its own");
}

#[test]
fn what_the_other_operator_refuses_comes_back_as_a_report_with_its_words() {
    let world = World::start_both();
    let unknown = "personne@clinique-sud.mssante.fr";
    let message = letter(unknown, "refus@poste", "Compte rendu", "a ne pas rendre");
    let (code, text) = login(&world, Site::Nord, DOCTOR)
        .submit(DOCTOR, &[unknown, EMERGENCIES], message.as_bytes())
        .unwrap();
    assert_eq!(code, 250, "{text}");
    let mut emergencies = world.imap_at(Site::Sud, &format!("{EMERGENCIES}*{SUD_DOCTOR}"));
    emergencies.wait_for(1, PATIENCE);
    let mut doctor = world.imap_as(DOCTOR);
    doctor.wait_for(1, PATIENCE);
    let report = String::from_utf8(doctor.section(1, "")).unwrap();
    assert!(
        report.starts_with("Return-Path: <>\r\n") && report.contains("\r\nAction: failed\r\n"),
        "{report}"
    );
    assert!(report.contains("550 5.1.1 ") && report.contains(unknown), "{report}");
    let failed = report.matches("\r\nFinal-Recipient: ").count();
    assert_eq!(failed, 1, "who got it is not in it: {report}");
    assert!(!report.contains("a ne pas rendre"), "{report}");
}

/// Asks again until the answer has these words.
fn until(ask: impl Fn() -> String, words: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask();
        if answer.contains(words) {
            return answer;
        }
        assert!(Instant::now() < deadline, "no {words:?} in {answer}");
        sleep(Duration::from_millis(50));
    }
}

/// What the metrics address of `site` says.
fn metrics(world: &World, site: Site) -> String {
    let mut tcp = TcpStream::connect(("127.0.0.1", world.metrics(site))).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    tcp.read_to_string(&mut text).unwrap();
    text
}
