//! What a session remembers, and the replies that change it.

use std::{mem, sync::Arc};

use super::{
    Interruption,
    chunk::{Failed, Open},
};
use crate::{Body, Connection, End, Ended, Policy, Reply, Settings, TlsInfo, input::Input};

/// Replies gathered for one write while commands are pipelined (RFC 2920).
const OUTPUT: usize = 8 * 1024;

/// The memory of a session.
pub(super) struct Core<P: Policy> {
    pub(super) settings: Arc<Settings>,
    pub(super) connection: Connection,
    pub(super) input: Input,
    pub(super) output: Vec<u8>,
    pub(super) peer: Option<Arc<P::Peer>>,
    pub(super) transaction: Option<Transaction<P::Envelope>>,
    /// Replies to the content that comes: one, or with LMTP one for each recipient that was accepted (RFC 2033 §4.2).
    pub(super) copies: u32,
    /// A message of which chunks came, and not the last.
    pub(super) open: Option<Open<P::Incoming>>,
    /// A message failed of which more chunks may be on their way.
    pub(super) failed: Option<Failed>,
    /// MAIL commands that were put to the policy.
    pub(super) mails: u32,
    /// Recipients refused in this session.
    pub(super) refused_recipients: u32,
    pub(super) tally: Ended,
    /// The server stops: no new transaction.
    pub(super) draining: bool,
    /// Lines and messages used.
    pub(super) progress: u64,
}

/// A transaction from MAIL to DATA or the first BDAT.
pub(super) struct Transaction<E> {
    pub(super) envelope: E,
    pub(super) smtputf8: bool,
    pub(super) body: Body,
    pub(super) attempts: u32,
    pub(super) accepted: u32,
}

impl<E> Transaction<E> {
    pub(super) fn new(envelope: E, smtputf8: bool, body: Body) -> Self {
        Transaction { envelope, smtputf8, body, attempts: 0, accepted: 0 }
    }
}

impl<P: Policy> Core<P> {
    pub(super) fn new(connection: Connection, settings: Arc<Settings>) -> Self {
        Core {
            settings,
            connection,
            input: Input::default(),
            output: Vec::new(),
            peer: None,
            transaction: None,
            copies: 1,
            open: None,
            failed: None,
            mails: 0,
            refused_recipients: 0,
            tally: Ended::at_once(End::Dropped),
            draining: false,
            progress: 0,
        }
    }

    pub(super) fn ended(&self, end: End) -> Ended {
        Ended { end, ..self.tally }
    }

    pub(super) fn output_is_full(&self) -> bool {
        self.output.len() >= OUTPUT
    }

    pub(super) fn greet(&mut self) {
        let hostname = self.settings.hostname.clone();
        let protocol = if self.connection.service.is_lmtp() { "LMTP" } else { "ESMTP" };
        self.say(220, "", &format!("{hostname} {protocol}"));
    }

    pub(super) fn say(&mut self, code: u16, status: &'static str, text: &str) {
        self.reply(&Reply::new(code, status, [text]));
    }

    pub(super) fn reply(&mut self, reply: &Reply) {
        reply.render(&mut self.output);
        tracing::debug!(session = %self.connection.session, code = reply.code(), status = reply.status(), "reply");
    }

    /// Refuses a command that is a mistake of the client; too many of them end the session.
    pub(super) fn mistake(&mut self, reply: &Reply) -> Option<End> {
        self.reply(reply);
        self.tally.errors += 1;
        if self.tally.errors < self.settings.limits.errors_before_close {
            return None;
        }
        self.say(421, "4.7.0", "Too many errors; closing the connection");
        Some(End::TooManyErrors)
    }

    /// Passes the policy's refusal on; a 421 ends the session.
    pub(super) fn refused_by_policy(&mut self, reply: Reply) -> Option<End> {
        let reply = reply.refusal();
        self.reply(&reply);
        (reply.code() == 421).then_some(End::Policy)
    }

    /// The same in answer to content: what holds for the message holds for each recipient.
    pub(super) fn refused_content(&mut self, reply: Reply) -> Option<End> {
        let reply = reply.refusal();
        for _ in 0..self.copies {
            self.reply(&reply);
        }
        (reply.code() == 421).then_some(End::Policy)
    }

    /// One more recipient was refused; too many of them end the session.
    pub(super) fn recipient_refused(&mut self) -> Option<End> {
        self.refused_recipients += 1;
        if self.refused_recipients <= self.settings.limits.refused_recipients {
            return None;
        }
        self.say(421, "4.7.0", "Too many refused recipients; check the addresses; closing the connection");
        Some(End::TooMany)
    }

    /// Takes the policy's word on who the certificate makes the client (M-2); too many refusals end the session.
    pub(super) fn identified(&mut self, answer: Result<P::Peer, Reply>) -> Result<(), Option<End>> {
        let reply = match answer {
            Ok(peer) => {
                self.peer = Some(Arc::new(peer));
                self.tally.authenticated = true;
                return Ok(());
            }
            Err(reply) => reply,
        };
        self.tally.auth_failures += 1;
        if let Some(end) = self.refused_by_policy(reply) {
            return Err(Some(end));
        }
        if self.tally.auth_failures < self.settings.limits.auth_failures {
            return Err(None);
        }
        self.say(421, "4.7.0", "Refused too often; closing the connection");
        Err(Some(End::TooManyFailures))
    }

    pub(super) fn authenticated(&mut self, answer: Result<P::Peer, Reply>) -> Option<End> {
        match answer {
            Ok(peer) => {
                self.peer = Some(Arc::new(peer));
                self.tally.authenticated = true;
                self.say(235, "2.7.0", "Authentication succeeded");
                return None;
            }
            Err(reply) => {
                self.tally.auth_failures += 1;
                if let Some(end) = self.refused_by_policy(reply) {
                    return Some(end);
                }
            }
        }
        if self.tally.auth_failures < self.settings.limits.auth_failures {
            return None;
        }
        self.say(421, "4.7.0", "Too many failed logins; closing the connection");
        Some(End::TooManyFailures)
    }

    /// The one place where a message is answered 250: `durable` is the proof that it may be.
    pub(super) fn accept(&mut self, durable: P::Durable, id: &str) {
        drop(durable);
        self.tally.accepted += 1;
        let reply = Reply::new(250, "2.0.0", [format!("Accepted {id}")]);
        // all of them are in the one commit that was proven
        for _ in 0..self.copies {
            self.reply(&reply);
        }
    }

    /// The handshake is done: what was said in clear is forgotten.
    pub(super) fn secured(&mut self, tls: TlsInfo) {
        self.connection.tls = Some(tls);
        self.connection.helo = String::new();
        self.connection.extended = false;
        self.input = Input::default();
        self.reset();
    }

    pub(super) fn interrupted(&mut self, why: Interruption) -> End {
        let (status, text, end) = match why {
            Interruption::Timeout => ("4.4.2", "Too slow; closing the connection", End::Timeout),
            Interruption::Stopped => ("4.3.2", "The server is stopping; try again in a moment", End::Stopped),
            Interruption::Revoked if self.connection.service.identifies() => (
                "4.7.0",
                "What you are known by is no longer accepted; connect again to read why",
                End::Revoked,
            ),
            Interruption::Revoked => ("4.7.0", "Your rights have changed; log in again", End::Revoked),
        };
        self.say(421, status, text);
        end
    }

    /// After a refused DATA: a client that sent the message without waiting would have its lines taken for commands.
    pub(super) fn content_came_uninvited(&mut self) -> Option<End> {
        if self.input.is_empty() {
            return None;
        }
        self.say(421, "4.5.0", "The message came before the 354; closing the connection");
        Some(End::Injected)
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.transaction.is_some() || self.open.is_some()
    }

    pub(super) fn reset(&mut self) {
        drop(mem::take(&mut self.transaction));
        drop(mem::take(&mut self.open));
        self.failed = None;
    }
}
