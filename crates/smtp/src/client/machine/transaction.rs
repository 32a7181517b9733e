//! One message after the other: MAIL, RCPT, DATA, the content, RSET where one is open. With PIPELINING (RFC 2920) commands go out in
//! groups, and every mix of answers is taken: content goes only to a peer that accepted a recipient and said 354. A peer that
//! offers CHUNKING (RFC 3030) is sent BDAT instead of DATA, once it accepted a recipient.

use std::{collections::VecDeque, mem};

use super::{
    Core,
    streaming::{Chunks, Streaming},
};
use crate::{
    Body, Reply,
    client::{
        Error, Extensions, Failure, Outgoing, Protocol, RecipientOutcome, Stage,
        commands::{self, Measure},
    },
};

/// What is to be done next for a message.
#[derive(Debug)]
pub enum Sending<'a> {
    /// Write this, all of it, then say so.
    Write(Writing<'a>),
    /// Read from the peer and feed what came.
    Read(Reading<'a>),
    /// Send the content.
    Content(Streaming<'a>),
    /// What became of each recipient, in the order of the envelope.
    Done(Vec<RecipientOutcome>),
    /// Close the connection.
    Failed(Failure),
}

/// A connection to a good peer, between two messages.
#[derive(Debug)]
pub struct Ready<P> {
    core: Core,
    proof: P,
}

impl<P> Ready<P> {
    pub(super) fn new(core: Core, proof: P) -> Self {
        Ready { core, proof }
    }

    /// The proof that the peer is good.
    pub fn proof(&self) -> &P {
        &self.proof
    }

    /// What the peer offers.
    pub fn extensions(&self) -> &Extensions {
        &self.core.offered
    }

    /// Whether a message can be sent: not after a failure, a 421, a message that was dropped half-way, nor after as many as the peer
    /// takes in a session (RFC 9422).
    pub fn is_usable(&self) -> bool {
        self.core.usable && self.core.offered.messages.is_none_or(|most| self.core.sent < most)
    }

    /// Takes bytes that came in answer to AUTH: nothing while the reply is not whole. What fails leaves the connection of no use.
    pub fn logged_in(&mut self, bytes: &[u8]) -> Result<Option<()>, Error> {
        let stage = Stage::Login;
        self.core.usable = false;
        self.core.replies.feed(bytes);
        let reply = self.core.replies.next().map_err(|fault| Error::Protocol { stage, what: fault.0 })?;
        let Some(reply) = reply else { return Ok(None) };
        match reply.code() {
            235 if self.core.replies.is_empty() => {
                self.core.usable = true;
                Ok(Some(()))
            }
            400.. => Err(Error::Refused { stage, reply }),
            _ => Err(Error::Protocol { stage, what: "it answers with a code that has no meaning here" }),
        }
    }

    /// Begins a message of `size` bytes, line ends included and dots not stuffed.
    pub fn send<R: AsRef<str>>(&mut self, envelope: &Outgoing<R>, size: u64, body: Body) -> Sending<'_> {
        let none = vec![None; envelope.recipients.len()];
        if !self.is_usable() || !mem::replace(&mut self.core.usable, false) {
            return Sending::Failed(Failure { error: Error::Used, in_doubt: false, known: none });
        }
        self.core.sent += 1;
        let mut transaction = Transaction::new(&mut self.core, none);
        transaction.prepare(envelope, Measure { size, body });
        transaction.proceed()
    }
}

/// A command, and what its reply is about.
#[derive(Debug)]
struct Line {
    text: String,
    asked: Asked,
}

/// What a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Mail,
    Recipient(usize),
    Data,
    /// A chunk that is not the last.
    Chunk,
    /// The dot of an empty message, sent since the peer said 354 although it accepted no recipient (RFC 2920 §3.1).
    Nothing,
    End,
    Reset,
}

impl Asked {
    fn stage(self) -> Stage {
        match self {
            Asked::Mail => Stage::Mail,
            Asked::Recipient(_) => Stage::Recipient,
            Asked::Data => Stage::Data,
            Asked::Chunk => Stage::Content,
            Asked::Nothing | Asked::End => Stage::End,
            Asked::Reset => Stage::Reset,
        }
    }
}

/// A message on its way.
#[derive(Debug)]
pub(super) struct Transaction<'a> {
    core: &'a mut Core,
    /// Commands not yet written; DATA is the last.
    lines: VecDeque<Line>,
    /// Commands written and not yet answered.
    pub(super) asked: VecDeque<Asked>,
    outcomes: Vec<Option<RecipientOutcome>>,
    /// The recipients that the peer accepted.
    accepted: Vec<usize>,
    mail_refused: bool,
    /// The 421 with which the peer ends the connection.
    closing: Option<(Reply, Stage)>,
    /// The content will go out in chunks, once recipients are accepted.
    chunks: Option<Chunks>,
    /// The message goes by BDAT: whatever fails, RSET must follow (RFC 3030 §2).
    chunked: bool,
    /// The peer said 354 and has recipients.
    invited: bool,
    answered: u64,
}

impl<'a> Transaction<'a> {
    fn new(core: &'a mut Core, outcomes: Vec<Option<RecipientOutcome>>) -> Self {
        Transaction {
            core,
            lines: VecDeque::new(),
            asked: VecDeque::new(),
            outcomes,
            accepted: Vec::new(),
            mail_refused: false,
            closing: None,
            chunks: None,
            chunked: false,
            invited: false,
            answered: 0,
        }
    }

    /// Makes the commands. Recipients that this peer cannot be given are refused here.
    fn prepare<R: AsRef<str>>(&mut self, envelope: &Outgoing<R>, measure: Measure) {
        let offered = self.core.offered;
        let mail = match commands::mail(envelope, measure, &offered) {
            Ok(text) => Line { text, asked: Asked::Mail },
            Err(reply) => return self.refuse_all(&reply, Stage::Offer),
        };
        for (at, recipient) in envelope.recipients.iter().enumerate() {
            match commands::rcpt(recipient, envelope.smtputf8, &offered) {
                Ok(text) => self.lines.push_back(Line { text, asked: Asked::Recipient(at) }),
                Err(reply) => self.decide(at, RecipientOutcome::Refused { reply, stage: Stage::Offer }),
            }
        }
        if !self.lines.is_empty() {
            self.lines.push_front(mail);
            if offered.chunking && self.core.settings.protocol == Protocol::Smtp {
                let most = if offered.pipelining { self.core.settings.chunk } else { u64::MAX };
                self.chunks = Some(Chunks::new(measure.size, measure.body, most));
                self.chunked = true;
            } else {
                self.lines.push_back(Line { text: "DATA\r\n".to_owned(), asked: Asked::Data });
            }
        }
    }

    /// Uses the replies that are there, then goes on.
    fn turn(mut self) -> Sending<'a> {
        while !self.asked.is_empty() && self.closing.is_none() {
            match self.core.replies.next() {
                Ok(Some(reply)) => {
                    if let Err(error) = self.answer(&reply) {
                        return self.abandon(error);
                    }
                }
                Ok(None) => return Sending::Read(Reading { transaction: self }),
                Err(fault) => return self.broken(fault.0),
            }
        }
        self.proceed()
    }

    /// One reply to the oldest command.
    fn answer(&mut self, reply: &Reply) -> Result<(), Error> {
        let Some(asked) = self.asked.front().copied() else { return Ok(()) };
        let stage = asked.stage();
        let (accepts, refuses) = (reply.code() / 100 == 2, reply.code() >= 400);
        // LMTP answers the end once for each accepted recipient (RFC 2033 §4.2)
        let each = asked == Asked::End && self.core.settings.protocol == Protocol::Lmtp;
        match asked {
            Asked::End if each && accepts => self.settle_next(RecipientOutcome::Delivered(reply.clone())),
            Asked::End if each && refuses => {
                self.settle_next(RecipientOutcome::Refused { reply: reply.clone(), stage });
            }
            Asked::Data if reply.code() == 354 => self.invite(),
            Asked::Data if refuses => {
                self.settle_accepted(|reply| RecipientOutcome::Refused { reply, stage }, reply);
                self.reset();
            }
            Asked::Mail if refuses => {
                self.refuse_all(reply, stage);
                self.lines.clear();
                self.mail_refused = true;
            }
            Asked::Recipient(at) if refuses => {
                self.decide(at, RecipientOutcome::Refused { reply: reply.clone(), stage });
            }
            Asked::Recipient(at) if accepts => self.accept(at),
            Asked::End if accepts => self.settle_accepted(RecipientOutcome::Delivered, reply),
            Asked::Chunk | Asked::End if refuses => {
                self.settle_accepted(|reply| RecipientOutcome::Refused { reply, stage }, reply);
                if self.chunked {
                    self.reset();
                }
            }
            Asked::Nothing if accepts || refuses => self.reset(),
            Asked::Mail | Asked::Chunk | Asked::Reset if accepts => {}
            Asked::Reset => return Err(Error::Refused { stage, reply: reply.clone() }),
            _ => {
                return Err(Error::Protocol {
                    stage,
                    what: "it answers with a code that has no meaning here",
                });
            }
        }
        if reply.code() == 421 {
            self.closing = Some((reply.clone(), stage));
        }
        if !each || self.accepted.is_empty() {
            self.asked.pop_front();
        }
        self.answered += 1;
        Ok(())
    }

    /// DATA got its 354.
    fn invite(&mut self) {
        if self.accepted.is_empty() {
            self.lines.push_back(Line { text: ".\r\n".to_owned(), asked: Asked::Nothing });
        } else {
            self.invited = true;
        }
    }

    /// Ends the peer's transaction, if it has one.
    fn reset(&mut self) {
        self.lines.clear();
        if !self.mail_refused {
            self.lines.push_back(Line { text: "RSET\r\n".to_owned(), asked: Asked::Reset });
        }
    }

    fn accept(&mut self, at: usize) {
        if self.outcomes.get(at).is_some_and(Option::is_none) {
            self.accepted.push(at);
        }
    }

    /// The first outcome of a recipient stays.
    fn decide(&mut self, at: usize, outcome: RecipientOutcome) {
        if let Some(slot) = self.outcomes.get_mut(at) {
            slot.get_or_insert(outcome);
        }
    }

    fn refuse_all(&mut self, reply: &Reply, stage: Stage) {
        for slot in &mut self.outcomes {
            slot.get_or_insert_with(|| RecipientOutcome::Refused { reply: reply.clone(), stage });
        }
        self.accepted.clear();
    }

    /// Settles the first of the accepted recipients that is not.
    fn settle_next(&mut self, outcome: RecipientOutcome) {
        if !self.accepted.is_empty() {
            let at = self.accepted.remove(0);
            self.decide(at, outcome);
        }
    }

    fn settle_accepted(&mut self, outcome: impl Fn(Reply) -> RecipientOutcome, reply: &Reply) {
        for at in mem::take(&mut self.accepted) {
            self.decide(at, outcome(reply.clone()));
        }
    }

    /// All that was asked is answered: what comes next?
    fn proceed(mut self) -> Sending<'a> {
        if let Some((reply, stage)) = self.closing.take() {
            self.refuse_all(&reply, stage);
            return self.done(false);
        }
        if !self.core.replies.is_empty() {
            return self.broken("it speaks before it is asked");
        }
        if mem::take(&mut self.invited) {
            return Sending::Content(Streaming::dots(self));
        }
        if self.lines.is_empty()
            && let Some(chunks) = self.chunks.take()
        {
            if !self.accepted.is_empty() {
                return Sending::Content(Streaming::chunks(self, chunks));
            }
            self.reset();
        }
        if self.accepted.is_empty() && self.lines.front().is_some_and(|line| line.asked == Asked::Data) {
            self.reset();
        }
        if self.lines.is_empty() {
            return self.done(true);
        }
        self.group()
    }

    /// Writes as many commands as may go out together.
    fn group(mut self) -> Sending<'a> {
        let many = if self.core.offered.pipelining { self.core.settings.pipelined.max(1) } else { 1 };
        let mut bytes = Vec::new();
        for line in self.lines.drain(..many.min(self.lines.len())) {
            bytes.extend_from_slice(line.text.as_bytes());
            self.asked.push_back(line.asked);
        }
        Sending::Write(Writing { transaction: self, bytes })
    }

    fn done(self, usable: bool) -> Sending<'a> {
        match self.outcomes.iter().cloned().collect::<Option<Vec<_>>>() {
            Some(outcomes) => {
                self.core.usable = usable;
                Sending::Done(outcomes)
            }
            None => self.broken("it left a recipient without an answer"),
        }
    }

    fn broken(self, what: &'static str) -> Sending<'a> {
        let stage = self.stage();
        self.abandon(Error::Protocol { stage, what })
    }

    fn stage(&self) -> Stage {
        self.asked.front().map_or(Stage::Mail, |asked| asked.stage())
    }

    /// The connection is of no use any more. If every outcome is known by then, nothing failed.
    pub(super) fn abandon(self, error: Error) -> Sending<'a> {
        if self.outcomes.iter().all(Option::is_some) {
            return self.done(false);
        }
        let in_doubt = self.asked.contains(&Asked::End);
        Sending::Failed(Failure { error, in_doubt, known: self.outcomes })
    }
}

/// Commands or the end of the content, to be written.
#[derive(Debug)]
pub struct Writing<'a> {
    pub(super) transaction: Transaction<'a>,
    pub(super) bytes: Vec<u8>,
}

impl<'a> Writing<'a> {
    /// The bytes to write.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// At which step.
    pub fn stage(&self) -> Stage {
        self.transaction.stage()
    }

    /// All was written.
    pub fn written(self) -> Sending<'a> {
        Sending::Read(Reading { transaction: self.transaction })
    }

    /// It could not be written, or not all of it.
    pub fn abandon(self, error: Error) -> Sending<'a> {
        self.transaction.abandon(error)
    }
}

/// Replies are awaited.
#[derive(Debug)]
pub struct Reading<'a> {
    transaction: Transaction<'a>,
}

impl<'a> Reading<'a> {
    /// At which step.
    pub fn stage(&self) -> Stage {
        self.transaction.stage()
    }

    /// How many replies were used so far: a deadline starts anew when this changes.
    pub fn answered(&self) -> u64 {
        self.transaction.answered
    }

    /// Takes bytes that came.
    pub fn feed(self, bytes: &[u8]) -> Sending<'a> {
        self.transaction.core.replies.feed(bytes);
        self.transaction.turn()
    }

    /// The connection is gone.
    pub fn abandon(self, error: Error) -> Sending<'a> {
        self.transaction.abandon(error)
    }
}
