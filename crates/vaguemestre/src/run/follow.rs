//! `backup --follow` and `--receive`: the two ends of a second place. Runs until it is told to end.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    os::fd::AsFd as _,
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::json;
use store::{BackupError, Clock as _, Followed, Position, Receiver, SystemClock};

use super::{socket, unexpected};
use crate::{
    cli::{Backup, Remote},
    control::{
        client::{self, CallError},
        follow::Following,
        protocol::{Answer, Request},
    },
    exit::Failure,
    print::say,
};

/// How long it waits before it asks a daemon again that is not there.
const AGAIN: Duration = Duration::from_secs(1);
/// How often it tells how far behind it is.
const TELL: Duration = Duration::from_secs(60);
/// Times the interval after which being behind is told at once.
const LATE: i64 = 10;

/// Follows the daemon into a directory, through its restarts; or once, to the standard output.
pub(super) fn follow(remote: &Remote<Backup>, to: &Path, as_json: bool) -> Result<(), Failure> {
    let socket = socket(remote)?;
    if to == Path::new("-") {
        let mut stream = connect(&socket, None, remote.what.interval)?;
        let mut out = File::from(io::stdout().as_fd().try_clone_to_owned().map_err(failed)?);
        io::copy(&mut stream, &mut out).map_err(failed)?;
        return Err(Failure::failed("the daemon ended: start this again when it runs"));
    }
    let mut told = Told::new(remote.what.interval, as_json);
    let mut waiting = false;
    loop {
        // Each time anew: what was only half received is cut away.
        let receiver = Receiver::open(to).map_err(|error| Failure::failed(error.to_string()))?;
        match connect(&socket, receiver.position(), remote.what.interval) {
            Ok(stream) => {
                waiting = false;
                keep(receiver, &mut BufReader::new(stream), &mut told)?;
                told.lost("the daemon went: asking again until it is back");
            }
            Err(Connect::Absent(error)) => {
                if !std::mem::replace(&mut waiting, true) {
                    told.lost(&format!("{error}; asking again until it is there"));
                }
            }
            Err(Connect::Refused(failure)) => return Err(failure),
        }
        thread::sleep(AGAIN);
    }
}

/// Keeps what comes over the standard input, to its end.
pub(super) fn receive(dir: &Path, interval: u8, as_json: bool) -> Result<(), Failure> {
    let receiver = Receiver::open(dir).map_err(|error| Failure::failed(error.to_string()))?;
    let mut told = Told::new(interval, as_json);
    keep(receiver, &mut BufReader::new(io::stdin().lock()), &mut told)?;
    Err(Failure::failed("the other end ended: start both again"))
}

/// Keeps pieces until they end. What ends with the connection begins again; what a new connection does not mend is given.
fn keep(mut receiver: Receiver, from: &mut dyn Read, told: &mut Told) -> Result<(), Failure> {
    loop {
        match receiver.take(from) {
            Ok(Followed::Ended) => return Ok(()),
            Ok(Followed::Going) => {}
            Ok(followed) => told.tell(followed),
            Err(error @ BackupError::Stream(_)) => {
                told.lost(&error.to_string());
                return Ok(());
            }
            Err(error) => return Err(Failure::failed(error.to_string())),
        }
    }
}

/// Why nothing flows.
enum Connect {
    Absent(CallError),
    Refused(Failure),
}

impl From<Connect> for Failure {
    fn from(connect: Connect) -> Self {
        match connect {
            Connect::Absent(error) => error.into(),
            Connect::Refused(failure) => failure,
        }
    }
}

fn connect(socket: &Path, position: Option<Position>, interval: u8) -> Result<UnixStream, Connect> {
    let request = Request::Follow { following: Following { position, interval } };
    match client::begin(socket, &request) {
        Ok((Answer::Following {}, stream)) => Ok(stream),
        Ok((Answer::Refused(refused), _)) => Err(Connect::Refused(refused.into())),
        Ok(_) => Err(Connect::Refused(unexpected())),
        Err(error) => Err(Connect::Absent(error)),
    }
}

/// What people and monitors are told.
struct Told {
    as_json: bool,
    late: i64,
    last: Option<Instant>,
}

impl Told {
    fn new(interval: u8, as_json: bool) -> Self {
        Self { as_json, late: i64::from(interval) * LATE, last: None }
    }

    fn tell(&mut self, followed: Followed) {
        match followed {
            Followed::CopyBegun => self.say("copy-begun", "a whole copy is coming"),
            Followed::CopyWhole => {
                self.say("copy-whole", "the copy is whole");
                self.last = None;
            }
            Followed::UpTo(at) => self.behind(at),
            Followed::Going | Followed::Ended => {}
        }
    }

    /// Tells how far behind: at first, every minute, and more often while it is late.
    fn behind(&mut self, at: Timestamp) {
        let behind = SystemClock.now().duration_since(at).as_secs();
        let wait = if behind > self.late { Duration::from_secs(1) } else { TELL };
        if self.last.is_some_and(|last| last.elapsed() < wait) {
            return;
        }
        self.last = Some(Instant::now());
        if self.as_json {
            say!("{}", json!({ "up-to": at, "behind_seconds": behind }));
        } else {
            say!("up to {at:.0}, {behind} s behind");
        }
    }

    fn say(&self, word: &str, text: &str) {
        if self.as_json { say!("{}", json!({ "event": word })) } else { say!("{text}") }
    }

    fn lost(&mut self, text: &str) {
        self.last = None;
        if self.as_json {
            say!("{}", json!({ "event": "lost", "message": text }));
        } else {
            eprintln!("{text}");
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: io::Error) -> Failure {
    Failure::failed(format!("the stream broke off: {error}"))
}
