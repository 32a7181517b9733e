//! A place in a command and the lexical forms every command shares (RFC 3501 §9: atom, string, astring, number).

use std::borrow::Cow;

use thiserror::Error;

use crate::{Names, command::MailboxNameError};

/// Longest command word, item or key; those that exist are much shorter.
const WORD_BYTES: usize = 32;

/// What reading gives.
pub(super) type Parsed<T> = Result<T, Fault>;

/// Why a command cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Fault {
    /// Something else should stand there; bytes are counted from 1.
    #[error("expected {what} at byte {at} of the command")]
    Expected {
        /// What.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// Another fault.
    #[error("{0}")]
    Other(Cow<'static, str>),
    /// A mailbox name that can be read and that no mailbox has.
    #[error("{0}")]
    Name(MailboxNameError),
    /// CHARSET names none we know.
    #[error("unknown charset")]
    Charset,
}

impl Fault {
    pub(super) fn other(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Other(text.into())
    }
}

/// A place in a command.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    length: usize,
    names: Names,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(command: &'a [u8], names: Names) -> Self {
        Self { rest: command, length: command.len(), names }
    }

    /// How mailbox names are written in this command.
    pub(super) fn names(&self) -> Names {
        self.names
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    pub(super) fn at_end(&self) -> bool {
        // Some scripts and old telephones leave spaces at the end of a line.
        self.rest.iter().all(|byte| *byte == b' ')
    }

    pub(super) fn expected(&self, what: &'static str) -> Fault {
        Fault::Expected { what, at: self.length - self.rest.len() + 1 }
    }

    pub(super) fn end(&self) -> Parsed<()> {
        if self.at_end() { Ok(()) } else { Err(self.expected("the end")) }
    }

    /// Takes that byte if it is next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.skip(1);
        }
        found
    }

    pub(super) fn byte(&mut self, byte: u8, what: &'static str) -> Parsed<()> {
        if self.take(byte) { Ok(()) } else { Err(self.expected(what)) }
    }

    pub(super) fn space(&mut self) -> Parsed<()> {
        self.byte(b' ', "a space")
    }

    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !belongs(*byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Takes that text if it is next, whatever its case, and nothing that would go on as a word.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let mut ahead = self.clone();
        let found = ahead.take_while(is_word_byte).eq_ignore_ascii_case(word.as_bytes());
        if found {
            *self = ahead;
        }
        found
    }

    pub(super) fn take_nil(&mut self) -> bool {
        self.take_word("NIL")
    }

    /// Letters, digits, `.`, `-`, in upper case.
    pub(super) fn word(&mut self, what: &'static str) -> Parsed<String> {
        let fault = self.expected(what);
        let word = self.take_while(is_word_byte);
        if word.is_empty() || word.len() > WORD_BYTES {
            return Err(fault);
        }
        Ok(word.iter().map(|byte| char::from(byte.to_ascii_uppercase())).collect())
    }

    pub(super) fn number(&mut self, what: &'static str) -> Parsed<u32> {
        let fault = self.expected(what);
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or(fault)
    }

    /// The number of RFC 9208 §7, up to 63 bits.
    pub(super) fn number64(&mut self, what: &'static str) -> Parsed<u64> {
        let fault = self.expected(what);
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        number.filter(|number| *number <= u64::MAX / 2).ok_or(fault)
    }

    /// A mod-sequence (RFC 7162 §7 `mod-sequence-value`): 63 bits, not zero.
    pub(super) fn mod_sequence(&mut self) -> Parsed<u64> {
        let fault = self.expected("a mod-sequence from 1 to 9223372036854775807");
        self.mod_sequence_or_zero().ok().filter(|number| *number > 0).ok_or(fault)
    }

    /// The same or zero (`mod-sequence-valzer`).
    pub(super) fn mod_sequence_or_zero(&mut self) -> Parsed<u64> {
        self.number64("a mod-sequence up to 9223372036854775807")
    }

    /// Exactly `count` digits.
    pub(super) fn digits(&mut self, count: usize, what: &'static str) -> Parsed<i16> {
        let fault = self.expected(what);
        let digits = self.rest.get(..count).filter(|digits| digits.iter().all(u8::is_ascii_digit));
        let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()).ok_or(fault)?;
        self.skip(count);
        Ok(number)
    }

    /// Exactly `count` bytes of ASCII letters.
    pub(super) fn letters(&mut self, count: usize, what: &'static str) -> Parsed<&'a [u8]> {
        let fault = self.expected(what);
        let letters =
            self.rest.get(..count).filter(|text| text.iter().all(u8::is_ascii_alphabetic)).ok_or(fault)?;
        self.skip(count);
        Ok(letters)
    }

    pub(super) fn atom(&mut self, what: &'static str) -> Parsed<&'a [u8]> {
        let fault = self.expected(what);
        let atom = self.take_while(|byte| is_atom_byte(byte) && byte.is_ascii());
        if atom.is_empty() { Err(fault) } else { Ok(atom) }
    }

    /// Quoted or literal.
    pub(super) fn string(&mut self, what: &'static str) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal(),
            _ => Err(self.expected(what)),
        }
    }

    pub(super) fn string_text(&mut self, what: &'static str) -> Parsed<String> {
        let fault = self.expected(what);
        String::from_utf8(self.string(what)?).map_err(|_| fault)
    }

    /// Atom, quoted or literal.
    pub(super) fn astring(&mut self, what: &'static str) -> Parsed<Vec<u8>> {
        self.text_of(what, |byte| is_atom_byte(byte) || byte == b']')
    }

    pub(super) fn astring_text(&mut self, what: &'static str) -> Parsed<String> {
        let fault = self.expected(what);
        String::from_utf8(self.astring(what)?).map_err(|_| fault)
    }

    /// `list-mailbox`: as an astring, with the wildcards.
    pub(super) fn pattern(&mut self) -> Parsed<Vec<u8>> {
        self.text_of("a mailbox pattern", |byte| is_atom_byte(byte) || b"]%*".contains(&byte))
    }

    fn text_of(&mut self, what: &'static str, belongs: impl Fn(u8) -> bool) -> Parsed<Vec<u8>> {
        if matches!(self.peek(), Some(b'"' | b'{')) {
            return self.string(what);
        }
        let fault = self.expected(what);
        let text = self.take_while(belongs);
        if text.is_empty() { Err(fault) } else { Ok(text.to_vec()) }
    }

    /// Base64, or `=` for nothing (RFC 4959 §3).
    pub(super) fn base64(&mut self) -> Parsed<Vec<u8>> {
        let fault = self.expected("base64");
        let text = self.take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        if text.is_empty() { Err(fault) } else { Ok(text.to_vec()) }
    }

    /// 8-bit bytes are accepted: many clients quote raw UTF-8 in SEARCH and in mailbox names.
    fn quoted(&mut self) -> Parsed<Vec<u8>> {
        let fault = self.expected("a quoted string that ends with a quote");
        self.skip(1);
        let mut text = Vec::new();
        loop {
            text.extend_from_slice(self.take_while(|byte| !b"\"\\\r\n\0".contains(&byte)));
            let next = self.peek();
            self.skip(1);
            match (next, self.peek()) {
                (Some(b'"'), _) => return Ok(text),
                (Some(b'\\'), Some(escaped @ (b'"' | b'\\'))) => {
                    text.push(escaped);
                    self.skip(1);
                }
                _ => return Err(fault),
            }
        }
    }

    /// The first stage found the literal already: its bytes are here, after the announcement and CRLF.
    fn literal(&mut self) -> Parsed<Vec<u8>> {
        let (size, _) = self.announcement()?;
        let fault = self.expected("a literal without zero bytes");
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let text = self.rest.get(..size).filter(|text| !text.contains(&0)).ok_or(fault)?;
        self.skip(size);
        Ok(text.to_vec())
    }

    /// `{n}` or `{n+}` and CRLF: the size, and whether the client waits.
    pub(super) fn announcement(&mut self) -> Parsed<(u64, bool)> {
        let fault = self.expected("a literal, as in {310}");
        self.byte(b'{', "a literal, as in {310}")?;
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        let asked = !self.take(b'+');
        let size = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        match (size, self.rest.strip_prefix(b"}\r\n")) {
            (Some(size), Some(rest)) => {
                self.rest = rest;
                Ok((size, asked))
            }
            _ => Err(fault),
        }
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-'
}

/// ATOM-CHAR, and 8-bit bytes: clients that know RFC 6855 write raw UTF-8 names bare.
fn is_atom_byte(byte: u8) -> bool {
    byte > 0x20 && byte != 0x7f && !b"(){%*\"\\]".contains(&byte)
}
