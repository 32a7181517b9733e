//! APPEND (RFC 3501 §6.3.11): the message goes from the stream to the session piece by piece (I-3).
//! May use the wire and a [`Person`]. Must never hold more of the message than one read.

use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    command::Tag,
    completion::Completion,
    connection::{
        backend::{Person, Sink},
        person::{Around, revoked},
        stream::{Halt, Wire},
    },
    wire::{framing::Event, grammar},
};

/// What becomes of the message while it comes.
enum Fate<K> {
    /// The session takes it.
    Kept(K),
    /// It is read and dropped, for this reason.
    Dropped(Completion),
}

/// Answers an APPEND whose message was just announced.
pub(super) async fn append<S, P>(
    wire: &mut Wire<S>,
    person: &mut P,
    around: &mut Around<'_>,
    head: &[u8],
    asked: bool,
) -> Result<(), Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    P: Person,
{
    let (tag, fate) = judge(person, head).await;
    if asked {
        match fate {
            Fate::Dropped(completion) => {
                wire.input.framer().refuse_append();
                return wire.complete(tag.as_ref(), completion).await;
            }
            Fate::Kept(_) => wire.go_on("send the message").await?,
        }
    }
    wire.input.framer().accept_append();
    let completion = receive(wire, around, fate).await?;
    let mut out = wire.output();
    person.poll_changes(&mut out, true).await?;
    out.flush().await?;
    wire.complete(tag.as_ref(), completion).await
}

async fn judge<P: Person>(person: &mut P, head: &[u8]) -> (Option<Tag>, Fate<P::Sink>) {
    match grammar::parse_append(head, person.names()) {
        Err(refusal) => (refusal.tag, Fate::Dropped(refusal.completion)),
        Ok((tag, args)) => {
            (Some(tag), person.append_begin(&args).await.map_or_else(Fate::Dropped, Fate::Kept))
        }
    }
}

/// Reads the message to the end of the command, and commits it if all went well.
async fn receive<S, K>(
    wire: &mut Wire<S>,
    around: &mut Around<'_>,
    mut fate: Fate<K>,
) -> Result<Completion, Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    K: Sink,
{
    let patience = wire.read_timeout();
    loop {
        let event = tokio::select! {
            biased;
            halt = revoked(&mut around.revoked) => return Err(halt),
            event = wire.next(patience) => event?,
        };
        match event {
            Event::Message(length) => {
                if let Fate::Kept(sink) = &mut fate
                    && let Err(completion) = sink.write(wire.input.message(length)).await
                {
                    fate = Fate::Dropped(completion);
                }
            }
            Event::AppendEnd { clean } => {
                return Ok(match fate {
                    Fate::Dropped(completion) => completion,
                    Fate::Kept(_) if !clean => {
                        Completion::bad("APPEND: one message a command, and nothing after it")
                    }
                    Fate::Kept(sink) => sink.finish().await,
                });
            }
            // The first stage gives nothing else before the end of the command.
            _ => {}
        }
    }
}
