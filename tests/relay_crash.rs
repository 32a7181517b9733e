//! kill -9 of either operator while mail goes from nord to sud: every message that was told 250 arrives, once; where the
//! answer of sud got lost, nord sends again and sud says 250 without a second copy (I-1).

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::harness::{
    DOCTOR, EMERGENCIES, PASSWORD, Site, Smtp, World, base64_lines, letter, noise, succeed,
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
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into();
    println!("seed {seed}");
    let mut random = Random(seed);
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
            caught += queued(&world);
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
    let line = Line::between(world.relay(Site::Sud));
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
        line.wait_for_answer();
        compare(&world, &transfers, |_| &[1]);
        assert_eq!(queued(&world), 1, "nord keeps what it has no answer for");
        match accident {
            Accident::LineCut => {}
            Accident::SudKilled => world.kill_at(Site::Sud),
            Accident::NordKilled => world.kill_at(Site::Nord),
        }
        line.cut();
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
    world.configure(Site::Nord, "queue", "first_retry", "\"1 s\"");
    world.configure(Site::Nord, "queue", "longest_retry", "\"1 s\"");
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

/// Recipients that wait in nord's queue, as the administrator's command counts them.
fn queued(world: &World) -> usize {
    let text = succeed(&mut world.command(&["queue", "list", "--json"]));
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    answer["queue"]["entries"].as_array().unwrap().len()
}

fn wait_until_empty(world: &World) {
    let deadline = Instant::now() + PATIENCE;
    while queued(world) > 0 {
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
    let found = read_all(world);
    for transfer in transfers {
        let copies = found.get(&transfer.id).map_or(&[][..], Vec::as_slice);
        let right = expected(transfer).contains(&copies.len());
        assert!(right, "{}: told {}, {} copies", transfer.id, transfer.told, copies.len());
        let whole = copies.iter().all(|text| *text == format!("{}\r\n", transfer.body));
        assert!(whole, "{} is not complete", transfer.id);
    }
}

/// Message-ID (without brackets) to the texts found under it at the emergencies of sud.
fn read_all(world: &World) -> HashMap<String, Vec<String>> {
    let mut imap = world.imap_at(Site::Sud, READER);
    let selected = imap.text("EXAMINE INBOX");
    let exists: u32 =
        selected.lines().find_map(|l| l.strip_prefix("* ")?.strip_suffix(" EXISTS")?.parse().ok()).unwrap();
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    for number in 1..=exists {
        let header = String::from_utf8(imap.section(number, "HEADER.FIELDS (Message-ID)")).unwrap();
        let id = header.split(['<', '>']).nth(1).unwrap().to_owned();
        found.entry(id).or_default().push(String::from_utf8(imap.section(number, "TEXT")).unwrap());
    }
    found
}

/// More than a session says before its content, and less than the content.
const CONTENT: usize = 64 * 1024;

/// A line to sud that can keep back what sud answers to the content of a message. It sees nothing of what TLS hides: once
/// so many octets went towards sud since it was told to, what comes back can only be that answer.
struct Line {
    port: u16,
    state: Arc<LineState>,
}

#[derive(Default)]
struct LineState {
    hold: AtomicBool,
    /// Octets that went towards sud since then.
    sent: AtomicUsize,
    /// An answer was kept back.
    kept: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Line {
    fn between(target: u16) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(LineState::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map(Result::unwrap) {
                // Sud may be down: then nord is, as it should be, refused.
                if let Ok(server) = TcpStream::connect(("127.0.0.1", target)) {
                    shared.carry(client, server);
                }
            }
        });
        Line { port, state }
    }

    /// From now on, no answer to a content passes.
    fn hold_answers(&self) {
        self.state.kept.store(false, Ordering::SeqCst);
        self.state.sent.store(0, Ordering::SeqCst);
        self.state.hold.store(true, Ordering::SeqCst);
    }

    fn wait_for_answer(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.state.kept.load(Ordering::SeqCst) {
            assert!(Instant::now() < deadline, "sud does not answer the content");
            sleep(Duration::from_millis(10));
        }
    }

    /// Breaks every connection; the next ones work.
    fn cut(&self) {
        self.state.hold.store(false, Ordering::SeqCst);
        for stream in self.state.open.lock().unwrap().drain(..) {
            // One that ended by itself needs no cut.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl LineState {
    fn carry(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let copy = |stream: &TcpStream| stream.try_clone().unwrap();
        self.open.lock().unwrap().extend([copy(&client), copy(&server)]);
        let (up, down) = (Arc::clone(self), Arc::clone(self));
        let (from, to) = (copy(&client), copy(&server));
        thread::spawn(move || {
            pass(from, to, |octets| {
                up.sent.fetch_add(octets, Ordering::SeqCst);
                true
            });
        });
        thread::spawn(move || {
            pass(server, client, |_| {
                let answer = down.sent.load(Ordering::SeqCst) > CONTENT && down.hold.load(Ordering::SeqCst);
                if answer {
                    down.kept.store(true, Ordering::SeqCst);
                }
                !answer
            });
        });
    }
}

/// Carries octets as long as `go` says so, then swallows them until one end goes.
fn pass(mut from: TcpStream, mut to: TcpStream, mut go: impl FnMut(usize) -> bool) {
    let mut buffer = [0; 16 * 1024];
    let mut flows = true;
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        flows = flows && go(read);
        if flows && to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // The other end may be gone first.
    let _ = to.shutdown(Shutdown::Both);
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}
