//! The session as a state machine without I/O and without a clock. Each state is a type that consumes itself: what is fed, written or
//! answered leads to the next [`Step`], and no answer can be given to a question that was not asked. A 250 for a message is written
//! in one place, [`Committing::answer`], which demands the policy's proof (I-1).
//!
//! ```text
//! Write ─written─► Read ─feed─► (Write | Authenticate | Identify | Mail | Rcpt | Data | Chunk | Finish | StartTls) ─answer─► … ─► Close
//! ```

use std::sync::Arc;

use self::{
    chunk::How,
    content::Content,
    core::{Core, Transaction},
};
use crate::{
    Accepted, Body, Connection, Credentials, End, Ended, MailFrom, Policy, Recipient, Reply, Settings,
    TlsInfo, sasl::Exchange,
};

mod chunk;
mod commands;
mod content;
mod core;

/// Size of the input buffer while content arrives; the largest piece that [`Policy::chunk`] sees.
pub const BLOCK: usize = 32 * 1024;

/// What is to be done next.
pub enum Step<P: Policy> {
    /// Write this, all of it, then say so.
    Write(Writing<P>),
    /// Read from the client and feed what came.
    Read(Reading<P>),
    /// Do the TLS handshake as a server.
    StartTls(Upgrading<P>),
    /// Ask [`Policy::authenticate`].
    Authenticate(Authenticating<P>, Credentials),
    /// Ask [`Policy::known_by_certificate`].
    Identify(Identifying<P>),
    /// Ask [`Policy::mail`].
    Mail(Mailing<P>, MailFrom),
    /// Ask [`Policy::rcpt`].
    Rcpt(Addressing<P>, Recipient),
    /// Ask [`Policy::data`].
    Data(Opening<P>, P::Envelope),
    /// Ask [`Policy::chunk`].
    Chunk(Receiving<P>),
    /// Ask [`Policy::finish`].
    Finish(Committing<P>, P::Incoming),
    /// Close the connection.
    Close(Ended),
}

/// What input is read for; decides which deadline applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Nobody has logged in or is known by certificate yet.
    Login,
    /// A command of someone who is known.
    Command,
    /// Content of a message.
    Content,
}

/// What may end a session from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// A deadline passed.
    Timeout,
    /// The server stops.
    Stopped,
    /// The rights of the one who is known ended (S-1.5).
    Revoked,
}

/// Begins a session: [`Step::Write`] with the greeting. `connection.tls` says whether TLS was there from the first byte.
pub fn start<P: Policy>(connection: Connection, settings: Arc<Settings>) -> Step<P> {
    let mut core = Box::new(Core::new(connection, settings));
    core.greet();
    run(core, Expect::Command)
}

/// What the next input is.
enum Expect<P: Policy> {
    Command,
    Sasl(Exchange),
    Content(Content, Result<P::Incoming, Reply>),
}

/// What follows a write.
enum Then<P: Policy> {
    Read(Expect<P>),
    Run(Expect<P>),
    StartTls,
    Close(End),
}

/// Where one turn over the input led.
enum Turn<P: Policy> {
    Again(Box<Core<P>>, Expect<P>),
    Stop(Step<P>),
}

/// Uses the input there is, until a step must be taken outside.
fn run<P: Policy>(mut core: Box<Core<P>>, mut expect: Expect<P>) -> Step<P> {
    loop {
        if core.output_is_full() {
            return write(core, Then::Run(expect));
        }
        let turn = match expect {
            Expect::Command => commands::turn(core),
            Expect::Sasl(exchange) => commands::sasl_turn(core, exchange),
            Expect::Content(content, fate) => content::turn(core, content, fate),
        };
        match turn {
            Turn::Again(next, what) => (core, expect) = (next, what),
            Turn::Stop(step) => return step,
        }
    }
}

/// Writes what is to be written, then goes on.
fn write<P: Policy>(core: Box<Core<P>>, then: Then<P>) -> Step<P> {
    let writing = Writing { core, then };
    if writing.core.output.is_empty() { writing.written() } else { Step::Write(writing) }
}

/// Output to be written.
pub struct Writing<P: Policy> {
    core: Box<Core<P>>,
    then: Then<P>,
}

impl<P: Policy> Writing<P> {
    /// The bytes to write.
    pub fn bytes(&self) -> &[u8] {
        &self.core.output
    }

    /// All was written.
    pub fn written(mut self) -> Step<P> {
        self.core.output = Vec::new();
        match self.then {
            Then::Read(expect) => Step::Read(Reading { core: self.core, expect }),
            Then::Run(expect) => run(self.core, expect),
            Then::StartTls => Step::StartTls(Upgrading { core: self.core }),
            Then::Close(end) => Step::Close(self.core.ended(end)),
        }
    }

    /// It could not be written.
    pub fn abandon(self, end: End) -> Ended {
        match self.then {
            Then::Close(decided) => self.core.ended(decided),
            _ => self.core.ended(end),
        }
    }
}

/// Input is wanted.
pub struct Reading<P: Policy> {
    core: Box<Core<P>>,
    expect: Expect<P>,
}

impl<P: Policy> Reading<P> {
    /// What input is wanted for.
    pub fn waiting(&self) -> Waiting {
        match (&self.expect, &self.core.peer) {
            (Expect::Content(..), _) => Waiting::Content,
            (_, None) => Waiting::Login,
            (_, Some(_)) => Waiting::Command,
        }
    }

    /// How many lines and messages were used so far: a deadline for a command starts anew when this changes.
    pub fn progress(&self) -> u64 {
        self.core.progress
    }

    /// Whether a message is being submitted, from MAIL on.
    pub fn in_transaction(&self) -> bool {
        self.core.in_transaction() || matches!(self.expect, Expect::Content(..))
    }

    /// The number of the latest transaction of this session: a deadline for the whole of one starts anew when this changes.
    pub fn transaction(&self) -> u32 {
        self.core.mails
    }

    /// Bytes of content that came in this session, refused ones included.
    pub fn content_bytes(&self) -> u64 {
        self.core.tally.content_bytes
    }

    /// Who logged in or is known by certificate.
    pub fn peer(&self) -> Option<&Arc<P::Peer>> {
        self.core.peer.as_ref()
    }

    /// The input buffer, with room up to [`BLOCK`] bytes, to be appended to while content arrives.
    pub fn block(&mut self) -> &mut Vec<u8> {
        self.core.input.block(BLOCK)
    }

    /// Keeps a copy of bytes that came: for commands, which are few and small.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.core.input.feed(bytes);
    }

    /// Uses what was appended to [`Reading::block`] or fed.
    pub fn fed(self) -> Step<P> {
        run(self.core, self.expect)
    }

    /// The server stops: an idle session ends, one in a transaction may finish its message and ends then.
    pub fn stop(mut self) -> Step<P> {
        if self.in_transaction() {
            self.core.draining = true;
            return Step::Read(self);
        }
        self.interrupt(Interruption::Stopped)
    }

    /// Ends the session now, with a 421 that says why.
    pub fn interrupt(mut self, why: Interruption) -> Step<P> {
        let end = self.core.interrupted(why);
        write(self.core, Then::Close(end))
    }

    /// The connection is gone.
    pub fn abandon(self, end: End) -> Ended {
        self.core.ended(end)
    }
}

/// The client was told to start TLS.
pub struct Upgrading<P: Policy> {
    core: Box<Core<P>>,
}

impl<P: Policy> Upgrading<P> {
    /// The handshake is done. All that was known before is forgotten (RFC 3207 §4.2).
    pub fn established(mut self, tls: TlsInfo) -> Step<P> {
        self.core.secured(tls);
        run(self.core, Expect::Command)
    }

    /// The handshake failed.
    pub fn abandon(self, end: End) -> Ended {
        self.core.ended(end)
    }
}

/// [`Policy::authenticate`] is asked.
pub struct Authenticating<P: Policy> {
    core: Box<Core<P>>,
}

impl<P: Policy> Authenticating<P> {
    /// The first argument of the question.
    pub fn connection(&self) -> &Connection {
        &self.core.connection
    }

    /// What the policy says.
    pub fn answer(mut self, answer: Result<P::Peer, Reply>) -> Step<P> {
        let end = self.core.authenticated(answer);
        proceed(self.core, end)
    }
}

/// [`Policy::known_by_certificate`] is asked, before [`Policy::mail`].
pub struct Identifying<P: Policy> {
    core: Box<Core<P>>,
    from: MailFrom,
}

impl<P: Policy> Identifying<P> {
    /// The argument of the question.
    pub fn connection(&self) -> &Connection {
        &self.core.connection
    }

    /// What the policy says; a refusal is the answer to MAIL.
    pub fn answer(mut self, answer: Result<P::Peer, Reply>) -> Step<P> {
        match self.core.identified(answer) {
            Ok(()) => mailing(self.core, self.from),
            Err(end) => proceed(self.core, end),
        }
    }
}

fn mailing<P: Policy>(core: Box<Core<P>>, from: MailFrom) -> Step<P> {
    Step::Mail(Mailing { core, smtputf8: from.smtputf8, body: from.body }, from)
}

/// [`Policy::mail`] is asked.
pub struct Mailing<P: Policy> {
    core: Box<Core<P>>,
    smtputf8: bool,
    body: Body,
}

impl<P: Policy> Mailing<P> {
    /// The first two arguments of the question.
    pub fn context(&self) -> (&Connection, Option<&P::Peer>) {
        (&self.core.connection, self.core.peer.as_deref())
    }

    /// What the policy says.
    pub fn answer(mut self, answer: Result<P::Envelope, Reply>) -> Step<P> {
        let end = match answer {
            Ok(envelope) => {
                self.core.transaction = Some(Transaction::new(envelope, self.smtputf8, self.body));
                self.core.say(250, "2.1.0", "Sender accepted");
                None
            }
            Err(reply) => self.core.refused_by_policy(reply),
        };
        proceed(self.core, end)
    }
}

/// [`Policy::rcpt`] is asked.
pub struct Addressing<P: Policy> {
    core: Box<Core<P>>,
    transaction: Transaction<P::Envelope>,
}

impl<P: Policy> Addressing<P> {
    /// The first two arguments of the question.
    pub fn context(&mut self) -> (&Connection, &mut P::Envelope) {
        (&self.core.connection, &mut self.transaction.envelope)
    }

    /// What the policy says.
    pub fn answer(mut self, answer: Result<(), Reply>) -> Step<P> {
        let end = match answer {
            Ok(()) => {
                self.transaction.accepted += 1;
                self.core.say(250, "2.1.5", "Recipient accepted");
                None
            }
            Err(reply) => self.core.refused_by_policy(reply).or_else(|| self.core.recipient_refused()),
        };
        self.core.transaction = Some(self.transaction);
        proceed(self.core, end)
    }
}

/// [`Policy::data`] is asked.
pub struct Opening<P: Policy> {
    core: Box<Core<P>>,
    how: How,
}

impl<P: Policy> Opening<P> {
    /// The first argument of the question.
    pub fn connection(&self) -> &Connection {
        &self.core.connection
    }

    /// What the policy says.
    pub fn answer(mut self, answer: Result<P::Incoming, Reply>) -> Step<P> {
        if let How::Bdat(chunk, body) = self.how {
            return chunk::opened(self, (chunk, body), answer);
        }
        match answer {
            Ok(incoming) => {
                self.core.say(354, "", "Send the message, then a line with a single dot");
                run(self.core, Expect::Content(Content::lines(), Ok(incoming)))
            }
            Err(reply) => {
                self.core.tally.refused += 1;
                let end = self.core.refused_by_policy(reply);
                let end = end.or_else(|| self.core.content_came_uninvited());
                proceed(self.core, end)
            }
        }
    }
}

/// [`Policy::chunk`] is asked.
pub struct Receiving<P: Policy> {
    core: Box<Core<P>>,
    content: Content,
    incoming: P::Incoming,
    scan: crate::data::Scan,
}

impl<P: Policy> Receiving<P> {
    /// The arguments of the question.
    pub fn context(&mut self) -> (&mut P::Incoming, &[u8]) {
        let bytes = self.core.input.pending().get(..self.scan.content).unwrap_or_default();
        (&mut self.incoming, bytes)
    }

    /// What the policy says.
    pub fn answer(self, answer: Result<(), Reply>) -> Step<P> {
        let fate = match answer {
            Ok(()) => Ok(self.incoming),
            Err(reply) => Err(reply.refusal()),
        };
        match content::after(self.core, self.content, fate, self.scan) {
            Turn::Again(core, expect) => run(core, expect),
            Turn::Stop(step) => step,
        }
    }
}

/// [`Policy::finish`] is asked.
pub struct Committing<P: Policy> {
    core: Box<Core<P>>,
}

impl<P: Policy> Committing<P> {
    /// What the policy says. Only its proof makes a 250 (I-1).
    pub fn answer(mut self, answer: Result<Accepted<P::Durable>, Reply>) -> Step<P> {
        let end = match answer {
            Ok(Accepted { durable, id }) => {
                self.core.accept(durable, &id);
                None
            }
            Err(reply) => {
                self.core.tally.refused += 1;
                self.core.refused_content(reply)
            }
        };
        proceed(self.core, end)
    }
}

/// Goes on with commands, unless the session ends.
fn proceed<P: Policy>(core: Box<Core<P>>, end: Option<End>) -> Step<P> {
    match end {
        Some(end) => write(core, Then::Close(end)),
        None => run(core, Expect::Command),
    }
}
