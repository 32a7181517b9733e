//! What is asked of both relays, in turns, so that what the machine does meanwhile falls on both.
//!
//! May use: the generator, the sink. What came out is compared after the time was taken; a message that is missing, twice or altered
//! ends the run.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Options;
use crate::generator::{self, Load};
use crate::letters::{self, Size};
use crate::peers::{DebianPostfix, Ours, Relay, THERE};
use crate::report::{Figures, Report, Row};
use crate::sink::Sink;

/// How long a relay may take until all is where it belongs.
const PATIENCE: Duration = Duration::from_secs(300);

/// Messages that each session sends before anything is counted, so that processes and connections are there.
const WARM: usize = 2;

pub struct Bench<'a> {
    pub ours: Ours,
    pub postfix: DebianPostfix,
    pub sink: &'a Sink,
    pub options: Options,
    pub report: Report,
}

impl Bench<'_> {
    pub fn run(&mut self) {
        let mut row = 0;
        for size in [Size::Kib4, Size::Kib100] {
            for (sessions, reuse) in [(1, true), (10, true), (50, true), (1, false), (10, false), (50, false)]
            {
                row += 1;
                if self.options.only > 0 && self.options.only != row {
                    continue;
                }
                let messages = match size {
                    Size::Kib4 => self.options.messages,
                    Size::Kib100 => self.options.messages / 4,
                };
                // One session alone waits for each message: fewer of them tell as much.
                let messages = if sessions == 1 { messages / 2 } else { messages };
                let load = Load { size, sessions, reuse, messages: messages.max(sessions).max(100) };
                self.inward(&load);
                self.outward(&load);
            }
        }
    }

    fn inward(&mut self, load: &Load) {
        if !self.options.inward {
            return;
        }
        let mut row = Row::new("in", load);
        for _ in 0..self.options.runs {
            row.ours.push(accept(&self.ours, load, Relay::kept));
            row.postfix.push(accept(&self.postfix, load, Relay::kept));
            self.postfix.clear();
            self.postfix.hold(true);
            row.held.push(accept(&self.postfix, load, DebianPostfix::held));
            self.postfix.hold(false);
            self.postfix.clear();
        }
        self.report.add(row);
    }

    fn outward(&mut self, load: &Load) {
        if !self.options.outward {
            return;
        }
        let mut row = Row::new("out", load);
        self.sink.set_most(if load.reuse { usize::MAX } else { 1 });
        self.postfix.reuse_connections(load.reuse);
        for _ in 0..self.options.runs {
            row.ours.push(relay(&self.ours, load, self.sink));
            row.postfix.push(relay(&self.postfix, load, self.sink));
        }
        self.report.add(row);
    }
}

fn warm(load: &Load) -> Load {
    Load { messages: load.sessions * WARM, ..*load }
}

/// From another operator: accepted and durable, then until all of it is where `kept` counts it.
fn accept<R: Relay>(relay: &R, load: &Load, kept: impl Fn(&R) -> usize) -> Figures {
    let (target, recipients) = (relay.inbound(), relay.recipients());
    let send = |load: &Load| generator::send(load, &target, super::SENDER, &recipients);
    let before = kept(relay);
    let warm = warm(load);
    send(&warm);
    wait_until(|| kept(relay) >= before + warm.messages);
    let used = relay.seconds();
    let accepted = send(load);
    let all = before + warm.messages + load.messages;
    if relay.delivers_later() {
        wait_until(|| kept(relay) >= all);
    }
    // Before anybody counts over IMAP, which costs too.
    let used = relay.seconds() - used;
    assert_eq!(kept(relay), all, "each message came once");
    for sample in relay.samples() {
        letters::assert_whole(load.size, &sample);
    }
    Figures::of(load.messages, accepted, None, used)
}

/// To the sink: handed in while the sink lets everybody wait, then drained.
fn relay(relay: &impl Relay, load: &Load, sink: &Sink) -> Figures {
    let target = relay.outbound();
    let send = |load: &Load| generator::send(load, &target, relay.sender(), &[THERE]);
    let warm = warm(load);
    sink.set_open(true);
    send(&warm);
    sink.wait_for(warm.messages);
    sink.forget();
    sink.set_open(false);
    let used = relay.seconds();
    let accepted = send(load);
    sink.set_open(true);
    let opened = Instant::now();
    let drained = sink.wait_for(load.messages) - opened;
    sleep(Duration::from_millis(500));
    let used = relay.seconds() - used;
    sink.take(load.size, load.messages);
    Figures::of(load.messages, accepted, Some(drained), used)
}

fn wait_until(done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "not all messages came");
        sleep(Duration::from_millis(100));
    }
}
