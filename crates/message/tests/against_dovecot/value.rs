//! What stands in a FETCH response: lists, strings, NIL and bare words (RFC 3501 §4), read without leniency.
//! May use nothing. A byte out of place fails the test that reads it.

use std::fmt;

/// A value of a response.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    /// `NIL`.
    Nil,
    /// Quoted or literal: the same thing to a client.
    Text(Vec<u8>),
    /// A number, or a name such as `BODY[1.MIME]`.
    Word(String),
    /// A list in parentheses; where Dovecot or we put no blank between two lists, neither is asked for.
    List(Vec<Value>),
}

impl Value {
    /// Reads one value and gives what follows it.
    pub(crate) fn read(bytes: &[u8]) -> (Self, &[u8]) {
        match bytes {
            [b'(', rest @ ..] => list(rest),
            [b'"', rest @ ..] => quoted(rest),
            [b'{', rest @ ..] => literal(rest),
            _ => word(bytes),
        }
    }

    /// Reads bytes that are one value and nothing else.
    pub(crate) fn whole(bytes: &[u8]) -> Self {
        let (value, rest) = Self::read(bytes);
        assert!(rest.is_empty(), "more than one value: {}", String::from_utf8_lossy(bytes));
        value
    }

    /// A number.
    pub(crate) fn number(number: u64) -> Self {
        Self::Word(number.to_string())
    }

    /// The same in lower case, all texts within too.
    pub(crate) fn lower(&self) -> Self {
        match self {
            Self::Text(text) => Self::Text(text.to_ascii_lowercase()),
            Self::List(entries) => Self::List(entries.iter().map(Self::lower).collect()),
            other => other.clone(),
        }
    }

    /// Whether it is this text, in any case.
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(self, Self::Text(own) if own.eq_ignore_ascii_case(text.as_bytes()))
    }

    /// The entries of a list.
    pub(crate) fn entries(&self) -> &[Value] {
        match self {
            Self::List(entries) => entries,
            _ => &[],
        }
    }
}

fn list(mut rest: &[u8]) -> (Value, &[u8]) {
    let mut entries: Vec<Value> = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(b")") {
            return (Value::List(entries), after);
        }
        if let Some(last) = entries.last() {
            match rest.strip_prefix(b" ") {
                Some(after) => rest = after,
                None => assert!(matches!(last, Value::List(_)) && rest.starts_with(b"("), "no blank"),
            }
        }
        let (entry, after) = Value::read(rest);
        entries.push(entry);
        rest = after;
    }
}

fn quoted(bytes: &[u8]) -> (Value, &[u8]) {
    let mut text = Vec::new();
    let mut at = 0;
    loop {
        match bytes[at] {
            b'"' => return (Value::Text(text), &bytes[at + 1..]),
            b'\\' => {
                at += 1;
                assert!(b"\"\\".contains(&bytes[at]), "only a quote and a backslash are escaped");
            }
            byte => assert!(byte.is_ascii() && !b"\0\r\n".contains(&byte), "not for a quoted string"),
        }
        text.push(bytes[at]);
        at += 1;
    }
}

fn literal(bytes: &[u8]) -> (Value, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'}').unwrap();
    let size: usize = str::from_utf8(&bytes[..end]).unwrap().parse().unwrap();
    let text = bytes[end..].strip_prefix(b"}\r\n").unwrap();
    (Value::Text(text[..size].to_vec()), &text[size..])
}

fn word(bytes: &[u8]) -> (Value, &[u8]) {
    let mut depth = 0;
    let end = bytes.iter().position(|byte| {
        depth += i32::from(*byte == b'[') - i32::from(*byte == b']');
        depth == 0 && b" )".contains(byte)
    });
    let (word, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    assert!(!word.is_empty(), "nothing where a value is expected");
    match word {
        b"NIL" => (Value::Nil, rest),
        word => (Value::Word(str::from_utf8(word).unwrap().to_owned()), rest),
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("NIL"),
            Self::Text(text) => write!(f, "{:?}", String::from_utf8_lossy(text)),
            Self::Word(word) => f.write_str(word),
            Self::List(entries) => f.debug_list().entries(entries).finish(),
        }
    }
}
