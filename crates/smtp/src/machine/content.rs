//! The content of a message, from the 354 to the final dot, or in chunks: bounds, and what happens to a message that is already
//! refused.

use super::{
    Committing, Core, Expect, Receiving, Step, Then, Turn,
    chunk::{self, ChunkReader},
    write,
};
use crate::{
    BLOCK, End, Limits, Policy, Reply,
    command::Chunk,
    data::{DataReader, Outcome, Scan},
    parameters,
};

/// How far the content is.
pub(super) struct Content {
    reader: Reader,
    received: u64,
    dropped: u64,
    /// Nothing of it was ever wanted.
    mistake: bool,
}

/// How the end of the content is found.
enum Reader {
    /// By a line with a single dot.
    Dot(DataReader),
    /// By its announced size.
    Chunk(ChunkReader),
}

impl Content {
    /// What follows a 354.
    pub(super) fn lines() -> Self {
        Self::of(Reader::Dot(DataReader::new()))
    }

    /// What follows the first BDAT of a message.
    pub(super) fn chunk(reader: ChunkReader) -> Self {
        Self::of(Reader::Chunk(reader))
    }

    /// A chunk that follows a BDAT that was refused; `mistake` if the client could have known.
    pub(super) fn dropped(chunk: Chunk, mistake: bool) -> Self {
        Content { mistake, ..Self::chunk(chunk::dropping(chunk)) }
    }

    fn of(reader: Reader) -> Self {
        Content { reader, received: 0, dropped: 0, mistake: false }
    }

    /// One more chunk of the message follows.
    pub(super) fn next_chunk(&mut self, chunk: Chunk) {
        if let Reader::Chunk(reader) = &mut self.reader {
            reader.next(chunk);
        }
    }

    /// Bytes of content so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Whether the client made a mistake to send it.
    pub(super) fn is_mistake(&self) -> bool {
        self.mistake
    }

    /// The refusal that the bounds ask for, once one is passed.
    fn beyond(&self, limits: &Limits) -> Option<Reply> {
        if self.received.saturating_add(self.announced()) > limits.message_bytes {
            return Some(parameters::too_large(limits));
        }
        let longest = match &self.reader {
            Reader::Dot(reader) => reader.longest_line(),
            Reader::Chunk(reader) if reader.has_lone() => return Some(lone_line_end()),
            Reader::Chunk(reader) if reader.count() > limits.chunks => return Some(too_many_chunks(limits)),
            Reader::Chunk(reader) => reader.longest_line(),
        };
        let most = limits.text_line;
        (longest > most).then(|| {
            Reply::new(554, "5.6.0", [format!("A line of the message is too long: at most {most} bytes")])
        })
    }

    /// What is known to follow, in bytes.
    fn announced(&self) -> u64 {
        match &self.reader {
            Reader::Dot(_) => 0,
            Reader::Chunk(reader) => reader.left(),
        }
    }

    fn scan(&mut self, block: &mut [u8]) -> Scan {
        match &mut self.reader {
            Reader::Dot(reader) => reader.scan(block),
            Reader::Chunk(reader) => reader.scan(block),
        }
    }

    /// Whether nothing has to come for the next step: a chunk may hold nothing.
    fn is_complete(&self) -> bool {
        matches!(&self.reader, Reader::Chunk(reader) if reader.left() == 0)
    }
}

/// Reads one block.
pub(super) fn turn<P: Policy>(
    mut core: Box<Core<P>>,
    mut content: Content,
    fate: Result<P::Incoming, Reply>,
) -> Turn<P> {
    let pending = core.input.pending();
    if pending.is_empty() && !content.is_complete() {
        return Turn::Stop(write(core, Then::Read(Expect::Content(content, fate))));
    }
    let length = pending.len().min(BLOCK);
    let scan = content.scan(pending.get_mut(..length).unwrap_or_default());
    content.received += scan.content as u64;
    core.tally.content_bytes += scan.content as u64;
    let fate = match content.beyond(&core.settings.limits) {
        Some(refusal) => fate.and(Err(refusal)),
        None => fate,
    };
    match fate {
        Ok(incoming) if scan.content > 0 && scan.outcome != Outcome::Bare => {
            Turn::Stop(Step::Chunk(Receiving { core, content, incoming, scan }))
        }
        fate => after(core, content, fate, scan),
    }
}

/// Goes on behind a block.
pub(super) fn after<P: Policy>(
    mut core: Box<Core<P>>,
    mut content: Content,
    fate: Result<P::Incoming, Reply>,
    scan: Scan,
) -> Turn<P> {
    core.input.consume(scan.consumed);
    if fate.is_err() {
        content.dropped += scan.consumed as u64;
    }
    if matches!(scan.outcome, Outcome::End | Outcome::Chunk) {
        core.progress += 1;
    }
    match (scan.outcome, fate) {
        (Outcome::Bare, fate) => Turn::Stop(smuggled(core, fate)),
        (Outcome::More, Err(refusal)) if content.is_flood(&core) => {
            let _ = content.refuse(&mut core, refusal);
            Turn::Stop(write(core, Then::Close(End::Flood)))
        }
        (Outcome::More, fate) => Turn::Again(core, Expect::Content(content, fate)),
        (Outcome::Chunk, fate) => chunk::ended(core, content, fate),
        (Outcome::End, Ok(incoming)) => Turn::Stop(Step::Finish(Committing { core }, incoming)),
        (Outcome::End, Err(refusal)) => {
            let end = content.refuse(&mut core, refusal);
            core.failed = None;
            match end {
                Some(end) => Turn::Stop(write(core, Then::Close(end))),
                None => Turn::Again(core, Expect::Command),
            }
        }
    }
}

impl Content {
    /// Whether more is sent, or announced, than is read and dropped of what is refused: less for somebody who is not known.
    fn is_flood<P: Policy>(&self, core: &Core<P>) -> bool {
        let limits = &core.settings.limits;
        let most = if core.peer.is_some() { limits.dropped_bytes } else { limits.unknown_bytes };
        self.dropped.saturating_add(self.announced()) > most
    }
}

/// Where this message ends cannot be known: nothing that follows is read.
fn smuggled<P: Policy>(mut core: Box<Core<P>>, fate: Result<P::Incoming, Reply>) -> Step<P> {
    drop(fate);
    core.tally.refused += 1;
    tracing::info!(session = %core.connection.session, peer = %core.connection.peer, "lone CR or LF in a message");
    core.say(
        554,
        "5.5.2",
        "Lines must end with CR LF: the message holds a lone CR or LF; closing the connection",
    );
    write(core, Then::Close(End::BareLineEnd))
}

/// In chunks the end is known, but a host further on could be taken in.
fn lone_line_end() -> Reply {
    Reply::new(
        554,
        "5.5.2",
        [
            "Lines must end with CR LF: the message holds a lone CR or LF; say BODY=BINARYMIME if it is meant so",
        ],
    )
}

fn too_many_chunks(limits: &Limits) -> Reply {
    Reply::new(552, "5.3.4", [format!("The message comes in too many chunks: at most {}", limits.chunks)])
}
