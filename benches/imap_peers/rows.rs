//! What is asked of both peers, in turns: a row is once of each peer, again and again, so that what the machine does meanwhile falls
//! on both.
//!
//! May use: the client. Each answer is looked at after its time was taken; one that says less than it must ends the run.

use crate::client::{Client, untagged};
use crate::filling::{self, BESIDE};
use crate::letters::SOUGHT;
use crate::peers::Peer;
use crate::report::{Goal, Report, Times};
use crate::{Options, Way};

/// Bodies that are fetched one after another.
const BODIES: usize = 1_000;

/// Octets of a body at least.
const BODY: usize = 3_000;

/// Times that a fresh process is tried: it takes a second to start one.
const STARTS: usize = 3;

type Peers = [Box<dyn Peer>; 2];

/// Fills in the rows of one way.
pub fn measure(peers: &mut Peers, way: Way, options: &Options, report: &mut Report) {
    opening(peers, way, options, report);
    let mut clients = [0, 1].map(|at: usize| {
        let mut client = Client::log_in(&*peers[at], way);
        client.ask("SELECT INBOX");
        client
    });
    reading(&mut clients, way, options, report);
    changing(&mut clients, way, options, report);
    drop(clients);
    appending(peers, way, options, report);
}

/// SELECT of the large box, in processes that just started and in those that know it.
fn opening(peers: &mut Peers, way: Way, options: &Options, report: &mut Report) {
    let mut fresh = [Times::default(), Times::default()];
    let mut fresh_select = [Times::default(), Times::default()];
    for _ in 0..STARTS {
        for (at, peer) in peers.iter_mut().enumerate() {
            peer.restart();
            let mut client = Client::connect(&**peer, way);
            let login = client.timed(&format!("LOGIN {} {}", peer.user(), crate::harness::PASSWORD));
            let select = client.timed("SELECT INBOX");
            fresh[at].add(login + select);
            fresh_select[at].add(select);
        }
    }
    report.row("LOGIN and SELECT, fresh process", way, Goal::None, fresh);
    report.row("SELECT, fresh process", way, Goal::Milliseconds(8.0), fresh_select);
    let again = |at: usize| {
        let mut client = Client::connect(&*peers[at], way);
        let login = client.timed(&format!("LOGIN {} {}", peers[at].user(), crate::harness::PASSWORD));
        login + client.timed("SELECT INBOX")
    };
    report.row("LOGIN and SELECT", way, Goal::None, turns(options.runs, again));
    let mut clients = [0, 1].map(|at: usize| Client::log_in(&*peers[at], way));
    let select = |at: usize| {
        let took = clients[at].timed("SELECT INBOX");
        clients[at].ask(&format!("SELECT {BESIDE}"));
        took
    };
    report.row("SELECT", way, Goal::Milliseconds(1.0), turns(options.runs, select));
}

fn reading(clients: &mut [Client; 2], way: Way, options: &Options, report: &mut Report) {
    for (name, command, goal) in [
        ("FETCH 1:* FLAGS", "FETCH 1:* (FLAGS UID)", 20.0),
        ("FETCH 1:* ENVELOPE", "FETCH 1:* (ENVELOPE)", 100.0),
    ] {
        let listed = turns(options.runs, |at| {
            let took = clients[at].timed(command);
            assert_eq!(untagged(clients[at].last()), options.messages, "{command}");
            took
        });
        report.row(name, way, Goal::Milliseconds(goal), listed);
    }
    let numbers = scattered(options.messages);
    let bodies = turns(options.runs, |at| {
        let mut took = 0.0;
        for number in &numbers {
            took += clients[at].timed(&format!("FETCH {number} (BODY.PEEK[])"));
            assert!(clients[at].last().len() > BODY);
        }
        took
    });
    report.row("FETCH of 1,000 bodies, one after another", way, Goal::None, bodies);
    let found = options.messages.div_ceil(50);
    let search = turns(options.runs, |at| {
        let took = clients[at].timed(&format!("SEARCH SUBJECT {SOUGHT}"));
        let line = clients[at].last().split(|&b| b == b'\n').next().unwrap();
        assert_eq!(line.split(|&b| b == b' ').count() - 2, found, "SEARCH");
        took
    });
    report.row("SEARCH SUBJECT", way, Goal::None, search);
}

fn changing(clients: &mut [Client; 2], way: Way, options: &Options, report: &mut Report) {
    let flags = turns(options.runs, |at| {
        let took = clients[at].timed("STORE 1:* +FLAGS (\\Flagged)");
        assert_eq!(untagged(clients[at].last()), options.messages, "STORE");
        clients[at].ask("STORE 1:* -FLAGS.SILENT (\\Flagged)");
        took
    });
    report.row("STORE 1:* +FLAGS", way, Goal::Milliseconds(250.0), flags);
    let (some, all) = (options.some(), options.messages);
    let (mut copies, mut expunges) =
        ([Times::default(), Times::default()], [Times::default(), Times::default()]);
    for _ in 0..options.runs {
        for (at, client) in clients.iter_mut().enumerate() {
            copies[at].add(client.timed(&format!("COPY 1:{some} INBOX")));
            client.ask("NOOP");
            client.ask(&format!("STORE {}:{} +FLAGS.SILENT (\\Deleted)", all + 1, all + some));
            expunges[at].add(client.timed("EXPUNGE"));
            assert_eq!(expunged(client.last()), some, "EXPUNGE");
        }
    }
    report.row(&format!("COPY of {some} into the same box"), way, Goal::None, copies);
    report.row(&format!("EXPUNGE of {some}"), way, Goal::None, expunges);
}

fn appending(peers: &Peers, way: Way, options: &Options, report: &mut Report) {
    let mut from = options.messages;
    let rates = turns(options.runs.min(3), |at| {
        from += options.appends;
        filling::append_all(&*peers[at], way, BESIDE, from, options.appends)
    });
    report.rates("APPEND of 4 KiB from 10 connections", way, Goal::PerSecond(6000.0), rates);
}

/// Each of both so many times, in turns.
fn turns(runs: usize, mut once: impl FnMut(usize) -> f64) -> [Times; 2] {
    let mut times = [Times::default(), Times::default()];
    for _ in 0..runs {
        for (at, times) in times.iter_mut().enumerate() {
            times.add(once(at));
        }
    }
    times
}

/// Sequence numbers all over the box, the same in each run.
fn scattered(messages: usize) -> Vec<usize> {
    (1..=BODIES).map(|n| n * 104_729 % messages + 1).collect()
}

fn expunged(answer: &[u8]) -> usize {
    answer.split(|&b| b == b'\n').filter(|line| line.ends_with(b" EXPUNGE\r")).count()
}
