//! Stage one of reading: where does a command end (RFC 3501 §2.2.1, §4.3; literals without synchronisation RFC 7888).
//! Incremental and without I/O. May use plain values only; must never interpret arguments, but for the word APPEND.
//!
//! The message of APPEND is handed through piece by piece and never gathered (I-3). What breaks a limit is read and
//! dropped to its end, so that the next command is found; only a literal too large to be dropped closes the connection.

use std::mem;

use memchr::memchr;

use crate::command::Tag;

use self::announcement::{Announcement, announcement, is_append_message};

mod announcement;

/// Bytes kept of a line that is being dropped: enough for a tag, and for an announcement at its end.
const KEPT: usize = 96;

/// Limits of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest line outside literals, in bytes, line end aside.
    pub line: usize,
    /// Longest gathered literal, in bytes.
    pub literal: u64,
    /// Longest gathered literal without synchronisation, in bytes (4,096 for LITERAL-, RFC 7888 §4).
    pub unasked_literal: u64,
    /// Most literals of a command, the first message of APPEND included.
    pub literals: usize,
    /// Most bytes gathered for a command, lines and literals together.
    pub command: usize,
    /// Largest message of APPEND, in bytes; `None` before login: it is then a literal like others.
    pub append: Option<u64>,
    /// Longest literal that is read and dropped; beyond it the connection closes.
    pub skip: u64,
}

impl Limits {
    /// Before login: nothing large is kept for a stranger, LITERAL- only.
    pub const STRANGER: Self = Self {
        line: 8 * 1024,
        literal: 4096,
        unasked_literal: 4096,
        literals: 8,
        command: 16 * 1024,
        append: None,
        skip: 64 * 1024,
    };

    /// Before TLS: no literals at all, for the one who asks for a literal may be asking for a password.
    pub const IN_CLEAR: Self = Self { literals: 0, ..Self::STRANGER };
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A whole command without its last line end; literals are in place, after their announcement and CRLF.
    Command(Vec<u8>),
    /// The client waits: send a continuation, then feed what comes.
    Continue,
    /// APPEND up to the announcement of its message. Call [`Framer::accept_append`], or [`Framer::refuse_append`] if the
    /// client waits (`asked`); nothing is read before.
    Append {
        /// The command so far, announcement included.
        head: Vec<u8>,
        /// Bytes announced.
        size: u64,
        /// Whether the client waits for a continuation.
        asked: bool,
    },
    /// The next bytes of the accepted message: the last so many of those just taken.
    Message(usize),
    /// Another message is announced behind the one just handed through (MULTIAPPEND, RFC 3502): to be judged as
    /// [`Event::Append`] is.
    AppendMore {
        /// What stands between the two messages, the announcement included.
        head: Vec<u8>,
        /// Bytes announced.
        size: u64,
        /// Whether the client waits for a continuation.
        asked: bool,
    },
    /// The command that held the messages is over.
    AppendEnd {
        /// What stood behind the last message, the line end aside: nothing in most cases.
        rest: Vec<u8>,
        /// The limit that was broken behind a message, if one was: nothing of the command may be kept.
        broken: Option<TooMuch>,
    },
    /// A command broke a limit; it was dropped to its end.
    Refused(Refused),
    /// The stream cannot be followed any further: say BYE and close.
    Close(TooMuch),
}

/// A command dropped by the first stage.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its tag, if that much was readable.
    pub tag: Option<Tag>,
    /// Which limit it broke.
    pub why: TooMuch,
}

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// [`Limits::line`].
    #[error("the command line is too long: split it into several commands")]
    Line,
    /// [`Limits::literal`].
    #[error("the literal is too long")]
    Literal,
    /// [`Limits::unasked_literal`].
    #[error("the literal is too long to be sent without waiting: use {{n}} instead of {{n+}}")]
    UnaskedLiteral,
    /// [`Limits::literals`].
    #[error("the command holds more literals than are possible here")]
    Literals,
    /// [`Limits::command`].
    #[error("the command is too long: split it into several commands")]
    Command,
    /// [`Limits::append`].
    #[error("the message is larger than what this server accepts")]
    Message,
    /// [`Limits::skip`].
    #[error("a literal far beyond every limit was announced without waiting")]
    Skip,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Gathering a line.
    Line,
    /// Gathering a literal.
    Literal(u64),
    /// Dropping a literal of a refused command.
    Drop(u64),
    /// The caller must judge an APPEND.
    Judge { size: u64 },
    /// Handing a message through.
    Message(u64),
    /// Closed for good.
    Closed(TooMuch),
}

/// The incremental finder of commands.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    state: State,
    /// The command so far (while it is dropped: its first and last bytes).
    bytes: Vec<u8>,
    /// Where the line being gathered starts in `bytes`.
    line_start: usize,
    literals: usize,
    /// Set once the command broke a limit.
    broken: Option<TooMuch>,
    /// Set while reading what follows a message.
    after_message: bool,
    /// Whether the next line is one without literals (SASL, DONE).
    plain_line: bool,
}

impl Framer {
    /// A finder at the start of a command.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Line,
            bytes: Vec::new(),
            line_start: 0,
            literals: 0,
            broken: None,
            after_message: false,
            plain_line: false,
        }
    }

    /// Changes the limits from the next command on (after login).
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The next line answers a continuation of ours (RFC 3501 §6.2.2, RFC 2177): `{…}` at its end means nothing.
    pub fn expect_plain_line(&mut self) {
        self.plain_line = true;
    }

    /// Whether a command was begun and is not over.
    pub fn is_inside(&self) -> bool {
        self.state != State::Line || !self.bytes.is_empty() || self.broken.is_some() || self.after_message
    }

    /// Takes what it needs of `input`: gives how many bytes it took and, if it stopped there, why. Without an event all
    /// of `input` was taken.
    pub fn feed(&mut self, input: &[u8]) -> (usize, Option<Event>) {
        let mut taken = 0;
        loop {
            let rest = input.get(taken..).unwrap_or_default();
            let (count, event) = self.step(rest);
            taken += count;
            let judging = matches!(self.state, State::Judge { .. });
            if event.is_some() || judging || taken >= input.len() && !self.has_pending_step() {
                return (taken, event);
            }
        }
    }

    /// The message of the APPEND just found shall come.
    pub fn accept_append(&mut self) {
        if let State::Judge { size } = self.state {
            self.begin_after_message();
            self.state = State::Message(size);
        }
    }

    /// The message of the APPEND just found shall not come: the client, which waits, gives its command up.
    pub fn refuse_append(&mut self) {
        if matches!(self.state, State::Judge { .. }) {
            self.restart();
        }
    }

    /// Whether a step can be done without input: a literal of no bytes left to end.
    fn has_pending_step(&self) -> bool {
        matches!(self.state, State::Literal(0) | State::Drop(0) | State::Message(0))
    }

    fn step(&mut self, input: &[u8]) -> (usize, Option<Event>) {
        match self.state {
            State::Line => self.line(input),
            State::Literal(left) => {
                let (now, left) = portion(input, left);
                self.bytes.extend_from_slice(now);
                self.state = State::Literal(left);
                self.end_literal(left);
                (now.len(), None)
            }
            State::Drop(left) => {
                let (now, left) = portion(input, left);
                self.state = State::Drop(left);
                self.end_literal(left);
                (now.len(), None)
            }
            State::Message(left) => {
                let (now, left) = portion(input, left);
                self.state = State::Message(left);
                self.end_literal(left);
                (now.len(), (!now.is_empty()).then_some(Event::Message(now.len())))
            }
            State::Judge { .. } => (0, None),
            State::Closed(why) => (input.len(), Some(Event::Close(why))),
        }
    }

    fn end_literal(&mut self, left: u64) {
        if left == 0 {
            self.state = State::Line;
            self.line_start = self.bytes.len();
        }
    }

    fn line(&mut self, input: &[u8]) -> (usize, Option<Event>) {
        let Some(end) = memchr(b'\n', input) else {
            self.gather(input);
            return (input.len(), None);
        };
        self.gather(input.get(..end).unwrap_or_default());
        if self.bytes.len() > self.line_start && self.bytes.last() == Some(&b'\r') {
            self.bytes.pop();
        }
        // A bare LF ends a line too: people type commands into `openssl s_client`, which sends no CR.
        (end + 1, self.end_line())
    }

    /// Adds to the line, and starts dropping it when it grows beyond a limit.
    fn gather(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        // The CR of the line end is not counted, wherever the chunk was cut.
        let length = self.bytes.len() - usize::from(self.bytes.last() == Some(&b'\r'));
        if self.broken.is_none() {
            self.broken = self.judge_length(length);
        }
        if self.broken.is_some() && self.bytes.len() > 2 * KEPT {
            let tail = self.bytes.len() - KEPT;
            self.bytes.drain(KEPT..tail);
            self.line_start = if self.line_start > tail {
                self.line_start - tail + KEPT
            } else {
                self.line_start.min(KEPT)
            };
            self.bytes.shrink_to(4 * KEPT);
        }
    }

    /// The limit that `length` bytes of command break first, byte by byte: wherever the chunks were cut.
    fn judge_length(&self, length: usize) -> Option<TooMuch> {
        let Limits { line, command, .. } = self.limits;
        let line_ends = self.line_start.saturating_add(line);
        match (length > line_ends, length > command) {
            (true, too_long) if !too_long || line_ends <= command => Some(TooMuch::Line),
            (_, true) => Some(TooMuch::Command),
            _ => None,
        }
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = self.bytes.get(self.line_start..).unwrap_or_default();
        let announced = if mem::take(&mut self.plain_line) { None } else { announcement(line) };
        match announced {
            Some(announced) => self.announced(announced),
            None => Some(self.end_command()),
        }
    }

    fn end_command(&mut self) -> Event {
        let after_message = self.after_message;
        let (bytes, broken) = self.restart();
        match broken {
            _ if after_message => Event::AppendEnd { rest: bytes, broken },
            Some(why) => Event::Refused(Refused { tag: leading_tag(&bytes), why }),
            None => Event::Command(bytes),
        }
    }

    fn announced(&mut self, announced: Announcement) -> Option<Event> {
        self.literals += 1;
        if self.broken.is_none() {
            self.broken = self.judge_literal(announced);
        }
        match (self.broken, announced.asked) {
            // The client waits and gets a refusal instead of a continuation: its command ends here.
            (Some(_), true) => Some(self.end_command()),
            (Some(why), false) if announced.size > self.limits.skip => {
                let why = if why == TooMuch::Message { why } else { TooMuch::Skip };
                self.restart();
                self.state = State::Closed(why);
                Some(Event::Close(why))
            }
            (Some(_), false) => {
                self.state = State::Drop(announced.size);
                None
            }
            (None, asked) => {
                let message = self.announces_message();
                self.bytes.extend_from_slice(b"\r\n");
                if message {
                    self.state = State::Judge { size: announced.size };
                    let (head, size) = (self.bytes.clone(), announced.size);
                    return Some(match self.after_message {
                        false => Event::Append { head, size, asked },
                        true => Event::AppendMore { head, size, asked },
                    });
                }
                self.state = State::Literal(announced.size);
                asked.then_some(Event::Continue)
            }
        }
    }

    /// Which limit the literal would break.
    fn judge_literal(&self, announced: Announcement) -> Option<TooMuch> {
        let limits = &self.limits;
        if self.literals > limits.literals {
            return Some(TooMuch::Literals);
        }
        if let Some(most) = limits.append.filter(|_| self.announces_message()) {
            return (announced.size > most).then_some(TooMuch::Message);
        }
        if announced.size > limits.literal {
            return Some(TooMuch::Literal);
        }
        if !announced.asked && announced.size > limits.unasked_literal {
            return Some(TooMuch::UnaskedLiteral);
        }
        let gathered = (self.bytes.len() as u64).saturating_add(announced.size);
        (gathered > limits.command as u64).then_some(TooMuch::Command)
    }

    /// Whether the literal just announced is a message: behind another one it can be nothing else.
    fn announces_message(&self) -> bool {
        self.limits.append.is_some() && (self.after_message || is_append_message(&self.bytes, self.literals))
    }

    fn begin_after_message(&mut self) {
        self.bytes = Vec::new();
        self.line_start = 0;
        self.literals = 0;
        self.after_message = true;
    }

    fn restart(&mut self) -> (Vec<u8>, Option<TooMuch>) {
        self.state = State::Line;
        self.line_start = 0;
        self.literals = 0;
        self.after_message = false;
        (mem::take(&mut self.bytes), self.broken.take())
    }
}

/// Up to `left` bytes of `input`, and how many will then be left.
fn portion(input: &[u8], left: u64) -> (&[u8], u64) {
    let now = usize::try_from(left).map_or(input, |left| input.get(..left).unwrap_or(input));
    (now, left - now.len() as u64)
}

/// The tag a command starts with, if it is legible.
pub fn leading_tag(command: &[u8]) -> Option<Tag> {
    let end = command.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n'))?;
    Tag::parse(command.get(..end)?)
}

#[cfg(test)]
mod tests;
