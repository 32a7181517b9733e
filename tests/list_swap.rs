//! The white list changes while mail flows (M-1): nothing is lost or goes astray by a swap, a domain that is removed is refused from
//! that moment in both directions, and a list that cannot be trusted changes nothing but `trust status`.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use demo_pki::{Hierarchy, Issued, Leaf, Name, Row, Space, sign_list};
use jiff::{SignedDuration, Timestamp};

use crate::harness::{
    Answer, DOCTOR, EMERGENCIES, Flaw, PASSWORD, SUD_DOCTOR, Sink, Site, World, letter, run, succeed,
};

const THIRD: &str = "tiers.mssante.fr";
const CHIEF: &str = "chef@tiers.mssante.fr";

/// Messages a second, for how long, from how many sessions.
const RATE: u32 = 100;
const SECONDS: u32 = 12;
const SESSIONS: u32 = 4;

#[test]
fn swaps_of_the_list_lose_and_misroute_nothing() {
    let mut world = World::prepared();
    let third = world.operator(THIRD, Flaw::None);
    let sink = Sink::start(Some(&third));
    world.routes(Site::Nord, &[("clinique-sud.mssante.fr", world.relay(Site::Sud)), (THIRD, sink.port())]);
    world.serve();
    world.serve_at(Site::Sud);

    let over = AtomicBool::new(false);
    let (sent, swaps) = thread::scope(|scope| {
        let swapping = scope.spawn(|| swap_until(&world, &over));
        let senders: Vec<_> = (0..SESSIONS)
            .map(|session| {
                scope.spawn({
                    let world = &world;
                    move || submit(world, session)
                })
            })
            .collect();
        let sent: Vec<_> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
        over.store(true, Ordering::SeqCst);
        (sent, swapping.join().unwrap())
    });
    assert_eq!(sent.len() as u32, RATE * SECONDS);
    assert!(swaps >= 5, "the list was swapped {swaps} times");
    let of = |to: &str| {
        sent.iter().filter(|(_, recipient)| *recipient == to).map(|(id, _)| (id.clone(), 1)).collect()
    };
    let (to_sud, to_third): (BTreeMap<_, _>, BTreeMap<_, _>) = (of(EMERGENCIES), of(CHIEF));

    let there = sink.wait_for(to_third.len(), Duration::from_secs(120));
    assert_eq!(
        counted(there.iter().map(|message| String::from_utf8_lossy(&message.data).into_owned())),
        to_third
    );
    assert!(there.iter().all(|message| message.to.len() == 1 && message.to[0].contains(CHIEF)));
    let mut imap = world.imap_at(Site::Sud, &format!("{EMERGENCIES}*{SUD_DOCTOR}"));
    let deadline = Instant::now() + Duration::from_secs(120);
    while !imap.text("EXAMINE INBOX").contains(&format!("* {} EXISTS", to_sud.len())) {
        assert!(Instant::now() < deadline, "{}", imap.text("EXAMINE INBOX"));
        sleep(Duration::from_millis(200));
    }
    let ids = imap.ok("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])");
    assert_eq!(counted(ids.iter().map(|line| String::from_utf8_lossy(line).into_owned())), to_sud);
    let mut doctor = world.imap_as(DOCTOR);
    assert!(doctor.text("EXAMINE INBOX").contains("* 0 EXISTS"), "no report came back");
}

/// Submits this session's share, evenly in time, to the two other operators by turns; gives the Message-IDs, for whom.
fn submit(world: &World, session: u32) -> Vec<(String, &'static str)> {
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let started = Instant::now();
    let mut sent = Vec::new();
    for turn in 0..RATE * SECONDS / SESSIONS {
        let due = Duration::from_secs(1) * turn * SESSIONS / RATE;
        sleep(due.saturating_sub(started.elapsed()));
        let to = if turn % 2 == 0 { EMERGENCIES } else { CHIEF };
        let id = format!("bascule-{session}-{turn}@poste");
        let reply =
            smtp.submit(DOCTOR, &[to], letter(to, &id, "#med# bascule", "Corps.").as_bytes()).unwrap();
        assert_eq!(reply.0, 250, "{id}: {}", reply.1);
        sent.push((id, to));
    }
    sent
}

/// Publishes list after list, in which other domains come, go and change hands, and has both daemons read it.
fn swap_until(world: &World, over: &AtomicBool) -> u32 {
    let pki = world.pki();
    let rows = pki.rows().unwrap();
    let mut swaps = 0;
    while !over.load(Ordering::SeqCst) {
        let now = Timestamp::now();
        let others = (0..2_000).filter(|other| (other + swaps) % 3 != 0);
        let others = others.map(|other| {
            let dn =
                format!("CN=smtp{}.autre.fr,OU=1750000000,O=AUTRE,ST=Paris (75),C=FR", (other + swaps) % 7);
            Row::new(&format!("autre{other}.mssante.fr"), &dn, now)
        });
        let mut all: Vec<_> = rows.iter().cloned().chain(others).collect();
        let turn = all.len() / 2;
        all.rotate_left(turn);
        pki.publish(&all, now).unwrap();
        for site in [Site::Nord, Site::Sud] {
            let told = world.refresh(site);
            assert!(!told.contains("ALARM"), "{site:?}: {told}");
        }
        swaps += 1;
        sleep(Duration::from_millis(250));
    }
    swaps
}

/// How often each Message-ID of ours stands in these headers.
fn counted(headers: impl Iterator<Item = String>) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for header in headers {
        let Some((_, id)) = header.split_once("<bascule-") else { continue };
        let (id, _) = id.split_once('>').unwrap();
        *counts.entry(format!("bascule-{id}")).or_default() += 1;
    }
    counts
}

#[test]
fn a_domain_removed_from_the_list_is_refused_from_that_moment() {
    let mut world = World::prepared();
    let third = world.operator(THIRD, Flaw::None);
    let sink = Sink::start(Some(&third));
    world.routes(Site::Nord, &[(THIRD, sink.port())]);
    world.restless(Site::Nord);
    world.serve();
    let mut doctor = world.smtp();
    assert_eq!(doctor.login(DOCTOR, PASSWORD).0, 235);
    let out = |id: &str| letter(CHIEF, id, "#med# vers le tiers", "Corps.").into_bytes();
    let inward = letter(DOCTOR, "du-tiers@tiers", "du tiers", "Corps.").replace(DOCTOR, CHIEF);
    let inward = inward.replacen(&format!("To: {CHIEF}"), &format!("To: {DOCTOR}"), 1);

    // as long as it is listed, mail flows both ways
    let mut open = world.relay_as(Site::Nord, &third).unwrap();
    let reply = open.submit(CHIEF, &[DOCTOR], inward.as_bytes()).unwrap();
    assert_eq!(reply.0, 250, "{}", reply.1);
    assert_eq!(doctor.submit(DOCTOR, &[CHIEF], &out("un@poste")).unwrap().0, 250);
    sink.wait_for(1, Duration::from_secs(30));
    // one more waits: its operator cannot take it just now
    sink.always("RCPT", Some(Answer::Say("451 4.2.1 Plus tard")));
    assert_eq!(doctor.submit(DOCTOR, &[CHIEF], &out("deux@poste")).unwrap().0, 250);
    let deadline = Instant::now() + Duration::from_secs(30);
    while sink.mails() < 2 {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(10));
    }

    world.unlist(THIRD);
    assert!(world.refresh(Site::Nord).contains(THIRD));
    let (mails, (seen, listed)) = (sink.mails(), run(&mut world.command(&["trust", "show", THIRD])));
    assert!(!listed && seen.contains("is not in the white list"), "{seen}");
    sink.always("RCPT", None);
    // in: on the line that is open, and on a new one
    let later = inward.replace("du-tiers@tiers", "encore@tiers");
    for smtp in [&mut open, &mut world.relay_as(Site::Nord, &third).unwrap()] {
        let (code, text) = smtp.submit(CHIEF, &[DOCTOR], later.as_bytes()).unwrap();
        assert!(code == 550 && text.contains("5.7.") && text.contains("white list"), "{text}");
    }
    assert!(world.imap_as(DOCTOR).text("EXAMINE INBOX").contains("* 1 EXISTS"));
    // out: at submission, and what waits
    let (code, text) = doctor.submit(DOCTOR, &[CHIEF], &out("trois@poste")).unwrap();
    assert!(code == 550 && text.contains("5.7.1") && text.contains(CHIEF), "{text}");
    sleep(Duration::from_secs(4));
    assert_eq!((sink.mails(), sink.count()), (mails, 1), "nothing was said to it any more");

    // listed again, what waited leaves
    world.list(THIRD, &third.issued.subject.to_string());
    world.refresh(Site::Nord);
    succeed(&mut world.command(&["queue", "retry", "--all"]));
    let there = sink.wait_for(2, Duration::from_secs(60));
    assert!(String::from_utf8_lossy(&there[1].data).contains("<deux@poste>"));
}

#[test]
fn a_list_that_cannot_be_trusted_changes_nothing_but_raises_an_alarm() {
    let mut world = World::prepared();
    let third = world.operator(THIRD, Flaw::None);
    world.serve();
    let file = world.pki().list();
    let first = fs::read(&file).unwrap();
    world.list("nouveau.mssante.fr", &third.issued.subject.to_string());
    world.refresh(Site::Nord);
    let good = fs::read(&file).unwrap();
    let rows = world.pki().rows().unwrap();
    let none: Vec<_> = rows.iter().filter(|row| row.domain != THIRD).cloned().collect();
    let signed = |signer: &Issued| sign_list(signer, Timestamp::now(), &none).unwrap();
    let altered = String::from_utf8(good.clone()).unwrap().replace(THIRD, "autre.mssante.fr");

    for (bytes, why) in [
        (good[..good.len() / 2].to_vec(), "cut off before its end"),
        (first, "before the one in force"),
        (signed(&signer(&world, Space::Foreign)), "is not among the authorities"),
        (signed(&signer(&world, Space::Impostor)), "not that of its issuer"),
        (signed(&another_signer(&world)), "not one of the accepted signers"),
        (altered.into_bytes(), "has been altered"),
        (Vec::new(), "cut off before its end"),
    ] {
        fs::write(&file, bytes).unwrap();
        let told = world.refresh(Site::Nord);
        let status = succeed(&mut world.command(&["trust", "status"]));
        let alarm = |text: &str| text.lines().any(|line| line.contains("ALARM") && line.contains(why));
        assert!(alarm(&told) && alarm(&status), "{why}:\n{told}\n{status}");
        assert!(status.contains("relaying goes on"), "{status}");
        let (checked, good) = run(world.command(&["trust", "check"]).arg(&file));
        assert!(why == "before the one in force" || !good, "{checked}");
        let shown = succeed(&mut world.command(&["trust", "show", THIRD]));
        assert!(shown.contains(&third.host), "{shown}");
        let mut smtp = world.relay_as(Site::Nord, &third).unwrap();
        let (code, text) = smtp.command(&format!("MAIL FROM:<{CHIEF}>")).unwrap();
        assert_eq!(code, 250, "{why}: {text}");
    }
    // the daemon starts with the last good list, whatever the file holds
    world.kill();
    world.serve();
    let shown = succeed(&mut world.command(&["trust", "show", "nouveau.mssante.fr"]));
    assert!(shown.contains(&third.host), "{shown}");
    assert!(succeed(&mut world.command(&["trust", "status"])).contains("ALARM"));
    fs::write(&file, good).unwrap();
    let told = world.refresh(Site::Nord);
    assert!(!told.contains("ALARM"), "{told}");
}

/// Somebody of the accepted name whose certificate is of another hierarchy.
fn signer(world: &World, space: Space) -> Issued {
    let now = Timestamp::now();
    let subject = world.pki().signer().subject.clone();
    let leaf = Leaf::signer(subject, "alb@demonstration.invalid", now - SignedDuration::from_hours(1));
    Hierarchy::new(space, now).unwrap().organisations.issue(&leaf).unwrap()
}

/// Somebody of another name whom the right authority certified to sign.
fn another_signer(world: &World) -> Issued {
    let subject = Name::server("alb.demonstration.invalid", "1990000007", "UNE AUTRE AGENCE", "Paris (75)");
    let leaf = Leaf::signer(subject, "alb@autre.invalid", Timestamp::now());
    world.pki().hierarchy().organisations.issue(&leaf).unwrap()
}
