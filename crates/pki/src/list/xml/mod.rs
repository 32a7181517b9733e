//! A document as its meaning: elements with resolved namespaces, attributes and character data with every reference replaced
//! and every line end normalised, as XML 1.0 (fifth edition) and Namespaces in XML 1.0 (third edition) tell.
//!
//! quick-xml cuts the text into tokens; whatever it lets pass that is not well-formed is refused here. There is no DTD and
//! there are no entities but the five. It may use bytes in memory; it must never fetch or open anything.

mod names;
mod tag;
#[cfg(test)]
mod tests;
mod text;

use std::{borrow::Cow, rc::Rc};

use quick_xml::{
    Reader,
    errors::{Error, IllFormedError, SyntaxError},
    events::{BytesDecl, BytesPI, Event as Token},
};
use thiserror::Error;

pub(super) use self::text::has_octet;
use self::{names::Scope, text::resolved};

/// Deepest nesting of elements. The agency's list has six.
pub const MAX_DEPTH: usize = 32;
/// Most attributes of one element, declarations of namespaces included. The agency's list has one at most.
pub const MAX_ATTRIBUTES: usize = 32;

/// What comes next in a document. Comments are left out: no canonical form here has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event<'d> {
    Start(Start<'d>),
    End,
    /// Character data; may come in several pieces.
    Text(Cow<'d, str>),
    Instruction {
        target: &'d str,
        data: Cow<'d, str>,
    },
}

/// A start tag, or an empty element's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start<'d> {
    pub(crate) name: Name<'d>,
    /// Without the declarations of namespaces.
    pub(crate) attributes: Vec<Attribute<'d>>,
}

/// A name with its namespace: the empty one is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name<'d> {
    pub(crate) prefix: &'d str,
    pub(crate) local: &'d str,
    pub(crate) namespace: Rc<str>,
}

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute<'d> {
    pub(crate) name: Name<'d>,
    pub(crate) value: Cow<'d, str>,
}

/// Why a text is not a document that is read here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum XmlFault {
    /// The text ends before the document does.
    #[error("the document is cut off")]
    Truncated,
    /// Not a text in UTF-8.
    #[error("the document is not in UTF-8")]
    Encoding,
    /// A character that no document may hold.
    #[error("the character U+{0:04X} may not stand in a document")]
    Character(u32),
    /// Another version of XML.
    #[error("the document is not XML 1.0")]
    Version,
    /// A document type definition.
    #[error("the document has a document type definition (DOCTYPE), which is never read")]
    DocType,
    /// An entity besides the five of XML.
    #[error("the document refers to an entity that it cannot have (near octet {at})")]
    Entity {
        /// Where.
        at: u64,
    },
    /// A prefix that no declaration binds, or a declaration that may not be.
    #[error("the document uses namespaces as it may not (near octet {at})")]
    Namespace {
        /// Where.
        at: u64,
    },
    /// More than [`MAX_DEPTH`].
    #[error("the document's elements nest deeper than {MAX_DEPTH}")]
    TooDeep,
    /// More than [`MAX_ATTRIBUTES`].
    #[error("an element has more than {MAX_ATTRIBUTES} attributes (near octet {at})")]
    TooManyAttributes {
        /// Where.
        at: u64,
    },
    /// Anything else that XML forbids.
    #[error("the document is not well-formed XML (near octet {at}): {what}")]
    Malformed {
        /// Where.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
}

/// What is wrong, where it is found; the reader adds the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Entity,
    Namespace,
    TooManyAttributes,
    Form(&'static str),
}

/// Reads a document from its start to its end.
pub(crate) struct Document<'d> {
    source: &'d str,
    tokens: Reader<&'d [u8]>,
    scope: Scope<'d>,
    depth: usize,
    /// Where in the document we are.
    part: Part,
    /// The end of an empty element is still to be told.
    empty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Start,
    Prolog,
    Root,
    Epilog,
}

impl<'d> Document<'d> {
    pub(crate) fn new(bytes: &'d [u8]) -> Result<Self, XmlFault> {
        let source = std::str::from_utf8(bytes).map_err(|error| match error.error_len() {
            None => XmlFault::Truncated,
            Some(_) => XmlFault::Encoding,
        })?;
        // only at the very start is it a mark of order and no character of the document
        let source = source.strip_prefix('\u{FEFF}').unwrap_or(source);
        if let Some(character) = text::forbidden(source) {
            return Err(XmlFault::Character(character.into()));
        }
        let mut tokens = Reader::from_str(source);
        let config = tokens.config_mut();
        config.check_comments = true;
        config.check_end_names = true;
        Ok(Self { source, tokens, scope: Scope::new(), depth: 0, part: Part::Start, empty: false })
    }

    /// What comes next; none at the end of a whole document.
    pub(crate) fn next(&mut self) -> Result<Option<Event<'d>>, XmlFault> {
        if self.empty {
            self.empty = false;
            return Ok(Some(self.end()));
        }
        loop {
            let from = self.tokens.buffer_position();
            let token = self.tokens.read_event().map_err(|error| self.fault(&error, from))?;
            let first = self.part == Part::Start;
            if first {
                self.part = Part::Prolog;
            }
            let placed = |wrong: Wrong| wrong.at(from);
            match token {
                Token::Start(_) => return self.start(from, false).map(Some),
                Token::Empty(_) => return self.start(from, true).map(Some),
                Token::End(_) => return Ok(Some(self.end())),
                Token::Text(raw) => {
                    let raw = raw.into_inner();
                    if let Some(event) =
                        self.character_data(text::plain(raw).map_err(placed)?).map_err(placed)?
                    {
                        return Ok(Some(event));
                    }
                }
                Token::GeneralRef(raw) => {
                    let character = resolved(&raw.into_inner()).map_err(placed)?;
                    self.inside("a reference stands outside the root element").map_err(placed)?;
                    return Ok(Some(Event::Text(Cow::Owned(character.into()))));
                }
                Token::CData(raw) => {
                    self.inside("a CDATA section stands outside the root element").map_err(placed)?;
                    return Ok(Some(Event::Text(text::line_ends(raw.into_inner()))));
                }
                Token::Comment(_) => {}
                Token::PI(raw) => return self.instruction(from, &raw).map(Some),
                Token::Decl(declaration) if first => check_declaration(&declaration, from)?,
                Token::Decl(_) => return Err(form("an XML declaration stands where none may", from)),
                Token::DocType(_) => return Err(XmlFault::DocType),
                Token::Eof if self.part == Part::Epilog => return Ok(None),
                Token::Eof => return Err(XmlFault::Truncated),
            }
        }
    }

    fn start(&mut self, from: u64, empty: bool) -> Result<Event<'d>, XmlFault> {
        match self.part {
            Part::Epilog => return Err(form("a second root element", from)),
            Part::Start | Part::Prolog => self.part = Part::Root,
            Part::Root => {}
        }
        if self.depth == MAX_DEPTH {
            return Err(XmlFault::TooDeep);
        }
        self.depth += 1;
        self.empty = empty;
        let tag = tag::read(self.since(from)).map_err(|wrong| wrong.at(from))?;
        self.scope.enter(tag).map(Event::Start).map_err(|wrong| wrong.at(from))
    }

    fn end(&mut self) -> Event<'d> {
        self.scope.leave();
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0 {
            self.part = Part::Epilog;
        }
        Event::End
    }

    /// White space between the parts of a document is nobody's.
    fn character_data(&self, text: Cow<'d, str>) -> Result<Option<Event<'d>>, Wrong> {
        if self.part == Part::Root {
            return Ok((!text.is_empty()).then_some(Event::Text(text)));
        }
        if text.bytes().all(text::is_space) {
            Ok(None)
        } else {
            self.inside("text stands outside the root element").map(|()| None)
        }
    }

    fn inside(&self, otherwise: &'static str) -> Result<(), Wrong> {
        if self.part == Part::Root { Ok(()) } else { Err(Wrong::Form(otherwise)) }
    }

    fn instruction(&self, from: u64, token: &BytesPI<'_>) -> Result<Event<'d>, XmlFault> {
        let whole =
            self.since(from).strip_prefix("<?").and_then(|rest| rest.strip_suffix("?>")).unwrap_or_default();
        let (target, data) = whole.split_at_checked(token.target().len()).unwrap_or((whole, ""));
        if !names::is_plain(target) || target.eq_ignore_ascii_case("xml") {
            return Err(form("the name of a processing instruction", from));
        }
        if !data.is_empty()
            && !data.starts_with(|character| u8::try_from(character).is_ok_and(text::is_space))
        {
            return Err(form("the name of a processing instruction", from));
        }
        let data = data.trim_start_matches([' ', '\t', '\r', '\n']);
        Ok(Event::Instruction { target, data: text::line_ends(Cow::Borrowed(data)) })
    }

    fn fault(&self, error: &Error, at: u64) -> XmlFault {
        let rest = usize::try_from(at).ok().and_then(|at| self.source.get(at..)).unwrap_or_default();
        match error {
            Error::Syntax(SyntaxError::InvalidBangMarkup) if rest.contains('>') => {
                form("unknown markup after <!", at)
            }
            // each says that the end of something was not found
            Error::Syntax(_) => XmlFault::Truncated,
            Error::IllFormed(IllFormedError::UnclosedReference) if !rest.contains('<') => XmlFault::Truncated,
            Error::IllFormed(_) => form("tags that do not match, or an open reference or comment", at),
            _ => form("markup that cannot be read", at),
        }
    }

    /// The source of the token that was just read.
    fn since(&self, from: u64) -> &'d str {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        self.source.get(place(from)..place(self.tokens.buffer_position())).unwrap_or_default()
    }
}

impl Name<'_> {
    /// Whether it is that name.
    pub(crate) fn is(&self, namespace: &str, local: &str) -> bool {
        self.local == local && *self.namespace == *namespace
    }
}

impl Wrong {
    fn at(self, at: u64) -> XmlFault {
        match self {
            Self::Entity => XmlFault::Entity { at },
            Self::Namespace => XmlFault::Namespace { at },
            Self::TooManyAttributes => XmlFault::TooManyAttributes { at },
            Self::Form(what) => form(what, at),
        }
    }
}

fn form(what: &'static str, at: u64) -> XmlFault {
    XmlFault::Malformed { at, what }
}

/// XML 1.0 §2.8: only version 1.0, whose line ends are the ones normalised here, and only UTF-8.
fn check_declaration(declaration: &BytesDecl<'_>, at: u64) -> Result<(), XmlFault> {
    let parts = tag::attributes(declaration.as_ref().strip_prefix("xml").unwrap_or_default())
        .map_err(|wrong| wrong.at(at))?;
    let mut rest = parts.as_slice();
    let mut next = |name: &str| match rest.split_first() {
        Some(((found, value), after)) if *found == name => {
            rest = after;
            Some(value.to_string())
        }
        _ => None,
    };
    if next("version").as_deref() != Some("1.0") {
        return Err(XmlFault::Version);
    }
    if next("encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case("UTF-8")) {
        return Err(XmlFault::Encoding);
    }
    if next("standalone").is_some_and(|standalone| !matches!(standalone.as_str(), "yes" | "no"))
        || !rest.is_empty()
    {
        return Err(form("the XML declaration", at));
    }
    Ok(())
}
