//! The content of a message, from the 354 to the final dot: bounds, and what happens to a message that is already refused.

use super::{Committing, Core, Expect, Receiving, Step, Then, Turn, write};
use crate::{
    BLOCK, End, Limits, Policy, Reply,
    data::{DataReader, Outcome, Scan},
    parameters,
};

/// How far the content is.
pub(super) struct Content {
    reader: DataReader,
    received: u64,
    dropped: u64,
}

impl Content {
    pub(super) fn new() -> Self {
        Content { reader: DataReader::new(), received: 0, dropped: 0 }
    }

    /// The refusal that the bounds ask for, once one is passed.
    fn beyond(&self, limits: &Limits) -> Option<Reply> {
        if self.received > limits.message_bytes {
            return Some(parameters::too_large(limits));
        }
        let most = limits.text_line;
        let long = self.reader.longest_line() > most;
        long.then(|| {
            Reply::new(554, "5.6.0", [format!("A line of the message is too long: at most {most} bytes")])
        })
    }
}

/// Reads one block.
pub(super) fn turn<P: Policy>(
    mut core: Box<Core<P>>,
    mut content: Content,
    fate: Result<P::Incoming, Reply>,
) -> Turn<P> {
    let pending = core.input.pending();
    if pending.is_empty() {
        return Turn::Stop(write(core, Then::Read(Expect::Content(content, fate))));
    }
    let length = pending.len().min(BLOCK);
    let scan = content.reader.scan(pending.get_mut(..length).unwrap_or_default());
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
    if scan.outcome == Outcome::End {
        core.progress += 1;
    }
    match (scan.outcome, fate) {
        (Outcome::Bare, fate) => Turn::Stop(smuggled(core, fate)),
        (Outcome::More, Err(refusal)) if content.dropped > core.settings.limits.dropped_bytes => {
            core.tally.refused += 1;
            core.reply(&refusal);
            Turn::Stop(write(core, Then::Close(End::Flood)))
        }
        (Outcome::More, fate) => Turn::Again(core, Expect::Content(content, fate)),
        (Outcome::End, Ok(incoming)) => Turn::Stop(Step::Finish(Committing { core }, incoming)),
        (Outcome::End, Err(refusal)) => {
            core.tally.refused += 1;
            match core.refused_content(refusal) {
                Some(end) => Turn::Stop(write(core, Then::Close(end))),
                None => Turn::Again(core, Expect::Command),
            }
        }
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
