//! Fills both boxes with the same messages: ours by APPEND from several connections, Dovecot's by its files, which it indexes at a
//! first opening that nothing is measured of.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::client::Client;
use crate::letters::letter;
use crate::peers::Peer;
use crate::{Options, Way};

/// Connections that append at once.
pub const APPENDERS: usize = 10;

/// The box that appended messages go to, beside the large one.
pub const BESIDE: &str = "Mesures";

pub fn fill(peers: &mut [Box<dyn Peer>; 2], options: &Options) {
    for peer in peers {
        let started = Instant::now();
        peer.fill(options.messages);
        let mut client = Client::log_in(&**peer, Way::Clear);
        let selected = client.ask("SELECT INBOX");
        let wanted = format!("* {} EXISTS\r\n", options.messages);
        let holds = selected.windows(wanted.len()).any(|window| window == wanted.as_bytes());
        assert!(holds, "{}: {}", peer.name(), String::from_utf8_lossy(selected));
        client.ask(&format!("CREATE {BESIDE}"));
        eprintln!("{} filled in {:.1} s", peer.name(), started.elapsed().as_secs_f64());
    }
}

/// Appends messages `from`… to `mailbox` from several connections, each waiting for its OK; gives how many a second.
pub fn append_all(peer: &dyn Peer, way: Way, mailbox: &str, from: usize, messages: usize) -> f64 {
    let next = AtomicUsize::new(0);
    let letters: Vec<_> = (from..from + messages).map(letter).collect();
    let mut clients: Vec<_> = (0..APPENDERS).map(|_| Client::log_in(peer, way)).collect();
    let started = Instant::now();
    thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(|| {
                while let Some(letter) = letters.get(next.fetch_add(1, Ordering::Relaxed)) {
                    client.append(mailbox, letter);
                }
            });
        }
    });
    messages as f64 / started.elapsed().as_secs_f64()
}
