//! The load generator: so many sessions, each waiting for the 250 of a message before it sends the next.
//!
//! May use: its own connections. What a peer answers otherwise than with a yes ends the run.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::letters::{Size, header};
use crate::line::{Line, Target};

/// What is sent, by how many, and how.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub size: Size,
    pub sessions: usize,
    /// One connection for all messages of a session, or one for each message.
    pub reuse: bool,
    pub messages: usize,
}

/// Each run is a series of its own: what is sent again is another message.
static SERIES: AtomicUsize = AtomicUsize::new(0);

/// Sends messages 0 to `messages` from `from` to each of `to` in turn; gives the time from the first connection to the last 250.
pub fn send(load: &Load, target: &Target, from: &str, to: &[&str]) -> Duration {
    let (next, series) = (AtomicUsize::new(0), SERIES.fetch_add(1, Ordering::Relaxed));
    // Bodies are made before the time is taken.
    load.size.body(0);
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..load.sessions {
            scope.spawn(|| session(load, target, (from, to), series, &next));
        }
    });
    started.elapsed()
}

fn session(load: &Load, target: &Target, (from, to): (&str, &[&str]), series: usize, next: &AtomicUsize) {
    let mut kept: Option<Line> = None;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= load.messages {
            break;
        }
        let to = to[number % to.len()];
        let mut line = kept.take().unwrap_or_else(|| Line::open(target));
        line.bring(from, to, &header(series, number, from, to), load.size.body(number));
        if load.reuse && !line.is_used_up() {
            kept = Some(line);
        } else {
            line.quit();
        }
    }
    if let Some(line) = kept {
        line.quit();
    }
}
