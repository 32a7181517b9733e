//! Nobody but a patient and who writes to them reads the patient's number: not in the daemon's output, not in its figures, not in what
//! its commands print, not in reports to others (M-11).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::{Answer, DOCTOR, Flaw, INTERN, PASSWORD, SECRETARY, Sink, Site, World, letter, run};

const PATIENCE: Duration = Duration::from_secs(60);
/// A number whose key is right, one of Corsica, and a mistyped one.
const NUMBERS: [&str; 3] = ["269054958815780", "195032A00400144", "269054958815781"];
const DOMAIN: &str = "patient.mssante.fr";

fn figures(world: &World) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", world.metrics(Site::Nord))).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: nord\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn assert_none(what: &str, text: &str) {
    for number in NUMBERS {
        assert!(!text.to_uppercase().contains(number), "{what} tells {number}:\n{text}");
    }
}

/// What an administrator and a collector of figures see.
fn outputs(world: &World) -> Vec<(&'static str, String)> {
    let mut outputs = vec![("figures", figures(world))];
    for words in [&["queue", "list"][..], &["status"]] {
        outputs.push(("command", run(&mut world.command(words)).0));
    }
    let listed = outputs.iter().find(|(_, text)| text.contains(DOMAIN)).expect("the queue names the domain");
    let entry =
        listed.1.split_whitespace().find(|word| word.chars().all(|c| c.is_ascii_digit()) && !word.is_empty());
    if let Some(entry) = entry {
        outputs.push(("command", run(&mut world.command(&["queue", "show", entry])).0));
    }
    outputs
}

#[test]
fn a_patients_number_is_in_nothing_that_others_read() {
    let mut world = World::prepared();
    let peer = world.operator(DOMAIN, Flaw::None);
    let sink = Sink::start(Some(&peer));
    world.routes(Site::Nord, &[(DOMAIN, sink.port())]);
    world.restless(Site::Nord);
    world.configure(Site::Nord, "log", "level", "\"debug\"");
    world.configure(Site::Nord, "patients", "after_end", "\"refuse\"");
    world.serve();
    let patients = [NUMBERS[0], NUMBERS[1]].map(|number| format!("{number}@{DOMAIN}"));
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let mut traces = Vec::new();
    let mut send = |to: &[&str], id: &str, subject: &str, wanted: u16| {
        let message = letter(to[0], id, subject, "Bonjour");
        smtp.command("RSET").unwrap();
        let (code, text) = smtp.submit(DOCTOR, to, message.as_bytes()).unwrap();
        assert_eq!(code, wanted, "{text}");
        traces.push(text.split_whitespace().last().unwrap().to_owned());
    };
    // delivered, with somebody here; given up, in the words of a peer that repeats the address; delayed; a mistyped number; the end
    send(&[&patients[0], INTERN, SECRETARY], "a@poste", "Compte rendu", 250);
    sink.wait_for(1, PATIENCE);
    sink.once("RCPT", Answer::Say("550 5.1.1 <269054958815780@patient.mssante.fr> unknown: 269054958815780"));
    send(&[&patients[0]], "c@poste", "Compte rendu", 250);
    world.imap_as(DOCTOR).wait_for(1, PATIENCE);
    send(&[&format!("{}@{DOMAIN}", NUMBERS[2])], "d@poste", "Compte rendu", 550);
    send(&[&patients[1]], "e@poste", "[FIN]", 250);
    sink.wait_for(2, PATIENCE);
    sink.always("RCPT", Some(Answer::Say("451 4.3.0 195032A00400144 later")));
    send(&[&patients[1]], "f@poste", "Encore", 250);

    // a patient answers, to a box that is there and to one that is not
    let mut relay = world.relay_as(Site::Nord, &peer).unwrap();
    let answer = |from: &str, id: &str| {
        format!(
            "From: <{from}>\r\nTo: <{DOCTOR}>\r\nSubject: merci\r\nMessage-ID: <{id}@patient>\r\n\r\nmerci\r\n"
        )
    };
    let (code, text) = relay.submit(&patients[0], &[DOCTOR], answer(&patients[0], "1").as_bytes()).unwrap();
    assert_eq!(code, 250, "{text}");
    traces.push(text.split_whitespace().last().unwrap().to_owned());
    let unknown = "personne@chu-nord.mssante.fr";
    relay.command("RSET").unwrap();
    let (code, _) = relay.submit(&patients[1], &[unknown], answer(&patients[1], "2").as_bytes()).unwrap();
    assert_eq!(code, 550);

    // the doctor is told whom it is about, since the doctor wrote to them
    let mut imap = world.imap_as(DOCTOR);
    imap.wait_for(2, PATIENCE);
    let both =
        [imap.section(1, ""), imap.section(2, "")].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(both.iter().any(|text| text.contains("Action: failed") && text.contains(NUMBERS[0])), "{both:?}");
    // who got a copy reads the header that the doctor wrote; nothing else of it is about the patient
    let mut intern = world.imap_as(INTERN);
    intern.wait_for(1, PATIENCE);

    for trace in &traces {
        assert_none("trace", &run(&mut world.command(&["trace", trace])).0);
    }
    let outputs = outputs(&world);
    for (what, text) in &outputs {
        assert_none(what, text);
    }
    let log = world.log();
    assert!(log.contains(&format!("@{DOMAIN}")), "addresses are told, without the number: {log}");
    assert_none("the log", &log);
}
