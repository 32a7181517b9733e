//! A line that fails at each place that matters, one place after another: before each thing that is said, behind its first octet, in
//! its middle, before and behind its last one. What nord sends out arrives all the same; what is brought to nord is there once,
//! however often it is brought again (I-1). `relay_storm.rs` does so at random, with processes that are killed.

use std::collections::HashMap;
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::line::{Act, Fault, Line};
use crate::harness::{
    DOCTOR, Flaw, PASSWORD, Peer, Sink, Site, Smtp, World, base64_lines, client_config, letter, noise,
};

const PATIENCE: Duration = Duration::from_secs(180);

/// The number of the message that goes ahead, over a line that does not fail. All numbers have four digits, so that all conversations
/// have the same octets.
const FIRST: usize = 9_999;

/// How long a line loses what it carries before it is reset, and holds up what it delays.
const WHILE: Duration = Duration::from_millis(150);

/// Every way to fail at every place of a conversation that went like this, octets by turn.
fn faults(course: &[usize]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (turn, &octets) in course.iter().enumerate() {
        let mut places = vec![0, 1, octets / 2, octets - 1];
        places.dedup();
        for at in places {
            let fault = |act| Fault { turn, at, act };
            faults.extend([Act::Close, Act::Reset].map(fault));
            if at == 0 {
                faults.extend([Act::Lose(WHILE), Act::Delay(WHILE), Act::Dribble].map(fault));
            }
            if at == octets - 1 {
                faults.extend([Act::CloseBehind, Act::ResetBehind].map(fault));
            }
        }
    }
    faults
}

/// The octets by turn of the first conversation over a line, which met nothing.
fn course(line: &Line) -> Vec<usize> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(course) = line.courses().first() {
            println!("octets by turn: {course:?}");
            return course.clone();
        }
        assert!(Instant::now() < deadline, "the first conversation does not end");
        sleep(Duration::from_millis(20));
    }
}

/// Long enough to leave in more than one record of TLS.
fn body(number: usize) -> String {
    base64_lines(&noise(14_000, number as u64 + 1))
}

/// Nord sends to many domains of one operator, each behind a line of its own that fails in its own way, all at once.
#[test]
fn wherever_the_line_to_a_peer_fails_the_message_arrives() {
    let mut world = World::prepared();
    let peer = world.operator("tiers.mssante.fr", Flaw::None);
    let sink = Sink::start(Some(&peer));
    let first = Line::to(sink.port());
    world.restless(Site::Nord);
    world.list(&domain(FIRST), &peer.issued.subject.to_string());
    world.routes(Site::Nord, &[(&domain(FIRST), first.port)]);
    world.serve();
    hand_in(&mut logged_in(&world), FIRST);
    sink.wait_for(1, PATIENCE);
    let faults = faults(&course(&first));

    let domains: Vec<_> = (0..faults.len()).map(domain).collect();
    let names: Vec<_> = domains.iter().map(String::as_str).collect();
    world.list_all(&names, &peer.issued.subject.to_string());
    let lines: Vec<_> = faults.iter().map(|fault| behind(&sink, *fault)).collect();
    let routes: Vec<_> = names.iter().zip(&lines).map(|(domain, line)| (*domain, line.port)).collect();
    world.terminate();
    assert!(world.wait(PATIENCE).success());
    world.routes(Site::Nord, &routes);
    world.serve();
    let mut smtp = logged_in(&world);
    for number in 0..faults.len() {
        hand_in(&mut smtp, number);
    }
    let came = wait_for_all(&sink, faults.len());
    wait_until_empty(&world);

    let (mut struck, mut again) = (0, 0);
    for ((number, fault), line) in faults.iter().enumerate().zip(&lines) {
        struck += line.struck();
        let copies = &came[&number];
        assert!(copies.iter().all(|text| *text == body(number)), "{fault:?}: it came as it was sent");
        again += copies.len() - 1;
    }
    println!("{} ways to fail, {struck} happened; {again} messages were sent again", faults.len());
    // Those behind the last message of a connection may come later, or not.
    assert!(struck * 4 >= faults.len() * 3, "{struck} of {} happened", faults.len());
}

fn domain(number: usize) -> String {
    format!("essai-{number:04}.mssante.fr")
}

/// A line that fails once.
fn behind(sink: &Sink, fault: Fault) -> Line {
    let line = Line::to(sink.port());
    line.plan([Some(fault)]);
    line
}

fn logged_in(world: &World) -> Smtp {
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    smtp
}

fn hand_in(smtp: &mut Smtp, number: usize) {
    let to = format!("accueil@{}", domain(number));
    let text = body(number);
    let message = letter(&to, &format!("ligne-{number:04}@poste"), "#med# une ligne", text.trim_end());
    let (code, text) = smtp.submit(DOCTOR, &[&to], message.as_bytes()).unwrap();
    assert_eq!(code, 250, "{text}");
}

/// Number to the bodies that came under it; each of them at least once, and the one that went ahead.
fn wait_for_all(sink: &Sink, messages: usize) -> HashMap<usize, Vec<String>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut came: HashMap<usize, Vec<String>> = HashMap::new();
        for received in sink.received() {
            let text = String::from_utf8(received.data).unwrap();
            let (_, number) = text.split_once("Message-ID: <ligne-").unwrap();
            let number = number.split('@').next().unwrap().parse().unwrap();
            came.entry(number).or_default().push(text.split_once("\r\n\r\n").unwrap().1.to_owned());
        }
        if came.len() > messages {
            return came;
        }
        assert!(Instant::now() < deadline, "{} of {messages} messages came", came.len() - 1);
        sleep(Duration::from_millis(200));
    }
}

fn wait_until_empty(world: &World) {
    let deadline = Instant::now() + PATIENCE;
    while world.queued_at(Site::Nord) > 0 {
        assert!(Instant::now() < deadline, "nord's queue does not empty:\n{}", world.log());
        sleep(Duration::from_millis(200));
    }
}

/// Another operator brings a message over a line that fails, and brings it again until it is told 250.
#[test]
fn wherever_the_line_from_a_peer_fails_the_message_is_here_once() {
    let world = World::start();
    let peer = world.operator("tiers.mssante.fr", Flaw::None);
    world.refresh(Site::Nord);
    let line = Line::to(world.relay(Site::Nord));
    assert_eq!(bring(&world, &peer, line.port, FIRST).unwrap(), 250);
    let faults = faults(&course(&line));

    let (mut told, mut again) = (0, 0);
    for (number, fault) in faults.iter().enumerate() {
        line.plan([Some(*fault)]);
        match bring(&world, &peer, line.port, number) {
            Ok(250) => told += 1,
            Ok(code) => panic!("{fault:?}: {code}"),
            Err(_) => {
                again += 1;
                // Over the same line, which is whole again; at once, while the first one may still be on its way into the store.
                assert_eq!(bring(&world, &peer, line.port, number).unwrap(), 250, "{fault:?}");
            }
        }
    }
    println!("{} ways to fail, {told} told 250 all the same, {again} brought again", faults.len());
    // What strikes behind the last reply does so when the client has gone on.
    let deadline = Instant::now() + PATIENCE;
    while line.struck() < faults.len() {
        assert!(Instant::now() < deadline, "{} of {} happened", line.struck(), faults.len());
        sleep(Duration::from_millis(20));
    }
    assert!(again > faults.len() / 2);

    let found = world.imap_as(DOCTOR).texts();
    for (number, fault) in faults.iter().enumerate() {
        let copies = found.get(&format!("ligne-{number:04}@mail.tiers.fr")).map_or(&[][..], Vec::as_slice);
        assert_eq!(copies.len(), 1, "{fault:?}: copies");
        assert_eq!(copies[0], body(number), "{fault:?}: it is here as it was sent");
    }
    assert_eq!(found.len(), faults.len() + 1);
}

/// A whole session with one message; the reply to it.
fn bring(world: &World, peer: &Peer, port: u16, number: usize) -> io::Result<u16> {
    let from = format!("docteur@{}", peer.domain);
    let message = format!(
        "From: <{from}>\r\nTo: {DOCTOR}\r\nSubject: une ligne\r\nMessage-ID: <ligne-{number:04}@mail.tiers.fr>\r\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0100\r\n\r\n{}",
        body(number)
    );
    let config = client_config(&world.ca(), Some(peer));
    let mut smtp = Smtp::in_clear(port)?.secured(config)?;
    let (code, _) = smtp.submit(&from, &[DOCTOR], message.as_bytes())?;
    // A peer that was told 250 has its answer, whatever comes of its good-bye.
    let _ = smtp.command("QUIT");
    Ok(code)
}
