//! IDLE (RFC 2177): changes are told as they come, until DONE.
//! May use the wire and a [`Person`]. Must never lose a byte of what follows DONE.

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until},
};

use crate::{
    completion::Completion,
    connection::{
        backend::Person,
        person::Around,
        stream::{Halt, Wire},
    },
    wire::framing::Event,
};

/// What happened while waiting.
enum Woken {
    Changed,
    KeepAlive,
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
    wire.go_on("idling").await?;
    tell(wire, person).await?;
    let silence_ends = Instant::now() + settings.idle_timeout;
    let mut keep_alive = Instant::now() + settings.keep_alive;
    loop {
        let patience = silence_ends.saturating_duration_since(Instant::now());
        let woken = tokio::select! {
            biased;
            halt = around.halt() => return Err(halt),
            event = wire.next(patience) => Woken::Said(event?),
            () = person.idle_wait() => Woken::Changed,
            () = sleep_until(keep_alive) => Woken::KeepAlive,
        };
        match woken {
            Woken::Changed => tell(wire, person).await?,
            // Address translators forget a connection that is silent; and so do we learn that a client is gone.
            Woken::KeepAlive => wire.lines(&["* OK Still here"]).await?,
            Woken::Said(Event::Command(line)) if line.eq_ignore_ascii_case(b"DONE") => {
                return Ok(Completion::ok("IDLE done"));
            }
            Woken::Said(_) => return Ok(Completion::bad("IDLE ended: expected DONE")),
        }
        keep_alive = Instant::now() + settings.keep_alive;
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
