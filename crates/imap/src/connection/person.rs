//! From the login to the end (RFC 3501 §3.2, §3.3): one command at a time, in the order sent.
//! May use the wire and a [`Person`]. Must never know what a command does.

use std::{net::IpAddr, pin::Pin};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};
use tracing::info;

use crate::{
    Settings,
    command::{Command, ConnectionCommand, Tag, Tagged},
    completion::Completion,
    connection::{
        Ended, Stop, append,
        backend::Person,
        capability, idle, stopped,
        stream::{Halt, Wire},
    },
    wire::{framing::Event, grammar},
};

/// Longest piece of a client's self-description that is logged, in characters.
const CLIENT_CHARS: usize = 64;

/// What a session needs to know besides its stream.
pub(super) struct Around<'s> {
    pub(super) settings: &'s Settings,
    pub(super) peer: IpAddr,
    pub(super) stop: &'s mut watch::Receiver<Stop>,
    pub(super) revoked: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Around<'_> {
    /// Resolves when the session must end between two commands. Cancel-safe.
    pub(super) async fn halt(&mut self) -> Halt {
        tokio::select! {
            biased;
            () = stopped(self.stop) => Halt::Bye(Ended::Stopped, "the server is stopping: come back soon".into()),
            halt = revoked(&mut self.revoked) => halt,
        }
    }
}

/// Resolves when the right to be here ended (S-1.5): even a command in hand is not waited for while it reads.
pub(super) async fn revoked(revoked: &mut Pin<Box<dyn Future<Output = ()> + Send>>) -> Halt {
    revoked.as_mut().await;
    Halt::Bye(Ended::Revoked, "the right to use this box has ended: ask its administrator".into())
}

/// Serves a logged-in session to its end.
pub(super) async fn person<S, P>(wire: &mut Wire<S>, mut person: P, mut around: Around<'_>) -> Halt
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    P: Person,
{
    loop {
        if let Err(halt) = step(wire, &mut person, &mut around).await {
            return halt;
        }
    }
}

/// Waits for one event and answers it.
async fn step<S, P>(wire: &mut Wire<S>, person: &mut P, around: &mut Around<'_>) -> Result<(), Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    P: Person,
{
    let patience = around.settings.idle_timeout;
    let event = tokio::select! {
        biased;
        halt = around.halt() => return Err(halt),
        event = wire.next(patience) => event?,
    };
    match event {
        Event::Command(command) => match grammar::parse(&command) {
            Ok(tagged) => answer(wire, person, around, tagged).await,
            Err(refusal) => wire.complete(refusal.tag.as_ref(), refusal.completion).await,
        },
        Event::Continue => Ok(wire.go_on("go on").await?),
        Event::Append { head, asked, .. } => append::append(wire, person, around, &head, asked).await,
        Event::Refused(refused) => wire.refuse(refused).await,
        // These come only while an APPEND is read, and `Close` never comes out of `next`.
        Event::Message(_) | Event::AppendEnd { .. } | Event::Close(_) => Ok(()),
    }
}

async fn answer<S, P>(
    wire: &mut Wire<S>,
    person: &mut P,
    around: &mut Around<'_>,
    Tagged { tag, command }: Tagged,
) -> Result<(), Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    P: Person,
{
    let completion = match command {
        Command::Connection(command) => connection(wire, around.peer, &tag, command).await?,
        Command::Session(command) => {
            let mut out = wire.output();
            let completion = person.handle(&tag, command, &mut out).await?;
            // Whatever the end, what was answered is said first.
            out.flush().await?;
            completion
        }
        Command::Idle => idle::idle(wire, person, around).await?,
    };
    wire.complete(Some(&tag), completion).await
}

async fn connection<S>(
    wire: &mut Wire<S>,
    peer: IpAddr,
    tag: &Tag,
    command: ConnectionCommand,
) -> Result<Completion, Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    Ok(match command {
        ConnectionCommand::Capability => {
            wire.lines(&[&capability::response(capability::of_person())]).await?;
            capability::done("CAPABILITY")
        }
        ConnectionCommand::Logout => return Err(wire.log_out(tag).await),
        ConnectionCommand::Id(fields) => {
            log_client(peer, &fields);
            wire.lines(&[capability::ID_RESPONSE]).await?;
            capability::done("ID")
        }
        ConnectionCommand::StartTls => Completion::bad("TLS is active already"),
        ConnectionCommand::Login { .. } | ConnectionCommand::Authenticate { .. } => {
            Completion::bad("logged in already: LOGOUT first to change")
        }
    })
}

/// Logs which software this is (RFC 2971), to know whose quirks we meet; nothing else it says of itself.
pub(super) fn log_client(peer: IpAddr, fields: &[(String, Option<String>)]) {
    let field = |wanted: &str| -> String {
        let found = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let value = found.and_then(|(_, value)| value.as_deref()).unwrap_or_default();
        value.chars().filter(|c| !c.is_control()).take(CLIENT_CHARS).collect()
    };
    info!(%peer, name = field("name"), version = field("version"), "IMAP client");
}
