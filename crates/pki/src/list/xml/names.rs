//! Names and what their prefixes stand for (Namespaces in XML 1.0, third edition).

use std::rc::Rc;

use super::{Attribute, Name, Start, Wrong, tag::Tag};

/// What the prefix `xml` stands for, always and alone.
pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// The declarations in force.
pub(super) struct Scope<'d> {
    /// Innermost last; the empty prefix is the default namespace.
    bindings: Vec<(&'d str, Rc<str>)>,
    /// How many there were before each open element.
    outer: Vec<usize>,
    none: Rc<str>,
}

impl<'d> Scope<'d> {
    pub(super) fn new() -> Self {
        Self { bindings: vec![("xml", XML.into())], outer: Vec::new(), none: "".into() }
    }

    /// Enters an element: takes its declarations in, and resolves its names.
    pub(super) fn enter(&mut self, tag: Tag<'d>) -> Result<Start<'d>, Wrong> {
        self.outer.push(self.bindings.len());
        let mut plain = Vec::new();
        for (name, value) in tag.attributes {
            let (prefix, local) = split(name)?;
            match (prefix, local) {
                ("", "xmlns") => self.declare("", &value)?,
                ("xmlns", prefix) => self.declare(prefix, &value)?,
                _ => plain.push((prefix, local, value)),
            }
        }
        let (prefix, local) = split(tag.name)?;
        let name = Name { prefix, local, namespace: self.namespace(prefix)? };
        let mut attributes = Vec::with_capacity(plain.len());
        for (prefix, local, value) in plain {
            // the default namespace is not for attributes
            let namespace = if prefix.is_empty() { Rc::clone(&self.none) } else { self.namespace(prefix)? };
            attributes.push(Attribute { name: Name { prefix, local, namespace }, value });
        }
        let twice = |attribute: &Attribute<'_>| {
            let Name { namespace, local, .. } = &attribute.name;
            attributes.iter().filter(|other| other.name.is(namespace, local)).count() > 1
        };
        if attributes.iter().any(twice) {
            return Err(Wrong::Form("an attribute that stands twice"));
        }
        Ok(Start { name, attributes })
    }

    /// Leaves the innermost element.
    pub(super) fn leave(&mut self) {
        self.bindings.truncate(self.outer.pop().unwrap_or(1));
    }

    fn declare(&mut self, prefix: &'d str, uri: &str) -> Result<(), Wrong> {
        let here = self.bindings.get(self.outer.last().copied().unwrap_or_default()..).unwrap_or_default();
        if here.iter().any(|(declared, _)| *declared == prefix) {
            return Err(Wrong::Form("a namespace that is declared twice"));
        }
        let allowed = match prefix {
            "xml" => uri == XML,
            "xmlns" => false,
            "" => uri.is_empty() || is_absolute(uri),
            _ => is_absolute(uri),
        };
        if !allowed || (prefix != "xml" && matches!(uri, XML | XMLNS)) {
            return Err(Wrong::Namespace);
        }
        self.bindings.push((prefix, uri.into()));
        Ok(())
    }

    fn namespace(&self, prefix: &str) -> Result<Rc<str>, Wrong> {
        match self.bindings.iter().rev().find(|(bound, _)| *bound == prefix) {
            Some((_, uri)) => Ok(Rc::clone(uri)),
            None if prefix.is_empty() => Ok(Rc::clone(&self.none)),
            None => Err(Wrong::Namespace),
        }
    }
}

/// The prefix and the local part of a name.
fn split(name: &str) -> Result<(&str, &str), Wrong> {
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) if is_plain(prefix) => (prefix, local),
        Some(_) => return Err(Wrong::Form("a name")),
        None => ("", name),
    };
    if is_plain(local) { Ok((prefix, local)) } else { Err(Wrong::Form("a name")) }
}

/// Canonical XML 1.0 §1.3: a canonical form of relative namespace names is an error.
fn is_absolute(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

/// Whether it is a name without a colon (`NCName`).
pub(super) fn is_plain(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(starts_name) && characters.all(continues_name)
}

fn starts_name(character: char) -> bool {
    matches!(character,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

fn continues_name(character: char) -> bool {
    starts_name(character)
        || matches!(character,
            '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}
