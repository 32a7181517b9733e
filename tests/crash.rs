//! kill -9 at random moments of 50 transfers: what was told 250 is there, once; what was not is absent or complete (I-1).

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::harness::random::seed;
use crate::harness::{
    DEPARTMENT, DOCTOR, INTERN, PASSWORD, Random, SECRETARY, Smtp, World, base64_lines, letter, noise,
};

const ROUNDS: u64 = 10;
const TRANSFERS: u64 = 5;

struct Transfer {
    id: String,
    body: String,
    told: bool,
}

#[test]
fn killed_at_any_moment_what_was_told_is_there_once() {
    let seed = seed();
    let mut random = Random::from(seed);
    let mut world = World::start();
    let mut transfers = Vec::new();
    for round in 0..ROUNDS {
        let (tell, told) = mpsc::channel();
        let running: Vec<_> = (0..TRANSFERS)
            .map(|n| {
                let mut smtp = world.smtp();
                assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
                let body = base64_lines(&noise(random.below(400_000), seed + round * 100 + n));
                let id = format!("transfert-{round}-{n}@poste");
                let tell = tell.clone();
                thread::spawn(move || transfer(smtp, id, body, &tell))
            })
            .collect();
        // Kill after so many answers, and at a random moment of what is still under way then.
        for _ in 0..round % TRANSFERS {
            told.recv_timeout(Duration::from_secs(30)).unwrap();
        }
        thread::sleep(Duration::from_micros(random.below(6_000) as u64));
        world.kill();
        transfers.extend(running.into_iter().map(|t| t.join().unwrap()));
        world.serve();
    }
    let told = transfers.iter().filter(|t| t.told).count();
    println!("{} transfers begun, {told} told 250", transfers.len());
    assert_eq!(transfers.len() as u64, ROUNDS * TRANSFERS);
    assert!(told < transfers.len(), "some were cut");

    let boxes = [format!("{DEPARTMENT}*{INTERN}"), SECRETARY.to_owned()];
    let found: Vec<_> = boxes.iter().map(|user| world.imap_as(user).texts()).collect();
    for transfer in &transfers {
        let copies: Vec<usize> = found.iter().map(|f| f.get(&transfer.id).map_or(0, Vec::len)).collect();
        let expected: &[&[usize]] = if transfer.told { &[&[1, 1]] } else { &[&[0, 0], &[1, 1]] };
        assert!(
            expected.contains(&copies.as_slice()),
            "{}: told {}, copies {copies:?}",
            transfer.id,
            transfer.told
        );
        for texts in found.iter().filter_map(|f| f.get(&transfer.id)) {
            assert!(
                texts.iter().all(|t| *t == format!("{}\r\n", transfer.body)),
                "{} is not complete",
                transfer.id
            );
        }
    }
    retry_the_rest(&world, &transfers);
    for user in &boxes {
        let found = world.imap_as(user).texts();
        assert!(
            transfers.iter().all(|t| found.get(&t.id).map(Vec::len) == Some(1)),
            "after a retry, each once"
        );
    }
}

/// One submission that the kill may cut anywhere.
fn transfer(mut smtp: Smtp, id: String, body: String, tell: &mpsc::Sender<()>) -> Transfer {
    let message = letter(DEPARTMENT, &id, "#med# coupure", &body);
    let told = smtp.submit(DOCTOR, &[DEPARTMENT, SECRETARY], message.as_bytes()).is_ok_and(|r| r.0 == 250);
    if told {
        // Nobody counts any more once the daemon is being killed.
        let _ = tell.send(());
    }
    Transfer { id, body, told }
}

/// What a client does with a message whose answer it never read: it sends the same again.
fn retry_the_rest(world: &World, transfers: &[Transfer]) {
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    for transfer in transfers.iter().filter(|t| !t.told) {
        let message = letter(DEPARTMENT, &transfer.id, "#med# coupure", &transfer.body);
        assert_eq!(smtp.submit(DOCTOR, &[DEPARTMENT, SECRETARY], message.as_bytes()).unwrap().0, 250);
    }
}
