//! Sessions that wait: how soon they are told of a new message, and what they cost the server's memory.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::filling::BESIDE;
use crate::letters::letter;
use crate::peers::Peer;
use crate::report::{Goal, Report, Times};
use crate::{Options, Way, memory};

/// Messages that an idle session is told of.
const TOLD: usize = 20;

/// What both servers may take to come to rest.
const REST: Duration = Duration::from_secs(2);

/// From the last byte of an APPEND on one connection, its fsync included, to EXISTS on another.
pub fn latency(peers: &[Box<dyn Peer>; 2], way: Way, report: &mut Report) {
    let mut times = [Times::default(), Times::default()];
    for (at, peer) in peers.iter().enumerate() {
        let [mut waiting, mut writing] = [(), ()].map(|()| Client::log_in(&**peer, way));
        waiting.ask(&format!("SELECT {BESIDE}"));
        for n in 0..TOLD {
            waiting.idle();
            writing.begin_append(BESIDE, &letter(n));
            let sent = Instant::now();
            waiting.told_exists();
            times[at].add(sent.elapsed().as_secs_f64() * 1000.0);
            writing.answered("APPEND");
            waiting.done();
        }
    }
    report.row("IDLE: from an APPEND to EXISTS elsewhere", way, Goal::None, times);
}

/// Memory of each session that has the large box open and idles. The first tenth is not counted: what one session needs as
/// well as thousands do is there by then.
pub fn memory(peers: &mut [Box<dyn Peer>; 2], way: Way, options: &Options, report: &mut Report) {
    if options.sessions < 10 {
        return;
    }
    let mut each = [Times::default(), Times::default()];
    for (at, peer) in peers.iter_mut().enumerate() {
        peer.restart();
        let mut waiting = Vec::new();
        let mut before = 0.0;
        for n in 0..options.sessions {
            if n == options.sessions / 10 {
                before = held(&**peer);
            }
            let mut client = Client::log_in(&**peer, way);
            client.ask("SELECT INBOX");
            client.idle();
            client.shrink();
            waiting.push(client);
        }
        let sessions = options.sessions - options.sessions / 10;
        each[at].add((held(&**peer) - before) / sessions as f64);
        drop(waiting);
        peer.restart();
    }
    let goal = match way {
        Way::Clear => Goal::Kibibytes(4.0),
        Way::Tls => Goal::Kibibytes(12.0),
    };
    report.row(&format!("memory of an idle session, of {}", options.sessions), way, goal, each);
}

fn held(peer: &dyn Peer) -> f64 {
    sleep(REST);
    memory::kib(&peer.processes())
}
