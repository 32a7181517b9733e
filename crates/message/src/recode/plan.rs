//! The first walk: what stands where, what of it must change, and how long the result is.
//!
//! May use: the scanned structure, `facts`, `encode`, `label`. Keeps one header of a part at a time, and numbers.

use std::{collections::HashSet, sync::Arc};

use super::{
    Content, Unconvertible,
    encode::{Encoder, Written},
    facts::{self, Facts, Watch},
    label::{labelled, may_be_encoded, relabelled},
    place::{Place, places},
};
use crate::{decode::Encoding, scan::Scanned, structure::Structure};

/// Longest header of a part that is rewritten, in bytes.
const MAX_PART_HEADER: usize = 64 * 1024;

/// What is done to one stretch of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// It goes as it is.
    Copy,
    /// Octets above 127 become `?`: text around parts, which nobody is shown (RFC 2046 §5.1.1).
    Mask,
    /// A header that says this encoding now; `message`: one of a message.
    Label { encoding: &'static str, message: bool },
    /// A header that takes its claim of 8-bit or binary content back.
    Relabel(Content),
    /// Content that is encoded; `at_end`: the last of the body.
    Encode { written: Written, at_end: bool },
    /// Quoted-printable with octets above 127 in it: each is escaped.
    Escape,
    /// Base64 with octets above 127 in it, which mean nothing there (RFC 2045 §6.8).
    Thin,
}

/// A stretch of the body and what is done to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) act: Act,
    /// Offset in the body where it ends.
    pub(super) end: u64,
}

/// How a message is made fit; cheap to clone.
#[derive(Debug, Clone)]
pub struct Plan {
    header: Arc<[u8]>,
    pub(super) steps: Arc<[Step]>,
    size: u64,
}

impl Plan {
    /// The header of the result, blank line included.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// Length of the result in bytes, header included.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// A place of the body, and what was learnt of it.
#[derive(Debug)]
struct Segment {
    place: Place,
    end: u64,
    facts: Facts,
    length: u64,
    /// Its length if it says, or is written in, another encoding.
    mended: Result<u64, Unconvertible>,
    /// The length of a header that takes back its claim, if it makes one.
    relabelled: Option<u64>,
}

/// Looks at a body once, in pieces.
#[derive(Debug)]
pub struct Survey {
    is: Content,
    carries: Content,
    root: Vec<u8>,
    structure: Structure,
    body_bytes: u64,
    segments: Vec<Segment>,
    at: usize,
    offset: u64,
    watch: Watch,
    encoder: Option<Encoder>,
    scratch: Vec<u8>,
    /// The header of a part that passes, and whether it is too long to be kept.
    held: Vec<u8>,
    overlong: bool,
}

impl Survey {
    /// For a scanned message that leaves with this header; `is` what it may hold, `carries` what the next hop takes.
    #[must_use]
    pub fn new(header: &[u8], scanned: &Scanned, is: Content, carries: Content) -> Self {
        let place = |(place, end)| Segment {
            place,
            end,
            facts: Facts::default(),
            length: 0,
            mended: Ok(0),
            relabelled: None,
        };
        let segments = places(&scanned.structure, scanned.body_bytes).into_iter().map(place).collect();
        let mut survey = Self {
            is,
            carries,
            root: header.to_vec(),
            structure: scanned.structure.clone(),
            body_bytes: scanned.body_bytes,
            segments,
            at: 0,
            offset: 0,
            watch: Watch::new(is == Content::Binary),
            encoder: None,
            scratch: Vec::new(),
            held: Vec::new(),
            overlong: false,
        };
        survey.begin();
        survey
    }

    /// Takes the next bytes of the body, cut anywhere.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty()
            && let Some(end) = self.segments.get(self.at).map(|segment| segment.end)
        {
            let left = usize::try_from(end.saturating_sub(self.offset)).unwrap_or(usize::MAX);
            let (here, rest) = bytes.split_at(left.min(bytes.len()));
            self.offset += here.len() as u64;
            self.watch.see(here);
            self.see(here);
            if self.offset >= end {
                self.end();
            }
            bytes = rest;
        }
    }

    /// What is to be done.
    ///
    /// # Errors
    /// [`Unconvertible`]: what would have to change must not, or cannot.
    pub fn finish(self) -> Result<Plan, Unconvertible> {
        if self.offends(facts::of(&self.root, self.is == Content::Binary)) {
            return Err(Unconvertible::Header);
        }
        let encoded = self.encoded();
        let header = if encoded.contains(&0) {
            may_be_encoded(&self.root)?;
            labelled(&self.root, self.written(0).name(), true)
        } else {
            relabelled(&self.root, self.carries).unwrap_or_else(|| self.root.clone())
        };
        let mut size = header.len() as u64;
        let mut steps = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            let (act, length) = self.step(segment, &encoded)?;
            size += length;
            steps.push(Step { act, end: segment.end });
        }
        Ok(Plan { header: header.into(), steps: steps.into(), size })
    }

    fn begin(&mut self) {
        let Some(Segment { place: Place::Leaf(node), .. }) = self.segments.get(self.at) else { return };
        let identity = self.encoding(*node) == Encoding::Identity;
        self.encoder = identity.then(|| Encoder::new(self.written(*node)));
    }

    fn see(&mut self, here: &[u8]) {
        let Some(segment) = self.segments.get_mut(self.at) else { return };
        segment.length += here.len() as u64;
        match (segment.place, &mut self.encoder) {
            (Place::Leaf(_), Some(encoder)) => {
                encoder.feed(here, &mut self.scratch);
                segment.mended = segment.mended.map(|length| length + self.scratch.len() as u64);
                self.scratch.clear();
            }
            (Place::Leaf(node), None) => {
                let strange = here.iter().filter(|byte| !byte.is_ascii()).count() as u64;
                let info = self.structure.nodes.get(node).map(|node| node.info.transfer_encoding());
                let each = if info == Some(Encoding::QuotedPrintable) { 3 } else { 0 };
                let length = here.len() as u64 - strange + each * strange;
                segment.mended = segment.mended.map(|before| before + length);
            }
            (Place::Header { .. }, _) => {
                self.overlong |= self.held.len() + here.len() > MAX_PART_HEADER;
                if !self.overlong {
                    self.held.extend_from_slice(here);
                }
            }
            (Place::Gap | Place::Signed, _) => {}
        }
    }

    fn end(&mut self) {
        let facts = self.watch.end();
        let (held, overlong) = (std::mem::take(&mut self.held), std::mem::take(&mut self.overlong));
        let written = self.segments.get(self.at).and_then(|segment| match segment.place {
            Place::Header { node, .. } => Some(self.written(node)),
            _ => None,
        });
        let at_end = self.offset >= self.body_bytes;
        if let Some(segment) = self.segments.get_mut(self.at) {
            segment.facts = facts;
            if let Some(encoder) = self.encoder.take() {
                encoder.finish(at_end, &mut self.scratch);
                segment.mended = segment.mended.map(|length| length + self.scratch.len() as u64);
                self.scratch.clear();
            }
            if let (Place::Header { message, .. }, Some(written)) = (segment.place, written) {
                let length = || labelled(&held, written.name(), message).len() as u64;
                let whole = if overlong { Err(Unconvertible::Structure) } else { may_be_encoded(&held) };
                segment.mended = whole.map(|()| length());
                let relabelled = if overlong { None } else { relabelled(&held, self.carries) };
                segment.relabelled = relabelled.map(|header| header.len() as u64);
            }
        }
        self.at += 1;
        self.begin();
    }

    fn step(&self, segment: &Segment, encoded: &HashSet<usize>) -> Result<(Act, u64), Unconvertible> {
        let Segment { place, facts, length, mended, relabelled, .. } = segment;
        let offends = self.offends(*facts);
        Ok(match *place {
            Place::Signed if offends => return Err(Unconvertible::Signed),
            Place::Header { .. } if offends => return Err(Unconvertible::Header),
            // nothing stands for a line that is too long, or for half a line break
            Place::Gap if offends && facts.binary => return Err(Unconvertible::Structure),
            Place::Leaf(_) if offends && self.structure.degraded => return Err(Unconvertible::Structure),
            // an encoding with such octets in it was broken before
            Place::Leaf(node) if offends && facts.binary && self.encoding(node) != Encoding::Identity => {
                return Err(Unconvertible::Structure);
            }
            Place::Gap if offends => (Act::Mask, *length),
            Place::Header { node, message } if encoded.contains(&node) => {
                (Act::Label { encoding: self.written(node).name(), message }, (*mended)?)
            }
            Place::Header { .. } if relabelled.is_some() => {
                (Act::Relabel(self.carries), relabelled.unwrap_or(*length))
            }
            Place::Leaf(node) if offends => {
                let act = match self.encoding(node) {
                    Encoding::Identity => {
                        Act::Encode { written: self.written(node), at_end: segment.end >= self.body_bytes }
                    }
                    Encoding::QuotedPrintable => Act::Escape,
                    Encoding::Base64 => Act::Thin,
                };
                (act, (*mended)?)
            }
            Place::Gap | Place::Signed | Place::Header { .. } | Place::Leaf(_) => (Act::Copy, *length),
        })
    }

    /// The parts whose header must say another encoding.
    fn encoded(&self) -> HashSet<usize> {
        let offending = self.segments.iter().filter(|segment| self.offends(segment.facts));
        let leaves = offending.filter_map(|segment| match segment.place {
            Place::Leaf(node) => Some(node),
            _ => None,
        });
        leaves.filter(|node| self.encoding(*node) == Encoding::Identity).collect()
    }

    fn offends(&self, facts: Facts) -> bool {
        (facts.eight_bit && self.carries == Content::SevenBit)
            || (facts.binary && self.carries != Content::Binary)
    }

    fn encoding(&self, node: usize) -> Encoding {
        self.structure.nodes.get(node).map(|node| node.info.transfer_encoding()).unwrap_or_default()
    }

    /// How a part is written if it must be: text so that people can read it, anything else in base64; and so what may end in the middle of a
    /// line at the end of the message, since no line of the other may end there (RFC 2045 §6.7).
    fn written(&self, node: usize) -> Written {
        let Some(part) = self.structure.nodes.get(node) else { return Written::Base64 };
        let loose = self.is == Content::Binary && part.content.end >= self.body_bytes;
        let readable = part.info.is_kind("text") || part.info.is_kind("message");
        if readable && !loose { Written::QuotedPrintable } else { Written::Base64 }
    }
}
