//! What an IMAP session costs the daemon while nothing happens in it, in KiB of its resident memory: sessions inside TLS are opened
//! over loopback until there are so many (5,000 unless said: `cargo bench -p vaguemestre --bench idle_sessions -- 1000`), and
//! measured after the greeting, after the login, with INBOX open, and in IDLE. The kernel's own buffers are not in it.
//!
//! May use: the built program, loopback, a temporary directory. Must never become a test: nothing here passes or fails.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    dead_code,
    unused_imports
)]

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::thread;
use std::time::{Duration, Instant};

use harness::{DOCTOR, Imap, PASSWORD, Site, World};

/// Connections opened at the same time: enough to keep both sides busy.
const THREADS: usize = 4;

/// Sessions opened and closed before anything is measured: what the first ones bring for good is not theirs.
const WARMING: usize = 200;

/// Messages in INBOX: a view of them is what IDLE keeps.
const MESSAGES: usize = 100;

fn main() {
    let sessions = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(5_000);
    let world = world();
    deliver(&world);
    let warm = open(&world, WARMING);
    each(warm, |imap| drop(idling(imap)));
    settle();
    let empty = world.memory("RssAnon");
    println!("the daemon with nobody: {empty} KiB of its own");
    println!("{:<34} {:>12} {:>12}", format!("{sessions} sessions in TLS"), "KiB each", "RSS MiB");
    let tell = |name: &str| {
        settle();
        let now = world.memory("RssAnon");
        let one = now.saturating_sub(empty) as f64 / sessions as f64;
        println!("{name:<34} {one:>12.2} {:>12.1}", world.memory("VmRSS") as f64 / 1024.0);
    };
    let started = Instant::now();
    let greeted = open(&world, sessions);
    tell("greeted");
    let logged_in = each(greeted, |mut imap| {
        imap.ok(&format!("LOGIN {DOCTOR} {PASSWORD}"));
        imap
    });
    tell("logged in");
    let selected = each(logged_in, |mut imap| {
        imap.ok("SELECT INBOX");
        imap
    });
    tell("INBOX selected");
    let idle = each(selected, idling);
    tell("IDLE");
    println!("opened and brought there in {:.1} s", started.elapsed().as_secs_f64());
    drop(idle);
}

fn world() -> World {
    let mut world = World::prepared();
    for key in ["imap_sessions", "sessions_per_peer"] {
        world.configure(Site::Nord, "limits", key, "20000");
    }
    world.configure(Site::Nord, "imap", "sessions_per_account", "20000");
    world.serve();
    world
}

fn deliver(world: &World) {
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    for n in 0..MESSAGES {
        let message = harness::letter(DOCTOR, &format!("repos-{n}@poste"), "#med# repos", "rien");
        let reply = smtp.submit(DOCTOR, &[DOCTOR], message.as_bytes()).unwrap();
        assert_eq!(reply.0, 250, "{}", reply.1);
    }
}

fn open(world: &World, count: usize) -> Vec<Imap> {
    let (port, ca) = (world.imaps(), world.ca());
    let seats: Vec<()> = vec![(); count];
    each(seats, move |()| Imap::connect(port, &ca))
}

/// Logged in, INBOX open, in IDLE, whatever was done before.
fn idling(mut imap: Imap) -> Imap {
    if !imap.command("SELECT INBOX").1.starts_with("OK") {
        imap.ok(&format!("LOGIN {DOCTOR} {PASSWORD}"));
        imap.ok("SELECT INBOX");
    }
    imap.send(b"i IDLE\r\n").unwrap();
    assert!(imap.line().unwrap().starts_with(b"+ "));
    imap
}

/// Does one thing with each, some at a time.
fn each<T: Send, R: Send>(list: Vec<T>, one: impl Fn(T) -> R + Sync) -> Vec<R> {
    let size = list.len().div_ceil(THREADS).max(1);
    let mut list = list.into_iter();
    let parts: Vec<Vec<T>> = (0..THREADS).map(|_| list.by_ref().take(size).collect()).collect();
    thread::scope(|scope| {
        let threads: Vec<_> = parts
            .into_iter()
            .map(|part| scope.spawn(|| part.into_iter().map(&one).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Time for the daemon to let go of what it held for the last step only.
fn settle() {
    thread::sleep(Duration::from_millis(1500));
}
