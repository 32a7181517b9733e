//! From the login to the end (RFC 3501 §3.2, §3.3): one command at a time, in the order sent.
//! May use the wire and a [`Person`]. Must never know what a command does.

use std::{net::IpAddr, pin::Pin};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::Instant,
};

use crate::{
    Settings,
    capability::{self, Moment},
    command::{Command, ConnectionCommand, Tag, Tagged},
    completion::Completion,
    connection::{
        Ended, Stop, append,
        backend::Person,
        capabilities, done, id, idle, no_starttls,
        pace::Pace,
        stopped,
        stream::{Halt, Wire, silent},
    },
    wire::{framing::Event, grammar},
};

/// What a session needs to know besides its stream.
pub(super) struct Around<'s> {
    pub(super) settings: &'s Settings,
    pub(super) peer: IpAddr,
    pub(super) stop: &'s mut watch::Receiver<Stop>,
    pub(super) revoked: Pin<Box<dyn Future<Output = ()> + Send>>,
    pub(super) pace: Pace,
}

impl Around<'_> {
    /// Resolves when the session must end between two commands. Cancel-safe.
    pub(super) async fn halt(&mut self) -> Halt {
        tokio::select! {
            biased;
            () = stopped(self.stop) => stopping(),
            halt = revoked(&mut self.revoked) => halt,
        }
    }

    /// Waits where this session sends commands too fast.
    async fn may_go_on(&mut self) -> Result<(), Halt> {
        let Self { stop, revoked: right, pace, .. } = self;
        tokio::select! {
            biased;
            paced = pace.step() => paced,
            () = stopped(stop) => Err(stopping()),
            halt = revoked(right) => Err(halt),
        }
    }
}

/// The end that a program which stops gives its sessions.
pub(super) fn stopping() -> Halt {
    Halt::Bye(Ended::Stopped, "the server is stopping: come back soon".into())
}

/// Resolves when the right to be here ended (S-1.5): a command in hand that only reads is not waited for, however slowly its
/// answer is taken.
pub(super) async fn revoked(revoked: &mut Pin<Box<dyn Future<Output = ()> + Send>>) -> Halt {
    revoked.as_mut().await;
    Halt::Bye(Ended::Revoked, "the right to use this box has ended: ask its administrator".into())
}

/// Serves a logged-in session to its end. What waiting takes lies in this future, what a command takes is on the heap while it
/// runs: a server has thousands of sessions and most of them wait.
pub(super) async fn person<S, P>(wire: &mut Wire<S>, mut person: Box<P>, mut around: Around<'_>) -> Halt
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    P: Person,
{
    loop {
        let event = match wait(wire, &mut around).await {
            Ok(event) => event,
            Err(halt) => return halt,
        };
        let idling = match Box::pin(act(wire, &mut *person, &mut around, event)).await {
            Ok(Next::Wait) => continue,
            Ok(Next::Idle(tag)) => tag,
            Err(halt) => return halt,
        };
        let ended = match idle::idle(wire, &mut *person, &mut around).await {
            Ok(completion) => Box::pin(wire.complete(Some(&idling), completion)).await,
            Err(halt) => Err(halt),
        };
        if let Err(halt) = ended {
            return halt;
        }
    }
}

/// What comes after an event.
enum Next {
    /// The next event.
    Wait,
    /// IDLE, asked for by the command of this tag.
    Idle(Tag),
}

/// Waits for one event.
async fn wait<S>(wire: &mut Wire<S>, around: &mut Around<'_>) -> Result<Event, Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let ready = wire.ready().await?;
    let until = Instant::now() + around.settings.idle_timeout;
    let next = async {
        match ready {
            Some(event) => Ok(Some(event)),
            None => wire.next_until(until).await,
        }
    };
    tokio::select! {
        biased;
        halt = around.halt() => Err(halt),
        event = next => event?.ok_or_else(silent),
    }
}

/// Answers one event.
async fn act<S, P>(
    wire: &mut Wire<S>,
    person: &mut P,
    around: &mut Around<'_>,
    event: Event,
) -> Result<Next, Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    P: Person,
{
    if !matches!(event, Event::Continue) {
        around.may_go_on().await?;
    }
    match event {
        // Apple Mail sends an empty line before a command now and then.
        Event::Command(command) if command.is_empty() => {}
        Event::Command(command) => match grammar::parse(&command, person.names()) {
            Ok(tagged) => return answer(wire, person, around, tagged).await,
            Err(refusal) => wire.complete(refusal.tag.as_ref(), refusal.completion).await?,
        },
        Event::Continue => wire.go_on("go on").await?,
        Event::Append { head, asked, .. } => append::append(wire, person, around, &head, asked).await?,
        Event::Refused(refused) => wire.refuse(refused).await?,
        // These come only while an APPEND is read, and `Close` never comes out of `next`.
        Event::Message(_) | Event::AppendMore { .. } | Event::AppendEnd { .. } | Event::Close(_) => {}
    }
    Ok(Next::Wait)
}

async fn answer<S, P>(
    wire: &mut Wire<S>,
    person: &mut P,
    around: &mut Around<'_>,
    Tagged { tag, command }: Tagged,
) -> Result<Next, Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    P: Person,
{
    if let Some(refusal) = capability::refusal(&command, person.extensions()) {
        wire.complete(Some(&tag), refusal).await?;
        return Ok(Next::Wait);
    }
    let completion = match command {
        Command::Connection(command) => connection(wire, person, around, &tag, command).await?,
        Command::Session(command) => {
            let reads = command.only_reads();
            let mut out = wire.output();
            let handled = person.handle(&tag, command, &mut out);
            let completion = if reads {
                tokio::select! {
                    biased;
                    completion = handled => completion?,
                    // Without a word: a literal may be half said.
                    _ = revoked(&mut around.revoked) => return Err(Halt::Ended(Ended::Revoked)),
                }
            } else {
                handled.await?
            };
            let unwritten = out.into_unwritten();
            wire.keep(unwritten);
            completion
        }
        Command::Idle => return Ok(Next::Idle(tag)),
    };
    wire.complete(Some(&tag), completion).await?;
    Ok(Next::Wait)
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
        ConnectionCommand::StartTls => no_starttls(),
        ConnectionCommand::Login { .. } | ConnectionCommand::Authenticate { .. } => {
            Completion::bad("logged in already: LOGOUT first to change")
        }
    })
}
