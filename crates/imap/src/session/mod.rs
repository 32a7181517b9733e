//! The session of one logged-in person: which mailbox is open, what each command does.
//! May use the store and the principal. Must never touch the socket but through `Output`.

use std::sync::Arc;

use identity::Principal;

use crate::{
    Server,
    command::{AppendArgs, SessionCommand, Tag},
    completion::Completion,
    output::{Fatal, Output},
};

/// The state of a logged-in connection.
pub struct Session {
    #[expect(dead_code, reason = "first skeleton")]
    server: Arc<Server>,
    #[expect(dead_code, reason = "first skeleton")]
    principal: Principal,
}

/// Takes the message of an APPEND piece by piece; dropped unfinished, nothing is kept.
pub struct AppendSink;

impl Session {
    /// A session with no mailbox open.
    pub fn new(server: Arc<Server>, principal: Principal) -> Self {
        Self { server, principal }
    }

    /// Does one command: untagged responses go to `out` (including changes others made, where RFC 3501 §5.2 and §7.4.1
    /// let them), the tagged one is the result.
    pub async fn handle(
        &mut self,
        _tag: &Tag,
        _command: SessionCommand,
        _out: &mut Output<'_>,
    ) -> Result<Completion, Fatal> {
        Ok(Completion::no("not built yet"))
    }

    /// Checks an APPEND before its message is asked for; an error is its completion.
    pub async fn append_begin(&mut self, _args: &AppendArgs) -> Result<AppendSink, Completion> {
        Err(Completion::no("not built yet"))
    }

    /// Resolves when the selected mailbox changed since the last look; never if none is selected. Cancel-safe.
    pub async fn idle_wait(&mut self) {
        std::future::pending().await
    }

    /// Tells what others changed in the selected mailbox, EXPUNGE included if `may_expunge`.
    pub async fn poll_changes(&mut self, _out: &mut Output<'_>, _may_expunge: bool) -> Result<(), Fatal> {
        Ok(())
    }
}

impl AppendSink {
    /// Takes the next bytes of the message. After an error the rest is read and dropped, and that is the completion.
    pub async fn write(&mut self, _bytes: &[u8]) -> Result<(), Completion> {
        Ok(())
    }

    /// All bytes came and the command was well-formed: commits.
    pub async fn finish(self) -> Completion {
        Completion::no("not built yet")
    }
}
