//! Content in chunks (RFC 3030 §2): BDAT, its size, the message between two chunks, and what is read and dropped since a client
//! may send chunks without waiting for answers. A dot is nothing special here: where a chunk ends is known beforehand.

use std::mem;

use super::{
    Core, Expect, Opening, Step, Turn,
    commands::{Flow, out_of_order},
    content::Content,
    write,
};
use crate::{
    Body, End, Policy, Reply,
    command::{self, Chunk},
    data::{Outcome, Scan},
    line_ends::LineEnds,
};

/// What DATA or BDAT leads to, once the policy agrees.
#[derive(Clone, Copy)]
pub(super) enum How {
    /// 354, then lines.
    Data,
    /// The bytes of this chunk follow already.
    Bdat(Chunk, Body),
}

/// Counts the bytes of chunks.
pub(super) struct ChunkReader {
    left: u64,
    last: bool,
    count: u32,
    /// Lines are looked at, unless the message is binary.
    lines: Option<LineEnds>,
    lone: bool,
}

impl ChunkReader {
    fn new(chunk: Chunk, body: Body) -> Self {
        let lines = (body != Body::Binary).then(LineEnds::default);
        ChunkReader { left: chunk.size, last: chunk.last, count: 1, lines, lone: false }
    }

    pub(super) fn next(&mut self, chunk: Chunk) {
        (self.left, self.last) = (chunk.size, chunk.last);
        self.count += 1;
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// What of the chunk is still to come, in bytes.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn longest_line(&self) -> u64 {
        self.lines.as_ref().map_or(0, LineEnds::longest)
    }

    /// Whether a CR or LF was alone in a message that is not binary.
    pub(super) fn has_lone(&self) -> bool {
        self.lone
    }

    /// Reads `block`: what belongs to the chunk is content as it is.
    pub(super) fn scan(&mut self, block: &[u8]) -> Scan {
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(block.len());
        let piece = block.get(..length).unwrap_or_default();
        self.left -= length as u64;
        let ends = self.left == 0 && self.last;
        if let Some(lines) = &mut self.lines {
            let whole = lines.look(piece).and_then(|()| if ends { lines.finish() } else { Ok(()) });
            self.lone |= whole.is_err();
        }
        let outcome = match (self.left, self.last) {
            (0, true) => Outcome::End,
            (0, false) => Outcome::Chunk,
            _ => Outcome::More,
        };
        Scan { content: length, consumed: length, outcome }
    }
}

/// A message of which chunks came, and not the last.
pub(super) struct Open<I> {
    content: Content,
    incoming: I,
}

impl<I> Open<I> {
    pub(super) fn new(content: Content, incoming: I) -> Self {
        Open { content, incoming }
    }
}

/// A message was refused before its last chunk: what of it is still on its way is dropped, within bounds.
#[derive(Default)]
pub(super) struct Failed {
    dropped: u64,
    chunks: u32,
}

/// BDAT, once it may come. The chunk follows, whatever is answered.
pub(super) fn bdat<P: Policy>(core: &mut Core<P>, chunk: Chunk) -> Flow<P> {
    if let Some(Open { mut content, incoming }) = core.open.take() {
        content.next_chunk(chunk);
        return Flow::Content(content, Ok(incoming));
    }
    if let Some(failed) = &mut core.failed {
        failed.dropped = failed.dropped.saturating_add(chunk.size);
        failed.chunks += 1;
        let limits = &core.settings.limits;
        let beyond = failed.dropped > limits.dropped_bytes || failed.chunks > limits.chunks;
        let refusal = out_of_order("This message has failed already; say RSET");
        if beyond {
            core.reply(&refusal);
            return Flow::Close(End::Flood);
        }
        return Flow::Content(Content::dropped(chunk, false), Err(refusal));
    }
    match mem::take(&mut core.transaction) {
        Some(transaction) if transaction.accepted > 0 => {
            core.copies = 1;
            Flow::Data(transaction.envelope, How::Bdat(chunk, transaction.body))
        }
        Some(_) => {
            Flow::Content(Content::dropped(chunk, false), Err(Reply::new(554, "5.5.1", [NO_RECIPIENTS])))
        }
        None => Flow::Content(Content::dropped(chunk, true), Err(out_of_order("Say MAIL and RCPT first"))),
    }
}

/// BDAT that may not come, or is malformed. Its chunk follows all the same, and is dropped; a message that it was part of has failed,
/// or it would be kept without that part.
pub(super) fn refused<P: Policy>(core: &mut Core<P>, line: &str, refusal: Reply) -> Flow<P> {
    if core.open.take().is_some() {
        core.failed.get_or_insert_default();
    }
    match command::chunk(line) {
        Some(chunk) => Flow::Content(Content::dropped(chunk, true), Err(refusal)),
        None => lost(core),
    }
}

/// Where the next command is cannot be known: nothing that follows is read.
pub(super) fn lost<P: Policy>(core: &mut Core<P>) -> Flow<P> {
    core.say(
        501,
        "5.5.4",
        "Write BDAT, the size of the chunk, and LAST if it is the last; closing the connection",
    );
    Flow::Close(End::Injected)
}

/// What is told to whoever has content for nobody.
pub(super) const NO_RECIPIENTS: &str = "No valid recipients";

/// The policy takes the message, or not; its first chunk follows already.
pub(super) fn opened<P: Policy>(
    opening: Opening<P>,
    (chunk, body): (Chunk, Body),
    answer: Result<P::Incoming, Reply>,
) -> Step<P> {
    let Opening { mut core, .. } = opening;
    match answer.map_err(Reply::refusal) {
        Err(reply) if reply.code() == 421 => {
            core.tally.refused += 1;
            let end = core.refused_by_policy(reply).unwrap_or(End::Policy);
            write(core, super::Then::Close(end))
        }
        answer => super::run(core, Expect::Content(Content::chunk(ChunkReader::new(chunk, body)), answer)),
    }
}

/// A reader for a chunk that is dropped: its lines are nobody's affair.
pub(super) fn dropping(chunk: Chunk) -> ChunkReader {
    ChunkReader::new(chunk, Body::Binary)
}

/// A chunk ended, and not its message.
pub(super) fn ended<P: Policy>(
    mut core: Box<Core<P>>,
    content: Content,
    fate: Result<P::Incoming, Reply>,
) -> Turn<P> {
    let refusal = match fate {
        Ok(incoming) => {
            core.say(250, "2.0.0", &format!("{} octets so far", content.received()));
            core.open = Some(Open::new(content, incoming));
            return Turn::Again(core, Expect::Command);
        }
        Err(refusal) => refusal,
    };
    let end = content.refuse(&mut core, refusal);
    core.failed.get_or_insert_default();
    match end {
        Some(end) => Turn::Stop(write(core, super::Then::Close(end))),
        None => Turn::Again(core, Expect::Command),
    }
}

impl Content {
    /// What is told when a message in chunks is refused; whether the session ends with it.
    pub(super) fn refuse<P: Policy>(&self, core: &mut Core<P>, refusal: Reply) -> Option<End> {
        if self.is_mistake() {
            return core.mistake(&refusal);
        }
        core.tally.refused += u32::from(core.failed.is_none());
        core.refused_content(refusal)
    }
}
