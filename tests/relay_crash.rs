//! kill -9 of either operator while mail goes from nord to sud: every message that was told 250 arrives, once; where the
//! answer of sud got lost, nord sends again and sud says 250 without a second copy (I-1).

use std::sync::mpsc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use crate::harness::line::{Act, CONTENT, Line};
use crate::harness::random::seed;
use crate::harness::{
    DOCTOR, EMERGENCIES, PASSWORD, Random, Site, Smtp, World, base64_lines, letter, noise, succeed,
};

const ROUNDS: u64 = 12;
const TRANSFERS: u64 = 5;
const SUD_DOMAIN: &str = "clinique-sud.mssante.fr";
/// Who opens the box of the emergencies.
const READER: &str = "urgences@clinique-sud.mssante.fr*interne.quatre@clinique-sud.mssante.fr";
const PATIENCE: Duration = Duration::from_secs(90);

struct Transfer {
    id: String,
    body: String,
    told: bool,
}

#[test]
fn killed_on_either_side_what_was_told_arrives_once() {
    let seed = seed();
    let mut random = Random::from(seed);
    let mut world = World::prepared();
    restless(&world, world.relay(Site::Sud));
    world.serve_at(Site::Sud);
    world.serve();
    let (mut transfers, mut kills, mut caught) = (Vec::new(), [0, 0], 0);
    for round in 0..ROUNDS {
        let (tell, told) = mpsc::channel();
        let running: Vec<_> = (0..TRANSFERS)
            .map(|number| {
                let mut smtp = world.smtp();
                assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
                let body = base64_lines(&noise(random.below(300_000), seed + round * 100 + number));
                let id = format!("relais-{round}-{number}@poste");
                let tell = tell.clone();
                thread::spawn(move || submit(smtp, id, body, &tell))
            })
            .collect();
        // Sud is killed more often: what leaves nord is under way there after each answer of the submission.
        let sites: &[Site] = match round % 4 {
            0 | 2 => &[Site::Sud],
            1 => &[Site::Nord],
            _ => &[Site::Sud, Site::Nord],
        };
        for _ in 0..=round % TRANSFERS {
            told.recv_timeout(Duration::from_secs(30)).unwrap();
        }
        for &site in sites {
            sleep(Duration::from_micros(random.below(40_000) as u64));
            world.kill_at(site);
            kills[site as usize] += 1;
        }
        transfers.extend(running.into_iter().map(|transfer| transfer.join().unwrap()));
        if sites == [Site::Sud] {
            caught += world.queued_at(Site::Nord);
        }
        for &site in sites {
            world.serve_at(site);
        }
    }
    let told = transfers.iter().filter(|transfer| transfer.told).count();
    println!("{} transfers, {told} told 250; kills of nord and sud: {kills:?}", transfers.len());
    println!("{caught} were still waiting when sud alone was killed");
    assert!(caught > 0, "some were cut on their way");
    assert_eq!(transfers.len() as u64, ROUNDS * TRANSFERS);
    wait_until_empty(&world);
    compare(&world, &transfers, |transfer| if transfer.told { &[1] } else { &[0, 1] });

    // What a client does whose answer it never read.
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    for transfer in transfers.iter().filter(|transfer| !transfer.told) {
        assert_eq!(smtp.submit(DOCTOR, &[EMERGENCIES], message(transfer).as_bytes()).unwrap().0, 250);
    }
    wait_until_empty(&world);
    compare(&world, &transfers, |_| &[1]);
    println!("repetitions that sud answered without a second copy: {}", repetitions(&world));
}

/// What happens between sud's commit and the moment nord knows of it.
#[derive(Debug, Clone, Copy)]
enum Accident {
    /// The line breaks.
    LineCut,
    /// Sud is killed.
    SudKilled,
    /// Nord is killed.
    NordKilled,
}

#[test]
fn an_answer_that_is_never_read_costs_no_second_copy() {
    let mut world = World::prepared();
    let line = Line::to(world.relay(Site::Sud));
    restless(&world, line.port);
    world.serve_at(Site::Sud);
    world.serve();
    let mut transfers = Vec::new();
    for (number, accident) in
        [Accident::LineCut, Accident::SudKilled, Accident::NordKilled].into_iter().enumerate()
    {
        println!("{accident:?}");
        let before = repetitions(&world);
        line.hold_answers();
        let mut smtp = world.smtp();
        assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
        let body = base64_lines(&noise(2 * CONTENT, number as u64 + 7));
        let mut transfer = Transfer { id: format!("reponse-perdue-{number}@poste"), body, told: false };
        transfer.told = smtp
            .submit(DOCTOR, &[EMERGENCIES], message(&transfer).as_bytes())
            .is_ok_and(|reply| reply.0 == 250);
        assert!(transfer.told);
        transfers.push(transfer);
        // Sud has answered the content: the message is in its store, and nord does not know.
        line.wait_for_answer(PATIENCE);
        compare(&world, &transfers, |_| &[1]);
        assert_eq!(world.queued_at(Site::Nord), 1, "nord keeps what it has no answer for");
        match accident {
            Accident::LineCut => {}
            Accident::SudKilled => world.kill_at(Site::Sud),
            Accident::NordKilled => world.kill_at(Site::Nord),
        }
        line.cut(Act::Close);
        match accident {
            Accident::LineCut => {}
            Accident::SudKilled => world.serve_at(Site::Sud),
            Accident::NordKilled => world.serve_at(Site::Nord),
        }
        wait_until_empty(&world);
        compare(&world, &transfers, |_| &[1]);
        assert_eq!(repetitions(&world), before + 1, "sud was sent it again, and said 250");
    }
}

/// Nord tries again every second, towards this port.
fn restless(world: &World, port: u16) {
    world.routes(Site::Nord, &[(SUD_DOMAIN, port)]);
    world.restless(Site::Nord);
}

fn message(transfer: &Transfer) -> String {
    letter(EMERGENCIES, &transfer.id, "#med# coupure entre opérateurs", &transfer.body)
}

/// One submission to nord that a kill may cut anywhere.
fn submit(mut smtp: Smtp, id: String, body: String, tell: &mpsc::Sender<()>) -> Transfer {
    let mut transfer = Transfer { id, body, told: false };
    let reply = smtp.submit(DOCTOR, &[EMERGENCIES], message(&transfer).as_bytes());
    transfer.told = reply.is_ok_and(|reply| reply.0 == 250);
    if transfer.told {
        // Nobody counts any more once the daemon is being killed.
        let _ = tell.send(());
    }
    transfer
}

fn wait_until_empty(world: &World) {
    let deadline = Instant::now() + PATIENCE;
    while world.queued_at(Site::Nord) > 0 {
        assert!(
            Instant::now() < deadline,
            "nord's queue does not empty:\n{}",
            succeed(&mut world.command(&["queue", "list"]))
        );
        sleep(Duration::from_millis(200));
    }
}

/// How often sud was sent a message again that it had.
fn repetitions(world: &World) -> usize {
    world.log_at(Site::Sud).lines().filter(|line| line.contains("repeated")).count()
}

/// Each transfer is in sud's box one of the given numbers of times, complete.
fn compare(world: &World, transfers: &[Transfer], expected: impl Fn(&Transfer) -> &'static [usize]) {
    let found = world.imap_at(Site::Sud, READER).texts();
    for transfer in transfers {
        let copies = found.get(&transfer.id).map_or(&[][..], Vec::as_slice);
        let right = expected(transfer).contains(&copies.len());
        assert!(right, "{}: told {}, {} copies", transfer.id, transfer.told, copies.len());
        let whole = copies.iter().all(|text| *text == format!("{}\r\n", transfer.body));
        assert!(whole, "{} is not complete", transfer.id);
    }
}
