//! What the measuring itself can do, beside smtp-source and smtp-sink of Postfix: who measures must be faster than what is measured.
//! In clear, and then both over mutual TLS, which those two do not speak.
//!
//! May use: those two programs, loopback.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::generator::{self, Load};
use crate::harness::succeed;
use crate::letters::Size;
use crate::line::Target;
use crate::peers::{SENDER, THERE};
use crate::sink::Sink;

const SOURCE: &str = "/usr/sbin/smtp-source";
const SINK: &str = "/usr/sbin/smtp-sink";

/// smtp-sink as a process.
struct TheirSink {
    child: Child,
    port: u16,
}

impl TheirSink {
    fn start() -> TheirSink {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(SINK);
        // It gives up what root may do.
        command
            .args(["-u", "nobody", &format!("127.0.0.1:{port}"), "512"])
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "smtp-sink does not come up");
            sleep(Duration::from_millis(10));
        }
        TheirSink { child, port }
    }
}

impl Drop for TheirSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Messages a second of smtp-source. What it sends is `size` octets of one character.
fn source(load: &Load, octets: usize, port: u16) -> f64 {
    let mut command = Command::new(SOURCE);
    command.args([
        "-s",
        &load.sessions.to_string(),
        "-m",
        &load.messages.to_string(),
        "-l",
        &octets.to_string(),
    ]);
    if load.reuse {
        command.arg("-d");
    }
    command.args(["-f", SENDER, "-t", THERE, &format!("127.0.0.1:{port}")]);
    let started = Instant::now();
    succeed(&mut command);
    load.messages as f64 / started.elapsed().as_secs_f64()
}

fn ours(load: &Load, target: &Target) -> f64 {
    load.messages as f64 / generator::send(load, target, SENDER, &[THERE]).as_secs_f64()
}

/// Measures and prints; `secured` is a sink over TLS and how the generator reaches it.
pub fn run(messages: usize, secured: (&Sink, &Target)) {
    let clear = Sink::start(None);
    let to_clear = Target { port: clear.port(), tls: None, login: None };
    let theirs = TheirSink::start();
    let to_theirs = Target { port: theirs.port, ..to_clear.clone() };
    println!("the measuring itself, messages/s: generator -> sink");
    println!(
        "{:<46} {:>14} {:>14} {:>14} {:>14} {:>14}",
        "", "theirs->theirs", "ours->theirs", "theirs->ours", "ours->ours", "mutual TLS"
    );
    for (size, octets) in [(Size::Kib4, 4096), (Size::Kib100, 102_400)] {
        for (sessions, reuse) in [(10, true), (10, false)] {
            let load = Load { size, sessions, reuse, messages };
            let rates = [
                source(&load, octets, theirs.port),
                ours(&load, &to_theirs),
                source(&load, octets, clear.port()),
                ours(&load, &to_clear),
                ours(&load, secured.1),
            ];
            clear.forget();
            secured.0.forget();
            let name = format!("{}, 10 sessions, {}", size.name(), super::kept(reuse));
            println!(
                "{name:<46} {:>14.0} {:>14.0} {:>14.0} {:>14.0} {:>14.0}",
                rates[0], rates[1], rates[2], rates[3], rates[4]
            );
        }
    }
}
