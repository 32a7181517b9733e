//! Numbers of parts (RFC 3501 §6.4.5) and where each part lies.
//!
//! May use: `structure`. Depth is bounded by the scan.

use std::ops::Range;

use crate::structure::{Kind, Node, Structure};

use super::{Part, PartKind};

/// Every part that has a number, in message order.
pub(super) fn parts(structure: &Structure) -> Vec<Part> {
    let mut walk = Walk { structure, parts: Vec::new() };
    walk.message(0, &[], None);
    walk.parts
}

struct Walk<'a> {
    structure: &'a Structure,
    parts: Vec<Part>,
}

impl Walk<'_> {
    /// A message, outermost or embedded: its multipart has no number of its own, its only part is number 1. `header` is where
    /// its MIME fields are, if that is in the body.
    fn message(&mut self, index: usize, path: &[u16], header: Option<Range<u64>>) {
        let Some(node) = self.structure.nodes.get(index) else { return };
        match &node.kind {
            Kind::Multipart(children) => self.children(children, path),
            Kind::Leaf | Kind::Message { .. } => self.part(node, &extend(path, 1), header),
        }
    }

    fn part(&mut self, node: &Node, path: &[u16], mime: Option<Range<u64>>) {
        let embedded = match &node.kind {
            Kind::Message { inner, .. } => self.structure.nodes.get(*inner).map(|inner| inner.header.clone()),
            Kind::Leaf | Kind::Multipart(_) => None,
        };
        self.parts.push(Part {
            path: path.to_vec(),
            mime,
            header: embedded.clone(),
            text: node.content.clone(),
            encoding: node.info.transfer_encoding(),
            kind: kind(node),
            charset: if node.info.is_kind("text") { node.info.charset() } else { String::new() },
        });
        match &node.kind {
            Kind::Multipart(children) => self.children(children, path),
            Kind::Message { inner, .. } => self.message(*inner, path, embedded),
            Kind::Leaf => {}
        }
    }

    fn children(&mut self, children: &[usize], path: &[u16]) {
        for (number, child) in (1..=u16::MAX).zip(children) {
            if let Some(node) = self.structure.nodes.get(*child) {
                self.part(node, &extend(path, number), Some(node.header.clone()));
            }
        }
    }
}

fn extend(path: &[u16], number: u16) -> Vec<u16> {
    path.iter().copied().chain([number]).collect()
}

fn kind(node: &Node) -> PartKind {
    match &node.kind {
        Kind::Multipart(_) => PartKind::Multipart,
        Kind::Message { .. } => PartKind::Message,
        Kind::Leaf if node.info.is("text", "html") => PartKind::Html,
        Kind::Leaf if node.info.is_kind("text") => PartKind::Text,
        Kind::Leaf => PartKind::Other,
    }
}
