//! From the login to the end (RFC 3501 §3.2, §3.3): one command at a time, in the order sent.
//! May use the wire and a [`Person`]. Must never know what a command does.

use std::{net::IpAddr, pin::Pin};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};

use crate::{
    Settings,
    capability::{self, Moment},
    command::{Command, ConnectionCommand, Tag, Tagged},
    completion::Completion,
    connection::{
        Ended, Stop, append,
        backend::Person,
        capabilities, done, id, idle, stopped,
        stream::{Halt, Wire},
    },
    wire::{framing::Event, grammar},
};

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
        Event::Command(command) => match grammar::parse(&command, person.names()) {
            Ok(tagged) => answer(wire, person, around, tagged).await,
            Err(refusal) => wire.complete(refusal.tag.as_ref(), refusal.completion).await,
        },
        Event::Continue => Ok(wire.go_on("go on").await?),
        Event::Append { head, asked, .. } => {
            // Apart, so that an idle session has no room for it.
            Box::pin(append::append(wire, person, around, &head, asked)).await
        }
        Event::Refused(refused) => wire.refuse(refused).await,
        // These come only while an APPEND is read, and `Close` never comes out of `next`.
        Event::Message(_) | Event::AppendMore { .. } | Event::AppendEnd { .. } | Event::Close(_) => Ok(()),
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
    if let Some(refusal) = capability::refusal(&command, person.extensions()) {
        return wire.complete(Some(&tag), refusal).await;
    }
    let completion = match command {
        Command::Connection(command) => connection(wire, person, around, &tag, command).await?,
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

async fn connection<S, P>(
    wire: &mut Wire<S>,
    person: &mut P,
    around: &mut Around<'_>,
    tag: &Tag,
    command: ConnectionCommand,
) -> Result<Completion, Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    P: Person,
{
    Ok(match command {
        ConnectionCommand::Capability => {
            let told = capabilities(Moment::AfterLogin, person.extensions(), around.settings);
            wire.lines(&[&format!("* CAPABILITY {told}")]).await?;
            done("CAPABILITY")
        }
        ConnectionCommand::Logout => return Err(wire.log_out(tag).await),
        ConnectionCommand::Id(fields) => {
            person.meet(id::client(around.peer, &fields).as_deref());
            wire.lines(&[id::RESPONSE]).await?;
            done("ID")
        }
        ConnectionCommand::StartTls => Completion::bad("TLS is active already"),
        ConnectionCommand::Login { .. } | ConnectionCommand::Authenticate { .. } => {
            Completion::bad("logged in already: LOGOUT first to change")
        }
    })
}
