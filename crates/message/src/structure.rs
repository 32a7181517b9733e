//! The tree of parts that a scan found, flat in memory: what each part says of itself and where its bytes are.
//!
//! May use: `mime`. Filled by `scan`, read by `index`; knows neither.

use std::ops::Range;

use crate::mime::MimeInfo;

/// The parts of a scanned message. Offsets are relative to the first byte of the body (after the blank line of
/// the header). Only `index` looks inside.
#[derive(Debug, Clone, Default)]
pub struct Structure {
    /// The message itself is the first.
    pub(crate) nodes: Vec<Node>,
    pub(crate) degraded: bool,
}

impl Structure {
    /// How many parts there are, containers included.
    pub fn part_count(&self) -> usize {
        self.nodes.len()
    }

    /// Whether a limit made some part opaque.
    pub fn is_degraded(&self) -> bool {
        self.degraded
    }
}

/// One part.
#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    pub(crate) info: MimeInfo,
    pub(crate) kind: Kind,
    /// Its own header, blank line included; empty for the message itself, and for opaque remainders. For the
    /// message inside a message/rfc822 part it is the header of that message.
    pub(crate) header: Range<u64>,
    /// Its content, without the line break that belongs to the following boundary.
    pub(crate) content: Range<u64>,
    /// Text lines of the content; an unfinished last line counts.
    pub(crate) lines: u64,
}

/// What a part holds.
#[derive(Debug, Clone, Default)]
pub(crate) enum Kind {
    #[default]
    Leaf,
    /// Indices of its parts, at least one once the scan is over.
    Multipart(Vec<usize>),
    /// Index of the embedded message, and its envelope in wire form.
    Message { inner: usize, envelope: Vec<u8> },
}
