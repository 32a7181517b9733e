//! The stack of open parts while a body streams by, and the tree that grows from it.
//!
//! May use: `mime`, `transfer`, `boundary`, envelopes of `index`. Sees lines, never raw chunks.

use crate::{
    decode::Encoding,
    header::Header,
    index::envelope,
    mime::MimeInfo,
    structure::{Kind, Node, Structure},
};

use super::{
    Limits,
    boundary::{Delimiter, delimiter},
    header_lines::PartHeader,
    transfer::Decoded,
};

/// A place in the body where something ends.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) offset: u64,
    /// Text lines up to here, an unfinished one included.
    pub(super) lines: u64,
    /// Whether the line break before the delimiter was cut off.
    pub(super) cut: bool,
}

/// Open parts and the tree so far.
pub(super) struct Body {
    limits: Limits,
    structure: Structure,
    /// Innermost last. Empty only between construction steps.
    open: Vec<Open>,
    containers: usize,
    kept: usize,
    /// The part limit was reached: the rest of the message is one part.
    swallowing: bool,
    attachments_decoded: u64,
    xdm: bool,
}

struct Open {
    node: usize,
    first_line: u64,
    role: Role,
}

enum Role {
    /// A part's header, or an embedded message's.
    Header {
        block: PartHeader,
        place: Place,
    },
    Leaf(Option<Decoded>),
    Multipart {
        boundary: Vec<u8>,
        in_digest: bool,
        closed: bool,
    },
    Message,
}

/// Whose header it is.
#[derive(Clone, Copy)]
enum Place {
    Part {
        in_digest: bool,
    },
    /// Of the message inside this part.
    EmbeddedIn(usize),
}

impl Body {
    pub(super) fn new(info: MimeInfo, limits: Limits) -> Self {
        let mut body = Self {
            limits,
            structure: Structure::default(),
            open: Vec::new(),
            containers: 0,
            kept: 0,
            swallowing: false,
            attachments_decoded: 0,
            xdm: false,
        };
        body.structure.nodes.push(Node::default());
        body.begin_content(0, info, 0, 0);
        body
    }

    /// Whether a line could be the delimiter of an open multipart.
    pub(super) fn wants_delimiters(&self) -> bool {
        !self.swallowing
            && self.open.iter().any(|open| matches!(open.role, Role::Multipart { closed: false, .. }))
    }

    pub(super) fn text(&mut self, bytes: &[u8]) {
        let limit = self.limits.part_header_bytes;
        match self.open.last_mut().map(|open| &mut open.role) {
            Some(Role::Leaf(Some(decoded))) => decoded.text(bytes),
            Some(Role::Header { block, .. }) => block.push(bytes, limit),
            _ => {}
        }
    }

    /// A line ended that is no delimiter; `next` and `lines` are where the following one starts.
    pub(super) fn end_line(&mut self, empty: bool, line_break: u64, next: u64, lines: u64) {
        let limit = self.limits.part_header_bytes;
        match self.open.last_mut().map(|open| &mut open.role) {
            Some(Role::Leaf(Some(decoded))) => decoded.line_break(line_break),
            Some(Role::Header { block, .. }) => {
                block.end_line(limit);
                if empty {
                    self.end_header(next, lines);
                }
            }
            _ => {}
        }
    }

    /// Obeys a line if it is a delimiter, innermost multipart first. `before` is where the parts end that it ends, `next` and
    /// `lines` where the line after it starts.
    pub(super) fn delimiter(&mut self, line: &[u8], before: Mark, next: u64, lines: u64) -> bool {
        let found = self.open.iter().enumerate().rev().find_map(|(at, open)| match &open.role {
            Role::Multipart { boundary, closed: false, in_digest } => {
                delimiter(line, boundary).map(|delimiter| (at, delimiter, *in_digest, open.node))
            }
            _ => None,
        });
        let Some((at, delimiter, in_digest, multipart)) = found else { return false };
        self.close_above(at + 1, before);
        match delimiter {
            Delimiter::Open => self.open_part(multipart, in_digest, next, lines),
            Delimiter::Close => {
                if let Some(Open { role: Role::Multipart { closed, .. }, .. }) = self.open.last_mut() {
                    *closed = true;
                }
            }
        }
        true
    }

    /// Ends the message.
    pub(super) fn finish(mut self, end: Mark) -> (Structure, u64, bool) {
        self.close_above(0, end);
        (self.structure, self.attachments_decoded, self.xdm)
    }

    fn open_part(&mut self, multipart: usize, in_digest: bool, at: u64, first_line: u64) {
        let node = self.structure.nodes.len();
        let opaque = node + 1 >= self.limits.parts;
        let info = if opaque { MimeInfo::opaque() } else { MimeInfo::default() };
        self.structure.nodes.push(Node { info, header: at..at, ..Node::default() });
        if let Some(Node { kind: Kind::Multipart(children), .. }) = self.structure.nodes.get_mut(multipart) {
            children.push(node);
        }
        if opaque {
            self.swallowing = true;
            self.begin_opaque(node, MimeInfo::opaque(), at, first_line);
        } else {
            let role = Role::Header { block: PartHeader::default(), place: Place::Part { in_digest } };
            self.open.push(Open { node, first_line, role });
        }
    }

    /// The blank line after a header has passed, or the part ends within its header: `at` is where the content starts.
    fn end_header(&mut self, at: u64, first_line: u64) {
        let Some(Open { node, role: Role::Header { block, place }, .. }) = self.open.pop() else { return };
        let header = Header::parse(block.kept());
        let info = match place {
            Place::Part { in_digest } => MimeInfo::parse(&header, in_digest),
            Place::EmbeddedIn(message) => {
                self.keep_envelope(message, node, &header);
                MimeInfo::parse(&header, false)
            }
        };
        if let Some(entry) = self.structure.nodes.get_mut(node) {
            entry.header.end = at;
        }
        match self.keep(info.bytes()) {
            true => self.begin_content(node, info, at, first_line),
            false => self.begin_opaque(node, MimeInfo::opaque(), at, first_line),
        }
    }

    fn begin_content(&mut self, node: usize, info: MimeInfo, at: u64, first_line: u64) {
        let boundary = info.is_kind("multipart").then(|| info.boundary());
        match boundary {
            Some(_) if self.containers >= self.limits.depth => self.begin_opaque(node, info, at, first_line),
            Some(Some(boundary)) => {
                let in_digest = info.is("multipart", "digest");
                let role = Role::Multipart { boundary, in_digest, closed: false };
                self.begin_container(Open { node, first_line, role }, info, Kind::Multipart(Vec::new()), at);
            }
            Some(None) => self.begin_leaf(node, info.into_text(), at, first_line),
            None if info.is("message", "rfc822") => self.begin_message(node, info, at, first_line),
            None => self.begin_leaf(node, info, at, first_line),
        }
    }

    fn begin_message(&mut self, node: usize, info: MimeInfo, at: u64, first_line: u64) {
        let inner = self.structure.nodes.len();
        // One place is left for the part that would take the rest of the message.
        let full = inner + 1 >= self.limits.parts || self.containers >= self.limits.depth;
        if full || info.transfer_encoding() != Encoding::Identity {
            return self.begin_opaque(node, info, at, first_line);
        }
        let kind = Kind::Message { inner, envelope: Vec::new() };
        self.begin_container(Open { node, first_line, role: Role::Message }, info, kind, at);
        self.structure.nodes.push(Node { header: at..at, ..Node::default() });
        let role = Role::Header { block: PartHeader::default(), place: Place::EmbeddedIn(node) };
        self.open.push(Open { node: inner, first_line, role });
    }

    fn begin_container(&mut self, open: Open, info: MimeInfo, kind: Kind, at: u64) {
        if let Some(entry) = self.structure.nodes.get_mut(open.node) {
            (entry.info, entry.kind, entry.content) = (info, kind, at..at);
        }
        self.containers += 1;
        self.open.push(open);
    }

    fn begin_opaque(&mut self, node: usize, info: MimeInfo, at: u64, first_line: u64) {
        self.structure.degraded = true;
        self.begin_leaf(node, info.into_opaque_type(), at, first_line);
    }

    fn begin_leaf(&mut self, node: usize, info: MimeInfo, at: u64, first_line: u64) {
        self.xdm |= info.file_name().is_some_and(|name| name.trim().eq_ignore_ascii_case("IHE_XDM.zip"));
        let decoded = info.is_attachment().then(|| Decoded::new(info.transfer_encoding()));
        if let Some(entry) = self.structure.nodes.get_mut(node) {
            (entry.info, entry.content) = (info, at..at);
        }
        self.open.push(Open { node, first_line, role: Role::Leaf(decoded) });
    }

    /// Ends all open parts but the outermost `keep`, at `end`.
    fn close_above(&mut self, keep: usize, end: Mark) {
        while self.open.len() > keep {
            if matches!(self.open.last(), Some(Open { role: Role::Header { .. }, .. })) {
                // A part that is all header: its content is empty, and may itself have to be closed.
                let start = self.open.last().and_then(|open| self.structure.nodes.get(open.node));
                let at = start.map_or(end.offset, |node| end.offset.max(node.header.start));
                self.end_header(at, end.lines);
                continue;
            }
            let Some(open) = self.open.pop() else { return };
            let Some(node) = self.structure.nodes.get_mut(open.node) else { continue };
            node.content.end = end.offset.max(node.content.start);
            node.lines = if node.content.is_empty() { 0 } else { end.lines.saturating_sub(open.first_line) };
            match open.role {
                Role::Leaf(decoded) => {
                    self.attachments_decoded += decoded.map_or(0, |count| count.finish(!end.cut));
                }
                Role::Multipart { .. } => {
                    self.containers -= 1;
                    if matches!(&node.kind, Kind::Multipart(children) if children.is_empty()) {
                        node.kind = Kind::Leaf;
                        node.info = std::mem::take(&mut node.info).into_text();
                    }
                }
                Role::Message => {
                    self.containers -= 1;
                    self.shorten_embedded(open.node);
                }
                Role::Header { .. } => {}
            }
        }
    }

    /// The blank line that ends an embedded header may be the line break of the delimiter that follows at once.
    fn shorten_embedded(&mut self, message: usize) {
        let Some(Node { kind: Kind::Message { inner, .. }, content, .. }) = self.structure.nodes.get(message)
        else {
            return;
        };
        let (inner, end) = (*inner, content.end);
        if let Some(inner) = self.structure.nodes.get_mut(inner) {
            for offset in [&mut inner.header.end, &mut inner.content.start, &mut inner.content.end] {
                *offset = end.min(*offset);
            }
        }
    }

    fn keep_envelope(&mut self, message: usize, inner_node: usize, header: &Header) {
        let wire = envelope::envelope(header);
        let kept = if self.keep(wire.len()) { wire } else { envelope::envelope(&Header::parse(b"")) };
        if let Some(entry) = self.structure.nodes.get_mut(message) {
            entry.kind = Kind::Message { inner: inner_node, envelope: kept };
        }
    }

    /// Whether that many bytes more may be kept.
    fn keep(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.limits.kept_bytes - self.kept;
        if fits {
            self.kept += bytes;
        } else {
            self.structure.degraded = true;
        }
        fits
    }
}
