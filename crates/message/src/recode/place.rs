//! Where a body has headers, content of single parts, signed parts, and what lies between them.
//!
//! May use: the scanned structure. Must never touch: bytes.

use std::ops::Range;

use crate::structure::{Kind, Structure};

/// What a stretch of the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Delimiters, and text before, between and after parts.
    Gap,
    /// The header of this part; `message`: of a message inside the message.
    Header { node: usize, message: bool },
    /// The content of this part, which holds no parts.
    Leaf(usize),
    /// All that a signature covers, and the signature.
    Signed,
}

/// The places of a body of this length, in order, each with the offset where it ends; together they are all of it.
pub(super) fn places(structure: &Structure, body_bytes: u64) -> Vec<(Place, u64)> {
    let mut found = Found { places: Vec::new(), at: 0 };
    walk(structure, 0, false, &mut found);
    found.up_to(body_bytes);
    found.places
}

struct Found {
    places: Vec<(Place, u64)>,
    at: u64,
}

impl Found {
    fn up_to(&mut self, start: u64) {
        if start > self.at {
            self.places.push((Place::Gap, start));
            self.at = start;
        }
    }

    fn add(&mut self, place: Place, range: &Range<u64>) {
        self.up_to(range.start);
        if range.end > self.at {
            self.places.push((place, range.end));
            self.at = range.end;
        }
    }
}

/// Parts nest no deeper than the scanner follows them.
fn walk(structure: &Structure, at: usize, message: bool, found: &mut Found) {
    let Some(node) = structure.nodes.get(at) else { return };
    found.add(Place::Header { node: at, message }, &node.header);
    match &node.kind {
        Kind::Leaf => found.add(Place::Leaf(at), &node.content),
        Kind::Multipart(_) if node.info.is("multipart", "signed") => {
            found.add(Place::Signed, &node.content);
        }
        Kind::Multipart(children) => {
            children.iter().for_each(|child| walk(structure, *child, false, found));
        }
        Kind::Message { inner, .. } => walk(structure, *inner, true, found),
    }
}
