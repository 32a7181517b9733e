//! A stream with what was read of it: where events come from and where answers go.
//! May use tokio's I/O traits and the wire. Must never know what commands mean.

use std::{borrow::Cow, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    time::timeout,
};

use crate::{
    Settings,
    command::Tag,
    completion::{Completion, Reply},
    connection::Ended,
    output::{Fatal, Output},
    wire::{
        encode,
        framing::{Event, Framer, Limits, Refused, TooMuch},
    },
};

/// Read at once while a command comes in.
const BUSY_BUFFER: usize = 16 * 1024;

/// Read at once when nothing is going on: an idle session holds no more than that.
const IDLE_BUFFER: usize = 256;

/// Why the driver stops serving.
#[derive(Debug)]
pub(super) enum Halt {
    /// Say BYE with this text, then close.
    Bye(Ended, Cow<'static, str>),
    /// Everything is said: close.
    Ended(Ended),
    /// Nothing can be said any more.
    Fatal(Fatal),
}

impl From<Fatal> for Halt {
    fn from(fatal: Fatal) -> Self {
        Self::Fatal(fatal)
    }
}

impl From<&Fatal> for Ended {
    fn from(fatal: &Fatal) -> Self {
        match fatal {
            Fatal::Io(_) => Self::Dropped,
            Fatal::WriteTimeout(_) => Self::Timeout,
            Fatal::Literal(_) => Self::Broken,
        }
    }
}

/// Both directions of a connection.
pub(super) struct Wire<S> {
    pub(super) io: S,
    pub(super) input: Input,
    write_timeout: Duration,
    read_timeout: Duration,
    bad: u32,
    bad_limit: u32,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire<S> {
    /// The next event; `patience` is for the first byte of a command, later ones have the read timeout. Cancel-safe.
    pub(super) async fn next(&mut self, patience: Duration) -> Result<Event, Halt> {
        loop {
            if let Some(event) = self.input.event() {
                return match event {
                    Event::Close(why) => Err(Halt::Bye(Ended::Flood, why.to_string().into())),
                    event => Ok(event),
                };
            }
            let patience = if self.input.is_between_commands() { patience } else { self.read_timeout };
            match timeout(patience, self.input.fill(&mut self.io)).await {
                Err(_) => return Err(Halt::Bye(Ended::Timeout, "silent for too long: connect again".into())),
                Ok(Err(error)) => return Err(Halt::Fatal(error.into())),
                Ok(Ok(0)) => return Err(Halt::Ended(Ended::Dropped)),
                Ok(Ok(_)) => {}
            }
        }
    }

    /// Where a command's answers go.
    pub(super) fn output(&mut self) -> Output<'_> {
        Output::new(&mut self.io, self.write_timeout)
    }

    /// Writes lines and flushes them.
    pub(super) async fn lines(&mut self, lines: &[&str]) -> Result<(), Fatal> {
        let mut out = self.output();
        for line in lines {
            out.line(line).await?;
        }
        out.flush().await
    }

    /// Asks for what the client waits to send (RFC 3501 §7.5).
    pub(super) async fn go_on(&mut self, text: &str) -> Result<(), Fatal> {
        self.lines(&[&format!("+ {text}")]).await
    }

    /// LOGOUT: BYE, then OK (RFC 3501 §6.1.3).
    pub(super) async fn log_out(&mut self, tag: &Tag) -> Halt {
        let said = self.lines(&["* BYE see you soon", &format!("{tag} OK LOGOUT done")]).await;
        said.map_or_else(Halt::Fatal, |()| Halt::Ended(Ended::Logout))
    }

    /// Says BYE.
    pub(super) async fn bye(&mut self, text: Cow<'static, str>) -> Result<(), Fatal> {
        let mut out = self.output();
        encode::status(out.buffer(), "*", "BYE", &Reply { code: None, text });
        out.flush().await
    }

    /// Ends a command; without a tag the answer is untagged. Bad commands in a row are counted: a client that tries
    /// something unknown once in each of many rounds is not thrown out.
    pub(super) async fn complete(&mut self, tag: Option<&Tag>, completion: Completion) -> Result<(), Halt> {
        match completion {
            Completion::Bad(_) => self.bad += 1,
            Completion::Ok(_) => self.bad = 0,
            Completion::No(_) | Completion::Bye(_) => {}
        }
        let (word, reply) = match completion {
            Completion::Ok(reply) => ("OK", reply),
            Completion::No(reply) => ("NO", reply),
            Completion::Bad(reply) => ("BAD", reply),
            Completion::Bye(text) => return Err(Halt::Bye(Ended::Session, text)),
        };
        let mut out = self.output();
        encode::status(out.buffer(), tag.map_or("*", Tag::as_str), word, &reply);
        out.flush().await?;
        if self.bad >= self.bad_limit {
            let text = "too many commands that cannot be understood: check the mail client";
            return Err(Halt::Bye(Ended::TooManyErrors, text.into()));
        }
        Ok(())
    }

    /// Answers a command that broke a limit.
    pub(super) async fn refuse(&mut self, refused: Refused) -> Result<(), Halt> {
        self.complete(refused.tag.as_ref(), too_much(refused.why)).await
    }
}

/// What a client is told whose command broke a limit.
pub(super) fn too_much(why: TooMuch) -> Completion {
    let text = why.to_string();
    match why {
        TooMuch::Message => Completion::no_with(encode::Code::TooBig, text),
        _ => Completion::bad(text),
    }
}

impl<S> Wire<S> {
    /// How long the next bytes of something begun may take.
    pub(super) fn read_timeout(&self) -> Duration {
        self.read_timeout
    }

    pub(super) fn new(io: S, limits: Limits, settings: &Settings) -> Self {
        Self {
            io,
            input: Input { framer: Framer::new(limits), buffer: Vec::new(), start: 0 },
            write_timeout: settings.write_timeout,
            read_timeout: settings.read_timeout,
            bad: 0,
            bad_limit: settings.bad_commands,
        }
    }
}

/// What was read and not yet used.
pub(super) struct Input {
    framer: Framer,
    buffer: Vec<u8>,
    start: usize,
}

impl Input {
    pub(super) fn framer(&mut self) -> &mut Framer {
        &mut self.framer
    }

    /// Whether bytes were read that belong to a later command.
    pub(super) fn holds_bytes(&self) -> bool {
        self.start < self.buffer.len() || self.framer.is_inside()
    }

    fn is_between_commands(&self) -> bool {
        !self.holds_bytes()
    }

    /// The next event in what was read already.
    fn event(&mut self) -> Option<Event> {
        let (taken, event) = self.framer.feed(self.buffer.get(self.start..).unwrap_or_default());
        self.start += taken;
        event
    }

    /// The bytes an [`Event::Message`] of that length just announced.
    pub(super) fn message(&self, length: usize) -> &[u8] {
        let from = self.start.saturating_sub(length);
        self.buffer.get(from..self.start).unwrap_or_default()
    }

    /// Reads some bytes, and says how many; 0 at the end of the stream. Cancel-safe.
    async fn fill<R: AsyncRead + Unpin>(&mut self, io: &mut R) -> std::io::Result<usize> {
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.is_between_commands() {
            self.buffer = Vec::new();
            let mut first = [0; IDLE_BUFFER];
            let count = io.read(&mut first).await?;
            self.buffer.extend_from_slice(first.get(..count).unwrap_or_default());
            return Ok(count);
        }
        self.buffer.reserve(BUSY_BUFFER);
        io.read_buf(&mut self.buffer).await
    }
}
