//! From the greeting to the login (RFC 3501 §3.1).
//! May use the wire and the backend. Must never keep more for a stranger than `Limits::STRANGER`.

use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    Settings,
    capability::{self, Extensions, Moment},
    command::{Command, ConnectionCommand, SessionCommand, Tag},
    completion::{Completion, Reply},
    connection::{
        Ended,
        backend::{Backend, Person},
        capabilities, done, id,
        login::{self, Caller, Outcome},
        no_starttls,
        pace::Pace,
        stream::{Halt, Wire},
    },
    wire::{
        Names,
        encode::{self, Code},
        framing::Event,
        grammar,
    },
};

/// How a stranger leaves this state.
pub(super) enum Left<P> {
    /// The client starts TLS now; OK is already said.
    StartTls,
    /// Logged in; OK is already said.
    LoggedIn(P),
}

/// Serves a connection until TLS starts or someone is logged in.
pub(super) async fn stranger<S, B>(
    wire: &mut Wire<S>,
    backend: &B,
    peer: IpAddr,
    secure: bool,
    greet: bool,
) -> Result<Left<B::Person>, Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    B: Backend,
{
    if greet {
        greeting(wire, backend.settings(), secure).await?;
    }
    let mut door =
        Door { backend, peer, secure, failures: 0, client: None, pace: Pace::new(backend.settings()) };
    loop {
        // The caller has a deadline over the whole of this state.
        let patience = wire.read_timeout();
        let command = match wire.next(patience).await? {
            Event::Command(command) => command,
            Event::Continue => {
                wire.go_on("go on").await?;
                continue;
            }
            Event::Refused(refused) => {
                wire.refuse(refused).await?;
                continue;
            }
            // Not found with these limits: APPEND is a command like others before login.
            Event::Append { .. }
            | Event::AppendMore { .. }
            | Event::Message(_)
            | Event::AppendEnd { .. }
            | Event::Close(_) => continue,
        };
        door.pace.step().await?;
        if command.is_empty() {
            continue;
        }
        match grammar::parse(&command, Names::Utf7) {
            Err(refusal) => wire.complete(refusal.tag.as_ref(), refusal.completion).await?,
            Ok(tagged) => {
                if let Some(left) = door.answer(wire, &tagged.tag, tagged.command).await? {
                    return Ok(left);
                }
            }
        }
    }
}

async fn greeting<S>(wire: &mut Wire<S>, settings: &Settings, secure: bool) -> Result<(), Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let told = capabilities(moment(secure), settings.offer.to_client(None), settings);
    let text = format!("{} Vaguemestre ready", settings.hostname);
    let reply = Reply { code: Some(Code::Capability(told)), text: text.into() };
    let mut out = wire.output();
    encode::status(out.buffer(), "*", "OK", &reply);
    let unwritten = out.into_unwritten();
    wire.keep(unwritten);
    Ok(())
}

fn moment(secure: bool) -> Moment {
    if secure { Moment::BeforeLogin } else { Moment::InClear }
}

struct Door<'b, B> {
    backend: &'b B,
    peer: IpAddr,
    secure: bool,
    failures: u32,
    /// What the client calls itself (RFC 2971).
    client: Option<String>,
    pace: Pace,
}

impl<B: Backend> Door<'_, B> {
    /// What a client of this name is offered before anybody is logged in.
    fn offered(&self) -> Extensions {
        self.backend.settings().offer.to_client(self.client.as_deref())
    }

    fn caller(&self) -> Caller {
        Caller { peer: self.peer, client: self.client.clone() }
    }

    async fn answer<S>(
        &mut self,
        wire: &mut Wire<S>,
        tag: &Tag,
        command: Command,
    ) -> Result<Option<Left<B::Person>>, Halt>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        if let Some(refusal) = capability::refusal(&command, self.offered()) {
            wire.complete(Some(tag), refusal).await?;
            return Ok(None);
        }
        let completion = match command {
            Command::Connection(command) => return self.connection(wire, tag, command).await,
            Command::Session(SessionCommand::Noop) => done("NOOP"),
            command => Completion::bad(format!("{}: log in first", command.name())),
        };
        wire.complete(Some(tag), completion).await?;
        Ok(None)
    }

    async fn connection<S>(
        &mut self,
        wire: &mut Wire<S>,
        tag: &Tag,
        command: ConnectionCommand,
    ) -> Result<Option<Left<B::Person>>, Halt>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let completion = match command {
            ConnectionCommand::Capability => {
                let told = capabilities(moment(self.secure), self.offered(), self.backend.settings());
                wire.lines(&[&format!("* CAPABILITY {told}")]).await?;
                done("CAPABILITY")
            }
            ConnectionCommand::Logout => return Err(wire.log_out(tag).await),
            ConnectionCommand::Id(fields) => {
                self.client = id::client(self.peer, &fields);
                wire.lines(&[id::RESPONSE]).await?;
                done("ID")
            }
            ConnectionCommand::StartTls if self.secure => no_starttls(),
            ConnectionCommand::StartTls => {
                wire.complete(Some(tag), Completion::ok("begin TLS now")).await?;
                wire.flush().await?;
                return Ok(Some(Left::StartTls));
            }
            ConnectionCommand::Login { .. } | ConnectionCommand::Authenticate { .. } if !self.secure => {
                login::needs_tls()
            }
            ConnectionCommand::Login { user, password } => {
                let outcome = login::login(self.backend, self.caller(), &user, password).await;
                return self.judged(wire, tag, outcome).await;
            }
            ConnectionCommand::Authenticate { mechanism, initial } => {
                let outcome =
                    login::authenticate(wire, self.backend, self.caller(), &mechanism, initial).await?;
                return self.judged(wire, tag, outcome).await;
            }
        };
        wire.complete(Some(tag), completion).await?;
        Ok(None)
    }

    async fn judged<S>(
        &mut self,
        wire: &mut Wire<S>,
        tag: &Tag,
        outcome: Outcome<B::Person>,
    ) -> Result<Option<Left<B::Person>>, Halt>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        match outcome {
            Outcome::Welcome(person) => {
                let settings = self.backend.settings();
                let told = capabilities(Moment::AfterLogin, person.extensions(), settings);
                login::welcome(wire, tag, told).await?;
                return Ok(Some(Left::LoggedIn(person)));
            }
            Outcome::NotTried(completion) => wire.complete(Some(tag), completion).await?,
            Outcome::Failed(completion) => {
                wire.complete(Some(tag), completion).await?;
                self.failures += 1;
                if self.failures >= self.backend.settings().failed_logins {
                    let text = "too many failed logins: check user name and application password";
                    return Err(Halt::Bye(Ended::TooManyFailures, text.into()));
                }
            }
        }
        Ok(None)
    }
}
