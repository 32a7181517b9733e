//! What is refused, and that the words say what happened and what to do (S-3.2, S-3.3, S-3.5, S-5.1, M-5). The client is swaks.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::harness::{DEPARTMENT, DOCTOR, PASSWORD, SECRETARY, World, run};

struct Case {
    name: &'static str,
    login: (&'static str, &'static str),
    from: &'static str,
    to: &'static str,
    headers: &'static [&'static str],
    expect: &'static str,
    hint: &'static str,
}

const GOOD: (&str, &str) = (DOCTOR, PASSWORD);

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { name: "wrong password", login: (DOCTOR, "devine"), from: DOCTOR, to: DEPARTMENT,
           headers: &["Subject: #med# a"], expect: "535 5.7.8", hint: "" },
    Case { name: "unknown account", login: ("personne@chu-nord.fr", PASSWORD), from: DOCTOR, to: DEPARTMENT,
           headers: &["Subject: #med# a"], expect: "535 5.7.8", hint: "" },
    Case { name: "a MED account to another operator", login: (SECRETARY, PASSWORD), from: SECRETARY, to: "medecin.trois@clinique-sud.mssante.fr",
           headers: &["Subject: #med# a"], expect: "550 5.7.1", hint: "" },
    Case { name: "a sender address that is not its own", login: GOOD, from: "interne.deux@chu-nord.mssante.fr", to: DEPARTMENT,
           headers: &["Subject: #med# a"], expect: "5.7.1", hint: "interne.deux@chu-nord.mssante.fr" },
    Case { name: "a From that is not its own", login: GOOD, from: DOCTOR, to: DEPARTMENT,
           headers: &["Subject: #med# a", "From: interne.deux@chu-nord.mssante.fr"], expect: "5.7.1", hint: "interne.deux@chu-nord.mssante.fr" },
    Case { name: "a bad INS key", login: GOOD, from: DOCTOR, to: "279035121518900@patient.mssante.fr",
           headers: &["Subject: #med# a"], expect: "550 5.1.", hint: "INS" },
    Case { name: "no tag, an ordinary recipient", login: GOOD, from: DOCTOR, to: "quelqu.un@exemple.fr",
           headers: &["Subject: bonjour"], expect: "550 5.7.1", hint: "#med# " },
    Case { name: "the tag, an ordinary recipient", login: GOOD, from: DOCTOR, to: "quelqu.un@exemple.fr",
           headers: &["Subject: #med# bonjour"], expect: "550 5.7.1", hint: "quelqu.un@exemple.fr" },
    Case { name: "a near-miss tag", login: GOOD, from: DOCTOR, to: "quelqu.un@exemple.fr",
           headers: &["Subject: #med#bonjour"], expect: "550 5.7.1", hint: "#med# " },
    Case { name: "two From fields", login: GOOD, from: DOCTOR, to: DEPARTMENT,
           headers: &["Subject: #med# a"], expect: "550 5.6.0", hint: "From" },
    Case { name: "an unknown local recipient", login: GOOD, from: DOCTOR, to: "inconnu@chu-nord.mssante.fr",
           headers: &["Subject: #med# a"], expect: "550 5.1.1", hint: "inconnu@chu-nord.mssante.fr" },
    Case { name: "a domain that is not in the white list", login: GOOD, from: DOCTOR, to: "medecin@inconnue.mssante.fr",
           headers: &["Subject: #med# a"], expect: "550 5.7.1", hint: "white list" },
];

#[test]
fn each_refusal_says_what_happened_and_what_to_do() {
    let world = World::start();
    for case in CASES {
        let mut swaks = world.swaks();
        swaks.args(["-a", "PLAIN", "-au", case.login.0, "-ap", case.login.1, "-f", case.from, "-t", case.to]);
        if case.name == "two From fields" {
            let data = format!(
                "From: {DOCTOR}\\nFrom: {DOCTOR}\\nTo: {DEPARTMENT}\\nSubject: #med# a\\n\\nbonjour\\n"
            );
            swaks.args(["--data", &data]);
        } else {
            for header in case.headers {
                swaks.args(["--header", header]);
            }
        }
        let (said, ok) = run(&mut swaks);
        assert!(!ok, "{} was accepted:\n{said}", case.name);
        // swaks marks a refusal with a star; in a reply of several lines the code is followed by a dash.
        let refused: String = said
            .lines()
            .filter_map(|l| l.split_once("* "))
            .map(|(_, l)| l.replacen('-', " ", 1) + "\n")
            .collect();
        assert!(refused.contains(case.expect), "{}: expected {} in\n{said}", case.name, case.expect);
        assert!(refused.contains(case.hint), "{}: expected {:?} in\n{said}", case.name, case.hint);
    }
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{DOCTOR}"));
    assert!(imap.text("EXAMINE INBOX").contains("* 0 EXISTS"), "nobody gets anything of what was refused");
}

#[test]
fn one_recipient_outside_and_nobody_gets_anything() {
    let world = World::start();
    let (said, ok) = run(world
        .swaks()
        .args(["-a", "PLAIN", "-au", DOCTOR, "-ap", PASSWORD, "-f", DOCTOR])
        .args(["-t", &format!("{DEPARTMENT},quelqu.un@exemple.fr"), "--header", "Subject: #med# a"]));
    assert!(!ok && said.contains("550") && said.contains("quelqu.un@exemple.fr"), "{said}");
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{DOCTOR}"));
    assert!(imap.text("EXAMINE INBOX").contains("* 0 EXISTS"));
}

#[test]
fn nothing_is_offered_or_accepted_before_tls() {
    let world = World::start();
    let mut swaks = std::process::Command::new("swaks");
    swaks.args([
        "--server",
        "127.0.0.1",
        "--port",
        &world.submission().to_string(),
        "-f",
        DOCTOR,
        "-t",
        DEPARTMENT,
    ]);
    let (said, ok) = run(&mut swaks);
    assert!(!ok && said.contains("530 5.7.0") && !said.contains("250-AUTH"), "{said}");

    let mut tcp = TcpStream::connect(("127.0.0.1", world.submission())).unwrap();
    let mut lines = BufReader::new(tcp.try_clone().unwrap()).lines();
    let mut reply = |command: &str| {
        if !command.is_empty() {
            tcp.write_all(format!("{command}\r\n").as_bytes()).unwrap();
        }
        loop {
            let line = lines.next().unwrap().unwrap();
            if line.as_bytes()[3] == b' ' {
                return line;
            }
        }
    };
    assert!(reply("").starts_with("220 "));
    assert!(reply("EHLO poste").starts_with("250 "));
    let refused = reply("AUTH PLAIN AG1lZGVjaW4AZGV2aW5l");
    assert!(refused.starts_with("538 5.7.") || refused.starts_with("530 5.7."), "{refused}");
}

#[test]
fn a_client_that_guesses_is_slowed_then_shut_out_for_a_while() {
    let world = World::start();
    let mut last = String::new();
    for _ in 0..4 {
        let mut smtp = world.smtp();
        for _ in 0..6 {
            match smtp.command("AUTH PLAIN AG1lZGVjaW4udW5AY2h1LW5vcmQubXNzYW50ZS5mcgBkZXZpbmU=") {
                Ok((_, said)) => last = said,
                Err(_) => break,
            }
            if last.starts_with("421") {
                break;
            }
        }
    }
    let mut smtp = world.smtp();
    let (code, said) = smtp.login(DOCTOR, PASSWORD);
    assert_ne!(code, 235, "after many failures even the right password waits: {said} (before: {last})");
}
