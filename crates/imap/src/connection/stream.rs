//! A stream with what was read of it and what is still to be written: where events come from and where answers go.
//! May use tokio's I/O traits and the wire. Must never know what commands mean.

use std::{borrow::Cow, mem, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout_at},
};

use crate::{
    Settings,
    command::Tag,
    completion::{Completion, Reply},
    connection::{Ended, input::Input},
    output::{Fatal, Output},
    wire::{
        encode,
        framing::{Event, Limits, Refused, TooMuch},
    },
};

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
    /// Answers not written yet: those of commands that came together leave together.
    pending: Vec<u8>,
    write_timeout: Duration,
    read_timeout: Duration,
    bad: u32,
    bad_limit: u32,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire<S> {
    /// The next event in what was read already; without one, all answers are written, for the client may wait for them.
    pub(super) async fn ready(&mut self) -> Result<Option<Event>, Halt> {
        match self.input.event() {
            Some(Event::Close(why)) => Err(Halt::Bye(Ended::Flood, why.to_string().into())),
            Some(event) => Ok(Some(event)),
            None => {
                self.flush().await?;
                Ok(None)
            }
        }
    }

    /// The next event, by `until` if nothing of it came yet; `None` when that time has come. Bytes of something begun have
    /// the read timeout each time. [`Wire::ready`] comes first. Cancel-safe.
    pub(super) async fn next_until(&mut self, until: Instant) -> Result<Option<Event>, Halt> {
        loop {
            let begun = self.input.holds_bytes();
            let patience = if begun { Instant::now() + self.read_timeout } else { until };
            match timeout_at(patience, self.input.fill(&mut self.io)).await {
                Err(_) if !begun => return Ok(None),
                Err(_) => return Err(silent()),
                Ok(Err(error)) => return Err(Halt::Fatal(error.into())),
                Ok(Ok(0)) => return Err(Halt::Ended(Ended::Dropped)),
                Ok(Ok(_)) => {}
            }
            match self.input.event() {
                Some(Event::Close(why)) => return Err(Halt::Bye(Ended::Flood, why.to_string().into())),
                Some(event) => return Ok(Some(event)),
                None => {}
            }
        }
    }

    /// The next event, whose first byte must come within `patience`.
    pub(super) async fn next(&mut self, patience: Duration) -> Result<Event, Halt> {
        if let Some(event) = self.ready().await? {
            return Ok(event);
        }
        self.next_until(Instant::now() + patience).await?.ok_or_else(silent)
    }

    /// Where a command's answers go; give it back to [`Wire::keep`].
    pub(super) fn output(&mut self) -> Output<'_> {
        Output::resume(&mut self.io, self.write_timeout, mem::take(&mut self.pending))
    }

    /// Takes back what an output holds, to be written later.
    pub(super) fn keep(&mut self, unwritten: Vec<u8>) {
        self.pending = unwritten;
    }

    /// Writes all answers; an idle session holds no buffer, and no room for writing them in its future.
    pub(super) async fn flush(&mut self) -> Result<(), Fatal> {
        if self.pending.is_empty() {
            return Ok(());
        }
        Box::pin(async { self.output().flush().await }).await
    }

    /// Adds lines to the answers.
    pub(super) async fn lines(&mut self, lines: &[&str]) -> Result<(), Fatal> {
        let mut out = self.output();
        for line in lines {
            out.line(line).await?;
        }
        let unwritten = out.into_unwritten();
        self.keep(unwritten);
        Ok(())
    }

    /// Asks for what the client waits to send (RFC 3501 §7.5).
    pub(super) async fn go_on(&mut self, text: &str) -> Result<(), Fatal> {
        self.lines(&[&format!("+ {text}")]).await?;
        self.flush().await
    }

    /// LOGOUT: BYE, then OK (RFC 3501 §6.1.3).
    pub(super) async fn log_out(&mut self, tag: &Tag) -> Halt {
        let said = self.lines(&["* BYE see you soon", &format!("{tag} OK LOGOUT done")]).await;
        match said {
            Ok(()) => self.flush().await.map_or_else(Halt::Fatal, |()| Halt::Ended(Ended::Logout)),
            Err(fatal) => Halt::Fatal(fatal),
        }
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
        out.drain().await?;
        let unwritten = out.into_unwritten();
        self.keep(unwritten);
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
            input: Input::new(limits),
            pending: Vec::new(),
            write_timeout: settings.write_timeout,
            read_timeout: settings.read_timeout,
            bad: 0,
            bad_limit: settings.bad_commands,
        }
    }
}

/// The end of a connection on which nothing comes.
pub(super) fn silent() -> Halt {
    Halt::Bye(Ended::Timeout, "silent for too long: connect again".into())
}
