//! IDLE (RFC 2177): changes are told as they come, until DONE. With no mailbox open there is nothing to tell, and waiting is
//! allowed all the same (RFC 9051 §6.3.13).
//! May use the wire and a [`Person`]. Must never lose a byte of what follows DONE.

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use crate::{
    completion::Completion,
    connection::{
        backend::Person,
        person::Around,
        stream::{Halt, Wire, silent},
    },
    wire::framing::Event,
};

/// What happened while waiting.
enum Woken {
    Changed,
    /// It is time for a sign of life, or for the end.
    Late,
    Said(Event),
}

/// Waits and tells. Silence of the client ends the session like outside IDLE: it must renew in time (RFC 2177 §3).
pub(super) async fn idle<S, P>(
    wire: &mut Wire<S>,
    person: &mut P,
    around: &mut Around<'_>,
) -> Result<Completion, Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    P: Person,
{
    let settings = around.settings;
    wire.input.framer().expect_plain_line();
    Box::pin(wire.go_on("idling")).await?;
    let silence_ends = Instant::now() + settings.idle_timeout;
    Box::pin(tell(wire, person)).await?;
    loop {
        let keep_alive = Instant::now() + settings.keep_alive;
        match woken(wire, person, around, keep_alive.min(silence_ends)).await? {
            Woken::Changed => Box::pin(tell(wire, person)).await?,
            Woken::Late if Instant::now() >= silence_ends => return Err(silent()),
            // Address translators forget a connection that is silent; and so do we learn that a client is gone.
            Woken::Late => Box::pin(wire.lines(&["* OK Still here"])).await?,
            Woken::Said(Event::Command(line)) if line.eq_ignore_ascii_case(b"DONE") => {
                return Ok(Completion::ok("IDLE done"));
            }
            Woken::Said(_) => return Ok(Completion::bad("IDLE ended: expected DONE")),
        }
    }
}

async fn woken<S, P>(
    wire: &mut Wire<S>,
    person: &mut P,
    around: &mut Around<'_>,
    until: Instant,
) -> Result<Woken, Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    P: Person,
{
    if let Some(event) = wire.ready().await? {
        return Ok(Woken::Said(event));
    }
    tokio::select! {
        biased;
        halt = around.halt() => Err(halt),
        event = wire.next_until(until) => Ok(event?.map_or(Woken::Late, Woken::Said)),
        () = person.idle_wait() => Ok(Woken::Changed),
    }
}

async fn tell<S, P>(wire: &mut Wire<S>, person: &mut P) -> Result<(), Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    P: Person,
{
    let mut out = wire.output();
    person.poll_changes(&mut out, true).await?;
    Ok(out.flush().await?)
}
