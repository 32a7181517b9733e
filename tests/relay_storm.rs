//! A storm: nord, sud and Debian's Postfix exchange mail over lines that fail at random, while each of the three is killed (kill -9)
//! and started again. Everything that was told 250 arrives; where an instance of ours receives, it is there once, however often it
//! was sent (I-1). What Postfix has twice is counted and told: it keeps what it is given.
//!
//! It stays below two minutes. `VAGUEMESTRE_STORM=2000` has each of the four ways carry so many messages, `VAGUEMESTRE_SEED` plays
//! a storm again as far as the machine allows.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use crate::harness::line::{Act, Line};
use crate::harness::postfix::Postfix;
use crate::harness::random::{from_environment, seed};
use crate::harness::{
    DEPARTMENT, DOCTOR, EMERGENCIES, Flaw, INTERN, PASSWORD, Random, SUD_DOCTOR, Site, Smtp, World,
    base64_lines, noise,
};

const DOMAIN: &str = "tiers.mssante.fr";
const THERE: &str = "accueil@tiers.mssante.fr";
/// Connections of a hundred that meet a fault.
const FAULTS: usize = 35;
/// How long calm may take to bring everything where it belongs.
const PATIENCE: Duration = Duration::from_secs(300);

/// Lines of main.cf: Postfix comes back as soon as ours does.
const RESTLESS: &str = "minimal_backoff_time = 1s\nmaximal_backoff_time = 2s\nqueue_run_delay = 1s\n\
                        transport_retry_time = 1s\ndefault_destination_concurrency_failed_cohort_limit = 100\n";

/// One way that messages go: who hands in, for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trip {
    NordToSud,
    SudToNord,
    NordToPostfix,
    PostfixToNord,
}

const TRIPS: [Trip; 4] = [Trip::NordToSud, Trip::SudToNord, Trip::NordToPostfix, Trip::PostfixToNord];

impl Trip {
    fn addresses(self) -> (&'static str, &'static str) {
        match self {
            Trip::NordToSud => (DOCTOR, EMERGENCIES),
            Trip::SudToNord => (SUD_DOCTOR, DOCTOR),
            Trip::NordToPostfix => (DOCTOR, THERE),
            Trip::PostfixToNord => (THERE, DEPARTMENT),
        }
    }
}

/// A message, and whether it was told 250.
struct Sent {
    trip: Trip,
    id: String,
    body: String,
    told: bool,
}

/// Where those who hand in reach the three.
struct Doors {
    nord: u16,
    sud: u16,
    postfix: u16,
    ca: PathBuf,
}

struct Storm {
    world: World,
    postfix: Postfix,
    lines: Vec<Line>,
    random: Random,
    kills: [usize; 3],
    cuts: usize,
}

#[test]
fn in_a_storm_every_message_arrives_and_ours_keep_one_copy() {
    let mut random = Random::from(seed());
    let messages = from_environment("VAGUEMESTRE_STORM", 90);
    let mut storm = Storm::begin(&mut random);
    let doors = storm.doors();
    let sent: Vec<Sent> = thread::scope(|scope| {
        let writers: Vec<_> = TRIPS
            .into_iter()
            .map(|trip| {
                let (random, doors) = (random.fork(), &doors);
                scope.spawn(move || write(trip, messages, random, doors))
            })
            .collect();
        while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            storm.blow();
        }
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    storm.calm();
    storm.compare(&sent);
}

impl Storm {
    fn begin(random: &mut Random) -> Storm {
        let mut world = World::prepared();
        let peer = world.operator(DOMAIN, Flaw::None);
        let [to_sud, to_nord, from_postfix] =
            [Site::Sud, Site::Nord, Site::Nord].map(|site| Line::to(world.relay(site)));
        let postfix = Postfix::tuned(&world, &peer, from_postfix.port, RESTLESS);
        let to_postfix = Line::to(postfix.relay);
        world.routes(Site::Nord, &[("clinique-sud.mssante.fr", to_sud.port), (DOMAIN, to_postfix.port)]);
        world.routes(Site::Sud, &[("chu-nord.mssante.fr", to_nord.port)]);
        for site in [Site::Nord, Site::Sud] {
            world.restless(site);
            world.serve_at(site);
        }
        let lines = vec![to_sud, to_nord, from_postfix, to_postfix];
        for line in &lines {
            line.mischief(FAULTS, random.fork());
        }
        Storm { world, postfix, lines, random: random.fork(), kills: [0; 3], cuts: 0 }
    }

    fn doors(&self) -> Doors {
        let [nord, sud] = [Site::Nord, Site::Sud].map(|site| self.world.submission_tls_at(site));
        Doors { nord, sud, postfix: self.postfix.submission, ca: self.world.ca() }
    }

    /// One gust: a kill, or a line that breaks with all that is on it.
    fn blow(&mut self) {
        sleep(Duration::from_millis(self.random.below(600) as u64));
        let pause = Duration::from_millis(self.random.below(300) as u64);
        match self.random.below(8) {
            victim @ (0 | 1) => {
                let site = [Site::Nord, Site::Sud][victim];
                self.world.kill_at(site);
                sleep(pause);
                self.world.serve_at(site);
                self.kills[victim] += 1;
            }
            2 => {
                self.postfix.kill();
                sleep(pause);
                self.postfix.serve();
                self.kills[2] += 1;
            }
            _ => {
                let line = self.random.below(self.lines.len());
                let act = [Act::Close, Act::Reset][self.random.below(2)];
                self.lines[line].cut(act);
                self.cuts += 1;
            }
        }
    }

    /// The lines are whole; waits until nothing is on its way.
    fn calm(&mut self) {
        for line in &self.lines {
            line.mischief(0, self.random.fork());
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ours = [Site::Nord, Site::Sud].map(|site| self.world.queued_at(site));
            let theirs: usize = ["incoming", "active", "deferred"]
                .map(|queue| self.postfix.files_in(queue).len())
                .iter()
                .sum();
            if ours == [0, 0] && theirs == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "it does not come to rest: {ours:?} and {theirs} wait");
            sleep(Duration::from_millis(500));
        }
    }

    fn compare(&self, sent: &[Sent]) {
        let struck: usize = self.lines.iter().map(Line::struck).sum();
        println!(
            "kills of nord, sud and Postfix: {:?}; all connections of a line cut {} times; faults on lines: {struck}",
            self.kills, self.cuts
        );
        for trip in TRIPS {
            let of_trip: Vec<_> = sent.iter().filter(|sent| sent.trip == trip).collect();
            let found = self.found(trip);
            let mut again = 0;
            for sent in &of_trip {
                let copies = found.get(&sent.id).map_or(&[][..], Vec::as_slice);
                again += copies.len().saturating_sub(1);
                let right = match (sent.told, trip) {
                    (true, Trip::NordToPostfix) => !copies.is_empty(),
                    (true, _) => copies.len() == 1,
                    (false, _) => copies.len() <= 1,
                };
                assert!(right, "{trip:?} {}: told {}, {} copies", sent.id, sent.told, copies.len());
                assert!(copies.iter().all(|text| *text == sent.body), "{trip:?} {} is not complete", sent.id);
            }
            let told = of_trip.iter().filter(|sent| sent.told).count();
            println!("{trip:?}: {told} told 250, all there; second copies: {again}");
            assert!(
                found.keys().all(|id| of_trip.iter().any(|sent| sent.id == *id)),
                "{trip:?}: no report came"
            );
        }
        let repeated =
            |site| self.world.log_at(site).lines().filter(|line| line.contains("repeated")).count();
        println!(
            "repetitions that nord and sud made no second copy of: {:?}",
            [Site::Nord, Site::Sud].map(repeated)
        );
        assert!(struck > 0 && self.kills.iter().sum::<usize>() > 0, "it was a storm");
    }

    /// What arrived: Message-ID to the texts under it.
    fn found(&self, trip: Trip) -> HashMap<String, Vec<String>> {
        match trip {
            Trip::NordToSud => self.world.imap_at(Site::Sud, &format!("{EMERGENCIES}*{SUD_DOCTOR}")).texts(),
            Trip::SudToNord => self.world.imap_as(DOCTOR).texts(),
            Trip::PostfixToNord => self.world.imap_as(&format!("{DEPARTMENT}*{INTERN}")).texts(),
            Trip::NordToPostfix => {
                let mut found: HashMap<_, Vec<_>> = HashMap::new();
                for file in self.postfix.delivered() {
                    let message = fs::read_to_string(file).unwrap().replace('\n', "\r\n");
                    let (header, text) = message.split_once("\r\n\r\n").unwrap();
                    let (_, id) = header.split_once("Message-ID: <").unwrap();
                    found.entry(id.split('>').next().unwrap().to_owned()).or_default().push(text.to_owned());
                }
                found
            }
        }
    }
}

/// Hands in so many messages, each until it is told 250.
fn write(trip: Trip, messages: usize, mut random: Random, doors: &Doors) -> Vec<Sent> {
    let mut all = Vec::new();
    let mut session = None;
    for number in 0..messages {
        let body = base64_lines(&noise(random.below(20_000) + 1, random.below(1 << 30) as u64));
        for attempt in 0.. {
            // Postfix takes what is handed in again for another message, so it is one: it may have it or not.
            let attempt = if trip == Trip::PostfixToNord { attempt } else { 0 };
            let id = format!("{trip:?}-{number}-{attempt}@poste");
            let sent = hand_in(trip, &mut session, &id, &body, doors);
            let told = sent.is_ok_and(|code| code == 250);
            if told || trip == Trip::PostfixToNord {
                all.push(Sent { trip, id, body: body.clone(), told });
            }
            if told {
                break;
            }
            session = None;
            sleep(Duration::from_millis(100));
        }
        sleep(Duration::from_millis(random.below(200) as u64));
    }
    all
}

fn hand_in(trip: Trip, session: &mut Option<Smtp>, id: &str, body: &str, doors: &Doors) -> io::Result<u16> {
    let (from, to) = trip.addresses();
    let mut smtp = match session.take() {
        Some(smtp) => smtp,
        None => open(trip, from, doors)?,
    };
    let message = format!(
        "From: {from}\r\nTo: {to}\r\nSubject: #med# dans la tempete\r\nMessage-ID: <{id}>\r\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}"
    );
    let (code, _) = smtp.submit(from, &[to], message.as_bytes())?;
    *session = Some(smtp);
    Ok(code)
}

fn open(trip: Trip, from: &str, doors: &Doors) -> io::Result<Smtp> {
    let port = match trip {
        Trip::NordToSud | Trip::NordToPostfix => doors.nord,
        Trip::SudToNord => doors.sud,
        Trip::PostfixToNord => return Smtp::in_clear(doors.postfix),
    };
    let mut smtp = Smtp::try_connect(port, &doors.ca)?;
    match smtp.try_login(from, PASSWORD)? {
        (235, _) => Ok(smtp),
        (_, text) => Err(io::Error::other(text)),
    }
}
