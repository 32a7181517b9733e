//! Exclusive XML Canonicalization 1.0, without comments and without a list of inclusive prefixes: the one form of a document
//! that is digested and signed (B.2.3). It takes events and writes bytes to a sink; it keeps only what is open.

use std::rc::Rc;

use aws_lc_rs::digest;

use super::xml::{Attribute, Document, Event, Name, Start, XmlFault, has_octet};

/// Where canonical bytes go.
pub(crate) trait Sink {
    fn write(&mut self, bytes: &[u8]);
}

/// Writes the canonical form of a document, or of one element of it with all that it holds.
pub(crate) struct Canonical<'d, S> {
    sink: S,
    /// The namespaces that open elements have written, innermost last.
    written: Vec<(&'d str, Rc<str>)>,
    open: Vec<Open<'d>>,
    /// Whether the root element has ended.
    after: bool,
}

struct Open<'d> {
    name: Name<'d>,
    /// How many namespaces were written before it.
    outer: usize,
}

impl<'d, S: Sink> Canonical<'d, S> {
    pub(crate) fn new(sink: S) -> Self {
        Self { sink, written: Vec::new(), open: Vec::new(), after: false }
    }

    /// Takes what comes next.
    pub(crate) fn take(&mut self, event: &Event<'d>) {
        match event {
            Event::Start(start) => self.start(start),
            Event::End => self.end(),
            Event::Text(text) => escaped(&mut self.sink, text, in_text),
            Event::Instruction { target, data } => self.instruction(target, data),
        }
    }

    pub(crate) fn into_sink(self) -> S {
        self.sink
    }

    fn start(&mut self, start: &Start<'d>) {
        let outer = self.written.len();
        self.sink.write(b"<");
        self.qualified(&start.name);
        // an element without a prefix utilises the default namespace, an attribute without one utilises none
        if start.attributes.is_empty() {
            self.namespace(&start.name);
        } else {
            self.attributes(start);
        }
        self.sink.write(b">");
        self.open.push(Open { name: start.name.clone(), outer });
    }

    fn attributes(&mut self, start: &Start<'d>) {
        let mut utilised: Vec<&Name<'d>> = vec![&start.name];
        let prefixed = |attribute: &&Attribute<'d>| !attribute.name.prefix.is_empty();
        utilised.extend(start.attributes.iter().filter(prefixed).map(|attribute| &attribute.name));
        utilised.sort_by_key(|name| name.prefix);
        utilised.dedup_by_key(|name| name.prefix);
        for name in utilised {
            self.namespace(name);
        }
        let mut attributes: Vec<&Attribute<'d>> = start.attributes.iter().collect();
        attributes.sort_by(|one, other| order(&one.name).cmp(&order(&other.name)));
        for attribute in attributes {
            self.sink.write(b" ");
            self.qualified(&attribute.name);
            self.sink.write(b"=\"");
            escaped(&mut self.sink, &attribute.value, in_value);
            self.sink.write(b"\"");
        }
    }

    /// Writes what a prefix stands for, unless the nearest open element that wrote it says the same.
    fn namespace(&mut self, name: &Name<'d>) {
        let known = self.written.iter().rev().find(|(prefix, _)| *prefix == name.prefix);
        let same = match known {
            Some((_, namespace)) => *namespace == name.namespace,
            None => name.prefix.is_empty() && name.namespace.is_empty(),
        };
        if same || name.prefix == "xml" {
            return;
        }
        self.sink.write(if name.prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
        self.sink.write(name.prefix.as_bytes());
        self.sink.write(b"=\"");
        escaped(&mut self.sink, &name.namespace, in_value);
        self.sink.write(b"\"");
        self.written.push((name.prefix, Rc::clone(&name.namespace)));
    }

    fn end(&mut self) {
        if let Some(Open { name, outer }) = self.open.pop() {
            self.sink.write(b"</");
            self.qualified(&name);
            self.sink.write(b">");
            self.written.truncate(outer);
        }
        self.after = self.open.is_empty();
    }

    fn instruction(&mut self, target: &str, data: &str) {
        let outside = self.open.is_empty();
        if outside && self.after {
            self.sink.write(b"\n");
        }
        self.sink.write(b"<?");
        self.sink.write(target.as_bytes());
        if !data.is_empty() {
            self.sink.write(b" ");
            self.sink.write(data.as_bytes());
        }
        self.sink.write(b"?>");
        if outside && !self.after {
            self.sink.write(b"\n");
        }
    }

    fn qualified(&mut self, name: &Name<'_>) {
        if !name.prefix.is_empty() {
            self.sink.write(name.prefix.as_bytes());
            self.sink.write(b":");
        }
        self.sink.write(name.local.as_bytes());
    }
}

/// The canonical form of a whole document.
///
/// # Errors
/// It is not a document that is read here.
pub fn canonical(document: &[u8]) -> Result<Vec<u8>, XmlFault> {
    let mut document = Document::new(document)?;
    let mut writer = Canonical::new(Vec::new());
    while let Some(event) = document.next()? {
        writer.take(&event);
    }
    Ok(writer.into_sink())
}

fn order<'n>(name: &'n Name<'_>) -> (&'n str, &'n str) {
    (&name.namespace, name.local)
}

/// What stands for an octet of character data (Canonical XML 1.0 §2.3).
fn in_text(octet: u8) -> Option<&'static [u8]> {
    match octet {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        b'\r' => Some(b"&#xD;"),
        _ => None,
    }
}

/// What stands for an octet of an attribute's value.
fn in_value(octet: u8) -> Option<&'static [u8]> {
    match octet {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'"' => Some(b"&quot;"),
        b'\t' => Some(b"&#x9;"),
        b'\n' => Some(b"&#xA;"),
        b'\r' => Some(b"&#xD;"),
        _ => None,
    }
}

fn escaped(sink: &mut impl Sink, text: &str, escape: impl Fn(u8) -> Option<&'static [u8]>) {
    if !has_octet(text, |octet| escape(octet).is_some()) {
        return sink.write(text.as_bytes());
    }
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|octet| escape(*octet).is_some()) {
        let (before, from) = rest.split_at(at);
        sink.write(before);
        let Some((special, after)) = from.split_first() else { break };
        sink.write(escape(*special).unwrap_or_default());
        rest = after;
    }
    sink.write(rest);
}

impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A SHA-256 digest of what is written; small pieces are gathered, so that the hash is called seldom.
pub(crate) struct Digest {
    context: digest::Context,
    gathered: Vec<u8>,
}

/// Bytes gathered before they are hashed.
const GATHER: usize = 8 << 10;

impl Digest {
    pub(crate) fn new() -> Self {
        Self { context: digest::Context::new(&digest::SHA256), gathered: Vec::with_capacity(GATHER) }
    }

    pub(crate) fn finish(mut self) -> digest::Digest {
        self.context.update(&self.gathered);
        self.context.finish()
    }
}

impl Sink for Digest {
    fn write(&mut self, bytes: &[u8]) {
        if self.gathered.len() + bytes.len() > GATHER {
            self.context.update(&self.gathered);
            self.gathered.clear();
        }
        if bytes.len() > GATHER {
            self.context.update(bytes);
        } else {
            self.gathered.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
