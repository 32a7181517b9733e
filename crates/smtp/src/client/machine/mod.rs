//! The client as a state machine without I/O and without a clock. Each state is a type that consumes itself: what is written, fed or
//! done leads to the next step. There is one way to MAIL: TLS, EHLO again, and a proof that the peer is good ([`Greeted::trusted`]).
//!
//! ```text
//! start ► Read (220) ► Write (EHLO) ► Read ► Write (STARTTLS) ► Read ► StartTls ► Write (EHLO) ► Read ► Greeted
//! Greeted ─proof─► Ready ─send─► Write (MAIL, RCPT…, DATA) ► Read … ► Content ► Write (the end of it) ► Read ► Done
//! ```

use std::sync::Arc;

pub use self::{
    streaming::Streaming,
    transaction::{Reading as Awaiting, Ready, Sending, Writing as Commanding},
};
use super::{Error, Extensions, Protocol, Security, Settings, Stage, replies::Replies};
use crate::Reply;

mod streaming;
mod transaction;

/// What is to be done next, up to [`Greeted`].
#[derive(Debug)]
pub enum Step {
    /// Write this, all of it, then say so.
    Write(Writing),
    /// Read from the peer and feed what came.
    Read(Reading),
    /// Do the TLS handshake as a client.
    StartTls(Upgrading),
    /// The peer can be judged.
    Greeted(Greeted),
    /// Close the connection.
    Failed(Error),
}

/// Begins a connection: the 220 is awaited.
pub fn start(settings: Arc<Settings>) -> Reading {
    // TLS is there already, or is not to be
    let secured = settings.security != Security::StartTls;
    let core = Core::new(settings);
    Reading { core, stage: Stage::Greeting, secured }
}

/// The memory of a connection.
#[derive(Debug)]
struct Core {
    settings: Arc<Settings>,
    replies: Replies,
    offered: Extensions,
    /// Whether another message may be sent: not while one is under way, nor after a failure.
    usable: bool,
    /// Messages begun.
    sent: u32,
}

impl Core {
    fn new(settings: Arc<Settings>) -> Self {
        let replies = Replies::new(&settings);
        Core { settings, replies, offered: Extensions::default(), usable: false, sent: 0 }
    }
}

/// A command to be written.
#[derive(Debug)]
pub struct Writing {
    core: Core,
    line: String,
    stage: Stage,
    secured: bool,
}

impl Writing {
    /// The bytes to write.
    pub fn bytes(&self) -> &[u8] {
        self.line.as_bytes()
    }

    /// At which step.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// All was written.
    pub fn written(self) -> Step {
        Step::Read(Reading { core: self.core, stage: self.stage, secured: self.secured })
    }
}

/// A reply is awaited.
#[derive(Debug)]
pub struct Reading {
    core: Core,
    stage: Stage,
    secured: bool,
}

impl Reading {
    /// At which step.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Takes bytes that came.
    pub fn feed(mut self, bytes: &[u8]) -> Step {
        self.core.replies.feed(bytes);
        match self.core.replies.next() {
            Ok(None) => Step::Read(self),
            Ok(Some(reply)) => self.answered(reply).unwrap_or_else(Step::Failed),
            Err(fault) => Step::Failed(Error::Protocol { stage: self.stage, what: fault.0 }),
        }
    }

    fn answered(mut self, reply: Reply) -> Result<Step, Error> {
        let stage = self.stage;
        if !self.core.replies.is_empty() {
            let what = "it speaks before it is asked";
            let injected = stage == Stage::StartTls && reply.code() == 220;
            return Err(if injected { Error::Injected } else { Error::Protocol { stage, what } });
        }
        match (stage, reply.code()) {
            (Stage::Greeting, 220) => Ok(hello(self.core, self.secured)),
            (Stage::Hello, 250) => {
                self.core.offered = Extensions::read(&reply);
                match (self.secured, self.core.offered.starttls) {
                    (true, _) => Ok(Step::Greeted(Greeted { core: self.core })),
                    (false, true) => Ok(write(self.core, "STARTTLS\r\n".to_owned(), Stage::StartTls, false)),
                    (false, false) => Err(Error::NoTls),
                }
            }
            (Stage::StartTls, 220) => Ok(Step::StartTls(Upgrading { core: self.core })),
            (Stage::StartTls, 400..) => Err(Error::TlsRefused(reply)),
            (_, 400..) => Err(Error::Refused { stage, reply }),
            _ => Err(Error::Protocol { stage, what: "it answers with a code that has no meaning here" }),
        }
    }
}

fn hello(core: Core, secured: bool) -> Step {
    let verb = match core.settings.protocol {
        Protocol::Smtp => "EHLO",
        Protocol::Lmtp => "LHLO",
    };
    let line = format!("{verb} {}\r\n", core.settings.hostname);
    write(core, line, Stage::Hello, secured)
}

fn write(core: Core, line: String, stage: Stage, secured: bool) -> Step {
    Step::Write(Writing { core, line, stage, secured })
}

/// The peer is ready for the handshake, and said nothing behind that.
#[derive(Debug)]
pub struct Upgrading {
    core: Core,
}

impl Upgrading {
    /// The handshake is done. All that the peer said before is forgotten (RFC 3207 §4.2).
    pub fn established(self) -> Step {
        hello(Core::new(self.core.settings), true)
    }
}

/// TLS is there, where it was to be, and the peer's offer is known; who it is, is not judged.
#[derive(Debug)]
pub struct Greeted {
    core: Core,
}

impl Greeted {
    /// What the peer offers.
    pub fn extensions(&self) -> &Extensions {
        &self.core.offered
    }

    /// The peer is good: `proof` says so, and stays with the connection (M-2).
    pub fn trusted<P>(mut self, proof: P) -> Ready<P> {
        self.core.usable = true;
        Ready::new(self.core, proof)
    }
}
