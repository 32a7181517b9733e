//! APPEND (RFC 3501 §6.3.11), of one message or several (RFC 3502): each goes from the stream to the session piece by piece
//! (I-3). May use the wire and a [`Person`]. Must never hold more of a message than one read.

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use crate::{
    capability::{Extension, Extensions},
    command::{AppendMessage, Tag},
    completion::Completion,
    connection::{
        backend::{Person, Sink},
        person::{Around, revoked},
        stream::{Halt, Wire, silent, too_much},
    },
    wire::{
        framing::{Event, TooMuch},
        grammar,
    },
};

/// What becomes of the messages while they come.
enum Fate<K> {
    /// The session takes them; what was said of the one that comes.
    Kept(K, AppendMessage),
    /// They are read and dropped, for this reason.
    Dropped(Completion),
}

/// Answers an APPEND whose first message was just announced.
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
    let offered = person.extensions();
    let completion = match take_or_refuse(wire, fate, asked).await? {
        Fate::Dropped(completion) if asked => return wire.complete(tag.as_ref(), completion).await,
        fate => receive(wire, around, fate, offered).await?,
    };
    let mut out = wire.output();
    person.poll_changes(&mut out, true).await?;
    let unwritten = out.into_unwritten();
    wire.keep(unwritten);
    wire.complete(tag.as_ref(), completion).await
}

async fn judge<P: Person>(person: &mut P, head: &[u8]) -> (Option<Tag>, Fate<P::Sink>) {
    match grammar::parse_append(head, person.names()) {
        Err(refusal) => (refusal.tag, Fate::Dropped(refusal.completion)),
        Ok((tag, args)) => {
            let begun = match needs(&args.message, person.extensions()) {
                Some(completion) => Err(completion),
                None => person.append_begin(&args).await,
            };
            (Some(tag), begun.map_or_else(Fate::Dropped, |sink| Fate::Kept(sink, args.message)))
        }
    }
}

/// The refusal of a form of literal that is not offered to this client.
fn needs(message: &AppendMessage, offered: Extensions) -> Option<Completion> {
    let (wanted, form) = match message {
        AppendMessage { utf8: true, .. } => (Extension::Utf8Accept, "UTF8 (...)"),
        AppendMessage { binary: true, .. } => (Extension::Binary, "a literal8"),
        _ => return None,
    };
    (!offered.has(wanted)).then(|| Completion::bad(format!("APPEND: {form} is not offered here")))
}

/// Lets the message come, or tells a client that waits that it shall not.
async fn take_or_refuse<S, K>(wire: &mut Wire<S>, fate: Fate<K>, asked: bool) -> Result<Fate<K>, Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    if asked && matches!(fate, Fate::Dropped(_)) {
        wire.input.framer().refuse_append();
        return Ok(fate);
    }
    if asked {
        wire.go_on("send the message").await?;
    }
    wire.input.framer().accept_append();
    Ok(fate)
}

/// Reads the messages to the end of the command, and commits them if all went well.
async fn receive<S, K>(
    wire: &mut Wire<S>,
    around: &mut Around<'_>,
    mut fate: Fate<K>,
    offered: Extensions,
) -> Result<Completion, Halt>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    K: Sink,
{
    let patience = wire.read_timeout();
    loop {
        let event = match wire.ready().await? {
            Some(event) => event,
            None => tokio::select! {
                biased;
                halt = revoked(&mut around.revoked) => return Err(halt),
                event = wire.next_until(Instant::now() + patience) => event?.ok_or_else(silent)?,
            },
        };
        match event {
            Event::Message(length) => {
                if let Fate::Kept(sink, _) = &mut fate
                    && let Err(completion) = sink.write(wire.input.message(length)).await
                {
                    fate = Fate::Dropped(completion);
                }
            }
            Event::AppendMore { head, asked, .. } => {
                fate = take_or_refuse(wire, another(fate, &head, offered).await, asked).await?;
                if let (Fate::Dropped(completion), true) = (&fate, asked) {
                    return Ok(completion.clone());
                }
            }
            Event::AppendEnd { rest, broken } => return Ok(end(fate, &rest, broken).await),
            // The first stage gives nothing else before the end of the command.
            _ => {}
        }
    }
}

/// What becomes of it all when another message is announced.
async fn another<K: Sink>(fate: Fate<K>, head: &[u8], offered: Extensions) -> Fate<K> {
    let Fate::Kept(sink, before) = fate else { return fate };
    if !offered.has(Extension::MultiAppend) {
        return Fate::Dropped(Completion::bad(
            "APPEND: one message a command: MULTIAPPEND is not offered here",
        ));
    }
    match grammar::parse_append_more(head, &before) {
        Err(completion) => Fate::Dropped(completion),
        Ok(next) => {
            let taken = match needs(&next, offered) {
                Some(completion) => Err(completion),
                None => sink.next(&next).await,
            };
            taken.map_or_else(Fate::Dropped, |sink| Fate::Kept(sink, next))
        }
    }
}

async fn end<K: Sink>(fate: Fate<K>, rest: &[u8], broken: Option<TooMuch>) -> Completion {
    match (fate, broken) {
        (Fate::Dropped(completion), _) => completion,
        (Fate::Kept(..), Some(why)) => too_much(why),
        (Fate::Kept(sink, last), None) => match grammar::parse_append_end(rest, &last) {
            Ok(()) => sink.finish().await,
            Err(completion) => completion,
        },
    }
}
