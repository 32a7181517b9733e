//! A line to a server that fails as a story wants it: it breaks off, resets, loses or delays what it carries, at any octet of any turn
//! of the conversation, or keeps back the answer to a content. It sees nothing of what TLS hides: a turn is what goes one way until
//! something goes the other way, and the greeting is turn 0.
//!
//! May use: loopback, a thread for each way of each connection. Must never change an octet.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::Random;

/// What befalls a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Both ends are closed as if the other one had said good-bye.
    Close,
    /// Both ends are reset (RST).
    Reset,
    /// What was read is still carried, then both ends are closed.
    CloseBehind,
    /// The same, then both are reset.
    ResetBehind,
    /// From here on nothing arrives; after this time both ends are reset.
    Lose(Duration),
    /// Nothing arrives for this time, then all does.
    Delay(Duration),
    /// What was read is carried octet by octet.
    Dribble,
}

/// What befalls one connection, and where.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The turn.
    pub turn: usize,
    /// Octets of the turn that are carried before.
    pub at: usize,
    pub act: Act,
}

/// More than a session says before its content, and less than the content of those who hold answers back.
pub const CONTENT: usize = 64 * 1024;

/// How long an end may let the line wait.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Line {
    pub port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    planned: Mutex<VecDeque<Option<Fault>>>,
    mischief: Mutex<Option<Mischief>>,
    struck: AtomicUsize,
    courses: Mutex<Vec<Vec<usize>>>,
    hold: AtomicBool,
    /// Octets that went towards the server since answers are held.
    sent: AtomicUsize,
    /// An answer was kept back.
    kept: AtomicBool,
    open: Mutex<Vec<Weak<Connection>>>,
}

/// Faults made at random.
struct Mischief {
    random: Random,
    percent: usize,
}

impl Line {
    /// A line that carries everything to this port of this machine.
    pub fn to(target: u16) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map(Result::unwrap) {
                // The server may be down: then the client is, as it should be, turned away.
                if let Ok(server) = TcpStream::connect(("127.0.0.1", target)) {
                    shared.carry(client, server);
                }
            }
        });
        Line { port, state }
    }

    /// The next connections meet these, one each; `None` meets nothing.
    pub fn plan(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.state.planned.lock().unwrap().extend(faults);
    }

    /// So many of a hundred connections meet a fault made at random; 0: none any more.
    pub fn mischief(&self, percent: usize, random: Random) {
        *self.state.mischief.lock().unwrap() = (percent > 0).then_some(Mischief { random, percent });
    }

    /// How many faults happened.
    pub fn struck(&self) -> usize {
        self.state.struck.load(Ordering::SeqCst)
    }

    /// Of each connection that has ended, the octets of each turn.
    pub fn courses(&self) -> Vec<Vec<usize>> {
        self.state.courses.lock().unwrap().clone()
    }

    /// From now on, no answer to a content passes: once so many octets went towards the server, what comes back can only be that.
    pub fn hold_answers(&self) {
        self.state.kept.store(false, Ordering::SeqCst);
        self.state.sent.store(0, Ordering::SeqCst);
        self.state.hold.store(true, Ordering::SeqCst);
    }

    /// Waits until an answer was kept back.
    pub fn wait_for_answer(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while !self.state.kept.load(Ordering::SeqCst) {
            assert!(Instant::now() < deadline, "the server does not answer the content");
            sleep(Duration::from_millis(10));
        }
    }

    /// Breaks every connection; the next ones carry answers again.
    pub fn cut(&self, act: Act) {
        self.state.hold.store(false, Ordering::SeqCst);
        for connection in self.state.open.lock().unwrap().drain(..).filter_map(|weak| weak.upgrade()) {
            connection.end(act);
        }
    }
}

impl State {
    fn carry(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        for stream in [&client, &server] {
            // A connection that is gone already shows at the first octet.
            let _ = stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        }
        let planned = self.planned.lock().unwrap().pop_front();
        let made = || self.mischief.lock().unwrap().as_mut().and_then(Mischief::fault);
        let fault = planned.unwrap_or_else(made);
        let connection = Arc::new(Connection {
            client,
            server,
            fault,
            course: Mutex::default(),
            broken: AtomicBool::new(false),
            state: Arc::clone(self),
        });
        let mut open = self.open.lock().unwrap();
        open.retain(|weak| weak.strong_count() > 0);
        open.push(Arc::downgrade(&connection));
        drop(open);
        for way in [Way::Up, Way::Down] {
            let connection = Arc::clone(&connection);
            thread::spawn(move || connection.pass(way));
        }
    }
}

/// Towards the server, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// Both streams are closed when the last of both threads lets go of them: only then a reset leaves.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    fault: Option<Fault>,
    course: Mutex<Course>,
    broken: AtomicBool,
    state: Arc<State>,
}

#[derive(Default)]
struct Course {
    towards: Option<Way>,
    /// Octets of each turn.
    turns: Vec<usize>,
}

impl Connection {
    fn pass(&self, way: Way) {
        let (mut from, mut to) = match way {
            Way::Up => (&self.client, &self.server),
            Way::Down => (&self.server, &self.client),
        };
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if self.broken.load(Ordering::SeqCst) || self.deliver(way, &mut to, &buffer[..read]).is_err() {
                break;
            }
        }
        if !self.broken.load(Ordering::SeqCst) {
            // The other end may be gone first.
            let _ = to.shutdown(Shutdown::Write);
        }
    }

    /// Carries some octets on; an error: there is nothing more to carry.
    fn deliver(&self, way: Way, to: &mut &TcpStream, octets: &[u8]) -> io::Result<()> {
        let (turn, start) = self.course.lock().unwrap().add(way, octets.len());
        let fault = self.fault.filter(|f| f.turn == turn && (start..start + octets.len()).contains(&f.at));
        if let Some(Fault { at, act, .. }) = fault {
            self.state.struck.fetch_add(1, Ordering::SeqCst);
            let (before, behind) = octets.split_at(at - start);
            to.write_all(before)?;
            return self.befall(act, to, behind);
        }
        if self.keeps_back(way, octets.len()) { Ok(()) } else { to.write_all(octets) }
    }

    fn befall(&self, act: Act, to: &mut &TcpStream, octets: &[u8]) -> io::Result<()> {
        match act {
            Act::Delay(time) => {
                sleep(time);
                return to.write_all(octets);
            }
            Act::Dribble => return octets.chunks(1).try_for_each(|octet| to.write_all(octet)),
            Act::CloseBehind | Act::ResetBehind => to.write_all(octets)?,
            Act::Lose(time) => sleep(time),
            Act::Close | Act::Reset => {}
        }
        self.end(act);
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    fn keeps_back(&self, way: Way, octets: usize) -> bool {
        let state = &self.state;
        match way {
            Way::Up => {
                state.sent.fetch_add(octets, Ordering::SeqCst);
                false
            }
            Way::Down => {
                let answer = state.hold.load(Ordering::SeqCst) && state.sent.load(Ordering::SeqCst) > CONTENT;
                state.kept.fetch_or(answer, Ordering::SeqCst);
                answer
            }
        }
    }

    fn end(&self, act: Act) {
        self.broken.store(true, Ordering::SeqCst);
        let gentle = matches!(act, Act::Close | Act::CloseBehind);
        for stream in [&self.client, &self.server] {
            if !gentle {
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
            }
            // Closing what is read alone says nothing to the other end, but ends the thread that waits for it.
            let _ = stream.shutdown(if gentle { Shutdown::Both } else { Shutdown::Read });
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let turns = std::mem::take(&mut self.course.lock().unwrap().turns);
        self.state.courses.lock().unwrap().push(turns);
    }
}

impl Course {
    /// Counts octets; gives their turn, and how many of it came before.
    fn add(&mut self, way: Way, octets: usize) -> (usize, usize) {
        if self.towards != Some(way) {
            self.towards = Some(way);
            self.turns.push(0);
        }
        let turn = self.turns.len() - 1;
        let start = self.turns[turn];
        self.turns[turn] += octets;
        (turn, start)
    }
}

impl Mischief {
    /// Somewhere in a conversation: its beginning, the handshake, the envelope, the content, its answer.
    fn fault(&mut self) -> Option<Fault> {
        let Mischief { random, percent } = self;
        if random.below(100) >= *percent {
            return None;
        }
        let time = Duration::from_millis(random.below(400) as u64);
        let acts = [
            Act::Close,
            Act::Reset,
            Act::CloseBehind,
            Act::ResetBehind,
            Act::Lose(time),
            Act::Delay(time),
            Act::Dribble,
        ];
        let at = match random.below(3) {
            0 => 0,
            1 => random.below(40),
            _ => random.below(8_000),
        };
        Some(Fault { turn: random.below(20), at, act: acts[random.below(acts.len())] })
    }
}
