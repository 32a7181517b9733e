//! Address lists (RFC 5322 §3.4, obsolete forms of §4.4 too) as byte ranges of the field they stand in.
//!
//! May use: `words`. One pass, one entry at a time: a list of any length costs no memory.

use std::ops::Range;

use crate::words;

/// What an address list is made of.
#[derive(Debug)]
pub(crate) enum Entry<'a> {
    Mailbox(Spot<'a>),
    /// A group opens; its display name, dequoted.
    GroupStart(Vec<u8>),
    GroupEnd,
}

/// A mailbox and where its addr-spec stands.
#[derive(Debug)]
pub(crate) struct Spot<'a> {
    value: &'a [u8],
    phrase: Vec<Token>,
    comment: Option<Range<usize>>,
    route: Option<Vec<Token>>,
    local: Vec<Token>,
    domain: Vec<Token>,
}

impl Spot<'_> {
    /// Range of the addr-spec in the value, from its first token to its last.
    pub(crate) fn range(&self) -> Range<usize> {
        let first = self.local.first().or(self.domain.first()).map_or(0, |token| token.range.start);
        let last = self.domain.last().or(self.local.last()).map_or(first, |token| token.range.end);
        first..last
    }

    /// The addr-spec without comments and folding, its local part quoted as it was.
    pub(crate) fn spec(&self) -> Vec<u8> {
        let mut spec = self.joined(&self.local, |token| words::unfold(token.bytes(self.value)));
        if !self.domain.is_empty() {
            spec.push(b'@');
            spec.extend(self.domain());
        }
        spec
    }

    /// The display name, dequoted but not decoded; else the comment. An empty one is none.
    pub(crate) fn name(&self) -> Option<Vec<u8>> {
        if !self.phrase.is_empty() {
            return Some(phrase(self.value, &self.phrase)).filter(|name| !name.is_empty());
        }
        let comment = self.value.get(self.comment.clone()?)?;
        let comment = comment.strip_prefix(b"(").unwrap_or(comment);
        let name = words::unfold(&unescape(comment.strip_suffix(b")").unwrap_or(comment)));
        (!name.is_empty()).then_some(name)
    }

    /// The source route of the obsolete syntax, without its colon, comments and blanks.
    pub(crate) fn route(&self) -> Option<Vec<u8>> {
        let route = self.route.as_ref()?;
        Some(route.iter().flat_map(|token| words::unfold(token.bytes(self.value))).collect())
    }

    /// The local part, dequoted.
    pub(crate) fn local(&self) -> Vec<u8> {
        self.joined(&self.local, |token| token.plain(self.value))
    }

    /// The domain, as written.
    pub(crate) fn domain(&self) -> Vec<u8> {
        self.joined(&self.domain, |token| words::unfold(token.bytes(self.value)))
    }

    fn joined(&self, tokens: &[Token], text: impl Fn(&Token) -> Vec<u8>) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, token) in tokens.iter().enumerate() {
            let before = number.checked_sub(1).and_then(|before| tokens.get(before));
            // Words side by side are no address: the blank keeps it from looking like one.
            if is_apart(before, token) && !dotted(self.value, before, Some(token)) {
                out.push(b' ');
            }
            out.extend(text(token));
        }
        out
    }
}

/// The entries of an address list.
pub(crate) struct Entries<'a> {
    value: &'a [u8],
    at: usize,
    comment: Option<Range<usize>>,
    in_group: bool,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(value: &'a [u8]) -> Self {
        Self { value, at: 0, comment: None, in_group: false }
    }

    /// A mailbox without angle brackets: the addr-spec is around the last `@`; words before it can only be a name, words after
    /// it mean nothing.
    fn bare(&mut self, mut run: Vec<Token>) -> Option<Entry<'a>> {
        if run.is_empty() {
            return None;
        }
        let comment = self.comment.take();
        let spot = Spot {
            value: self.value,
            phrase: Vec::new(),
            comment,
            route: None,
            local: Vec::new(),
            domain: Vec::new(),
        };
        let Some(at) = run.iter().rposition(|token| token.kind == Kind::At) else {
            return Some(Entry::Mailbox(Spot { local: run, ..spot }));
        };
        let mut domain: Vec<Token> = run.split_off(at).into_iter().skip(1).collect();
        let mut end = domain.len().min(1);
        while end < domain.len() && dotted(self.value, domain.get(end - 1), domain.get(end)) {
            end += 1;
        }
        domain.truncate(end);
        let mut start = run.len().saturating_sub(1);
        while start > 0 && dotted(self.value, run.get(start - 1), run.get(start)) {
            start -= 1;
        }
        let local = run.split_off(start);
        Some(Entry::Mailbox(Spot { phrase: run, local, domain, ..spot }))
    }

    /// What stands between angle brackets, and the rest up to the next comma.
    fn angle(&mut self, phrase: Vec<Token>) -> Entry<'a> {
        let (mut inner, mut route, mut closed) = (Vec::new(), None, false);
        while let Some(token) = self.token() {
            let in_route = inner.first().is_some_and(|first: &Token| first.kind == Kind::At);
            match token.kind {
                Kind::Special(b'>') => closed = true,
                Kind::Special(b',') if closed || !in_route => break,
                Kind::Special(b';') if self.in_group => {
                    self.at = token.range.start;
                    break;
                }
                Kind::Special(b':') if in_route && !closed => {
                    route = Some(std::mem::take(&mut inner));
                }
                _ if !closed => inner.push(token),
                _ => {}
            }
        }
        let domain = match inner.iter().rposition(|token| token.kind == Kind::At) {
            Some(at) => inner.split_off(at).into_iter().skip(1).collect(),
            None => Vec::new(),
        };
        let comment = self.comment.take();
        Entry::Mailbox(Spot { value: self.value, phrase, comment, route, local: inner, domain })
    }

    /// The next token; comments and blanks are passed over, the last comment is remembered.
    fn token(&mut self) -> Option<Token> {
        loop {
            let rest = self.value.get(self.at..)?;
            let start = self.at;
            let (length, kind) = match *rest.first()? {
                b' ' | b'\t' | b'\r' | b'\n' | 0 => {
                    self.at += 1;
                    continue;
                }
                b'(' => {
                    self.at += comment_length(rest);
                    self.comment = Some(start..self.at);
                    continue;
                }
                b'"' => (delimited_length(rest, b'"'), Kind::Quoted),
                b'[' => (delimited_length(rest, b']'), Kind::Atom),
                b'@' => (1, Kind::At),
                special @ (b'<' | b'>' | b',' | b';' | b':') => (1, Kind::Special(special)),
                _ => (atom_length(rest), Kind::Atom),
            };
            self.at += length;
            return Some(Token { range: start..self.at, kind });
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let mut run: Vec<Token> = Vec::new();
        self.comment = None;
        while let Some(token) = self.token() {
            let entry = match token.kind {
                Kind::Special(b'<') => return Some(self.angle(run)),
                Kind::Special(b':') if !self.in_group && !run.iter().any(|token| token.kind == Kind::At) => {
                    self.in_group = true;
                    return Some(Entry::GroupStart(phrase(self.value, &run)));
                }
                Kind::Special(b';') if self.in_group && run.is_empty() => {
                    self.in_group = false;
                    return Some(Entry::GroupEnd);
                }
                Kind::Special(b';') if self.in_group => {
                    self.at = token.range.start;
                    self.bare(std::mem::take(&mut run))
                }
                Kind::Special(b',' | b';') => self.bare(std::mem::take(&mut run)),
                Kind::Special(_) => None,
                Kind::At | Kind::Atom | Kind::Quoted => {
                    run.push(token);
                    None
                }
            };
            if entry.is_some() {
                return entry;
            }
        }
        let last = self.bare(run);
        if last.is_none() && std::mem::take(&mut self.in_group) {
            return Some(Entry::GroupEnd);
        }
        last
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    range: Range<usize>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Atom,
    Quoted,
    At,
    Special(u8),
}

impl Token {
    fn bytes<'v>(&self, value: &'v [u8]) -> &'v [u8] {
        value.get(self.range.clone()).unwrap_or_default()
    }

    /// Its meaning: a quoted string without quotes and escapes.
    fn plain(&self, value: &[u8]) -> Vec<u8> {
        let bytes = self.bytes(value);
        if self.kind != Kind::Quoted {
            return bytes.to_vec();
        }
        let inner = bytes.strip_prefix(b"\"").unwrap_or(bytes);
        unescape(inner.strip_suffix(b"\"").unwrap_or(inner))
    }
}

fn phrase(value: &[u8], tokens: &[Token]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, token) in tokens.iter().enumerate() {
        if is_apart(number.checked_sub(1).and_then(|before| tokens.get(before)), token) {
            out.push(b' ');
        }
        out.extend(token.plain(value));
    }
    words::unfold(&out)
}

/// Whether something stands between two tokens.
fn is_apart(left: Option<&Token>, right: &Token) -> bool {
    left.is_some_and(|left| left.range.end < right.range.start)
}

/// Whether two tokens belong to one dotted name, blanks between them or not.
fn dotted(value: &[u8], left: Option<&Token>, right: Option<&Token>) -> bool {
    let ends = left.is_some_and(|token| token.kind == Kind::Atom && token.bytes(value).ends_with(b"."));
    ends || right.is_some_and(|token| token.kind == Kind::Atom && token.bytes(value).starts_with(b"."))
}

/// Escapes undone, line breaks dropped.
fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut bytes = bytes.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => out.extend(bytes.next()),
            b'\r' | b'\n' => {}
            _ => out.push(byte),
        }
    }
    out
}

/// Length of the comment that `bytes` starts with; all that is left if it never closes.
pub(crate) fn comment_length(bytes: &[u8]) -> usize {
    let (mut depth, mut escaped) = (0usize, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' if depth == 1 => return at + 1,
            b')' => depth -= 1,
            _ => {}
        }
    }
    bytes.len()
}

/// Length up to and including the closing delimiter, escapes heeded; all that is left if it never closes.
fn delimited_length(bytes: &[u8], close: u8) -> usize {
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        match *byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            byte if byte == close => return at + 1,
            _ => {}
        }
    }
    bytes.len()
}

/// An encoded word is one atom even if it holds a comma, as some senders write it.
fn atom_length(bytes: &[u8]) -> usize {
    if let Some(length) = words::word_length(bytes) {
        return length;
    }
    let end =
        bytes.iter().skip(1).position(|byte| byte.is_ascii_whitespace() || b"\0(\"[@<>,;:".contains(byte));
    end.map_or(bytes.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(value: &str) -> Vec<String> {
        Entries::new(value.as_bytes())
            .map(|entry| match entry {
                Entry::Mailbox(spot) => {
                    let name = spot.name().map(|name| String::from_utf8(name).unwrap()).unwrap_or_default();
                    format!("{name}|{}|{}", String::from_utf8(spot.spec()).unwrap(), &value[spot.range()])
                }
                Entry::GroupStart(name) => format!("{}:", String::from_utf8(name).unwrap()),
                Entry::GroupEnd => ";".to_owned(),
            })
            .collect()
    }

    #[test]
    fn common_forms() {
        assert_eq!(listed("a@b.fr"), ["|a@b.fr|a@b.fr"]);
        assert_eq!(listed(" Jean D. <j@x> , k@y (Kim \\(K\\))"), ["Jean D.|j@x|j@x", "Kim (K)|k@y|k@y"]);
        assert_eq!(listed("\"Dupont, Jean\"\r\n <j@x>"), ["Dupont, Jean|j@x|j@x"]);
        assert_eq!(listed("=?utf-8?Q?Dupont,_Jean?= <j@x>"), ["=?utf-8?Q?Dupont,_Jean?=|j@x|j@x"]);
        assert_eq!(listed("\"a b\"@x"), ["|\"a b\"@x|\"a b\"@x"]);
        assert_eq!(listed("<j@[192.0.2.1]>"), ["|j@[192.0.2.1]|j@[192.0.2.1]"]);
    }

    #[test]
    fn groups() {
        assert_eq!(listed("Team: a@b, C <c@d>; e@f"), ["Team:", "|a@b|a@b", "C|c@d|c@d", ";", "|e@f|e@f"]);
        assert_eq!(listed("undisclosed-recipients:;"), ["undisclosed-recipients:", ";"]);
        assert_eq!(listed("Open: a@b"), ["Open:", "|a@b|a@b", ";"]);
        assert_eq!(listed("T: a@b <x@y;"), ["T:", "a@b|x@y|x@y", ";"]);
    }

    #[test]
    fn obsolete_and_broken_forms() {
        assert_eq!(listed("john . doe @ ex (c) . com"), ["c|john.doe@ex.com|john . doe @ ex (c) . com"]);
        assert_eq!(listed("X <@a,@b:c@d>"), ["X|c@d|c@d"]);
        assert_eq!(listed("root"), ["|root|root"]);
        assert_eq!(listed("Jean <j@x, k@y"), ["Jean|j@x|j@x", "|k@y|k@y"]);
        assert_eq!(listed("Jean j@x"), ["Jean|j@x|j@x"]);
        assert_eq!(listed(",, ,a@b,"), ["|a@b|a@b"]);
        assert_eq!(listed("\"open a@b"), ["|\"open a@b|\"open a@b"]);
        assert_eq!(listed("j@x Jean)"), ["|j@x|j@x"]);
        assert_eq!(listed("<o wn@x y>"), ["|o wn@x y|o wn@x y"]);
        assert_eq!(listed("Jean <>"), ["Jean||"]);
        assert_eq!(listed("\"\" <j@x>, k@y ()"), ["|j@x|j@x", "|k@y|k@y"]);
        assert_eq!(listed(""), [""; 0]);
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_ends(value in "[ab.@<>,;:\"\\\\()\\[\\]=? \r\n]{0,40}") {
            for entry in Entries::new(value.as_bytes()) {
                if let Entry::Mailbox(spot) = entry {
                    proptest::prop_assert!(value.get(spot.range()).is_some());
                    let _ = (spot.name(), spot.route(), spot.local(), spot.domain(), spot.spec());
                }
            }
        }
    }
}
