//! What the driver needs from the rest of the house: who may log in, and a session of theirs.
//! May use identity and the session. Must never touch the stream.
//!
//! The driver is generic over it, so that its own rules are tested without a store.

use std::{future::Future, net::IpAddr, sync::Arc, time::Duration};

use identity::{Attempt, AuthError, Mechanism, Service};

use crate::{
    Server, Settings,
    capability::Extensions,
    command::{AppendArgs, AppendMessage, Secret, SessionCommand, Tag},
    completion::Completion,
    output::{Fatal, Output},
    seats::Seat,
    session::{AppendSink, Session},
    wire::Names,
};

/// A login asked for.
pub(super) struct Login {
    /// Whom to act as; oneself if absent (S-1.7).
    pub(super) authzid: Option<String>,
    /// Who logs in.
    pub(super) authcid: String,
    /// Their password.
    pub(super) password: Secret,
    /// By SASL PLAIN or by the LOGIN command.
    pub(super) mechanism: Mechanism,
    /// From where.
    pub(super) peer: IpAddr,
    /// What the client calls itself, if it said so (RFC 2971).
    pub(super) client: Option<String>,
}

/// Why a login failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoginError {
    /// Name, password or right is wrong: which one is never told (M-5).
    Denied,
    /// Too many failures before (S-7.4).
    Throttled(Duration),
    /// The person has as many sessions as a person may have.
    TooMany,
    /// We cannot tell now.
    Unavailable,
}

/// Makes persons out of logins.
pub(super) trait Backend: Send + Sync {
    /// A logged-in session.
    type Person: Person;

    /// Names and limits.
    fn settings(&self) -> &Settings;

    /// Judges a login.
    fn log_in(&self, login: Login) -> impl Future<Output = Result<Self::Person, LoginError>> + Send;
}

/// A logged-in session; see [`Session`] for what each does.
pub(super) trait Person: Send {
    /// Takes the message of an APPEND.
    type Sink: Sink;

    /// Resolves when the session must end (S-1.5).
    fn revoked(&self) -> impl Future<Output = ()> + Send + 'static;

    /// See [`Session::extensions`].
    fn extensions(&self) -> Extensions;

    /// See [`Session::meet`].
    fn meet(&mut self, client: Option<&str>);

    /// See [`Session::names`].
    fn names(&self) -> Names;

    /// See [`Session::handle`].
    fn handle(
        &mut self,
        tag: &Tag,
        command: SessionCommand,
        out: &mut Output<'_>,
    ) -> impl Future<Output = Result<Completion, Fatal>> + Send;

    /// See [`Session::append_begin`].
    fn append_begin(
        &mut self,
        args: &AppendArgs,
    ) -> impl Future<Output = Result<Self::Sink, Completion>> + Send;

    /// See [`Session::idle_wait`].
    fn idle_wait(&mut self) -> impl Future<Output = ()> + Send;

    /// See [`Session::poll_changes`].
    fn poll_changes(
        &mut self,
        out: &mut Output<'_>,
        may_expunge: bool,
    ) -> impl Future<Output = Result<(), Fatal>> + Send;
}

/// Takes the message of an APPEND; see [`AppendSink`].
pub(super) trait Sink: Send {
    /// See [`AppendSink::write`].
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), Completion>> + Send;

    /// See [`AppendSink::next`].
    fn next(self, message: &AppendMessage) -> impl Future<Output = Result<Self, Completion>> + Send
    where
        Self: Sized;

    /// See [`AppendSink::finish`].
    fn finish(self) -> impl Future<Output = Completion> + Send;
}

/// The session with the proof it rests on.
pub(super) struct RealPerson {
    session: Session,
    _seat: Seat,
}

impl Backend for Arc<Server> {
    type Person = RealPerson;

    fn settings(&self) -> &Settings {
        &self.settings
    }

    async fn log_in(&self, login: Login) -> Result<RealPerson, LoginError> {
        let (peer, client) = (login.peer, login.client);
        let attempt = Attempt {
            authcid: login.authcid,
            authzid: login.authzid,
            password: login.password.into_inner(),
            peer,
            service: Service::Imap,
            mechanism: login.mechanism,
        };
        match self.authenticator.authenticate(attempt).await {
            Ok(principal) => {
                let most = self.settings.sessions_per_account;
                let Some(seat) = self.seats.take(principal.person().id, most) else {
                    tracing::warn!(%peer, account = %principal.person().id, most, "too many IMAP sessions of one person");
                    return Err(LoginError::TooMany);
                };
                let mut session = Session::new(Arc::clone(self), principal, peer);
                session.meet(client.as_deref());
                Ok(RealPerson { session, _seat: seat })
            }
            Err(AuthError::Denied) => Err(LoginError::Denied),
            Err(AuthError::Throttled { retry_after }) => Err(LoginError::Throttled(retry_after)),
            Err(AuthError::Unavailable) => Err(LoginError::Unavailable),
        }
    }
}

impl Person for RealPerson {
    type Sink = AppendSink;

    fn revoked(&self) -> impl Future<Output = ()> + Send + 'static {
        self.session.revoked()
    }

    fn extensions(&self) -> Extensions {
        self.session.extensions()
    }

    fn meet(&mut self, client: Option<&str>) {
        self.session.meet(client);
    }

    fn names(&self) -> Names {
        self.session.names()
    }

    async fn handle(
        &mut self,
        tag: &Tag,
        command: SessionCommand,
        out: &mut Output<'_>,
    ) -> Result<Completion, Fatal> {
        self.session.handle(tag, command, out).await
    }

    async fn append_begin(&mut self, args: &AppendArgs) -> Result<AppendSink, Completion> {
        self.session.append_begin(args).await
    }

    async fn idle_wait(&mut self) {
        self.session.idle_wait().await;
    }

    async fn poll_changes(&mut self, out: &mut Output<'_>, may_expunge: bool) -> Result<(), Fatal> {
        self.session.poll_changes(out, may_expunge).await
    }
}

impl Sink for AppendSink {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Completion> {
        AppendSink::write(self, bytes).await
    }

    async fn next(self, message: &AppendMessage) -> Result<Self, Completion> {
        AppendSink::next(self, message).await
    }

    async fn finish(self) -> Completion {
        AppendSink::finish(self).await
    }
}
