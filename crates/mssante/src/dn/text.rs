//! How a name is written, and the form in which a value is compared.
//!
//! May use: `unicode-normalization`. Must never touch: what a name means.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::{Attribute, DnError};

/// The attributes of a text with their raw values. A comma (or a `+`, between attributes of one RDN) separates only
/// before a known key: values hold commas that nobody escaped (B.2.4).
pub(super) fn attributes(text: &str) -> Result<Vec<(Attribute, &str)>, DnError> {
    let (mut kind, mut rest) = key(text).ok_or(DnError::NoKey)?;
    let mut read = Vec::new();
    loop {
        match next_attribute(rest) {
            Some((value, next, after)) => {
                read.push((kind, value));
                (kind, rest) = (next, after);
            }
            None => {
                read.push((kind, rest));
                return Ok(read);
            }
        }
    }
}

/// The value up to the next separator, the key after it, and what follows that key's `=`.
fn next_attribute(text: &str) -> Option<(&str, Attribute, &str)> {
    let mut escape = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escape => escape = false,
            '\\' => escape = true,
            ',' | '+' => {
                let after = text.get(at + 1..).unwrap_or_default();
                if let Some((kind, rest)) = key(after) {
                    return Some((text.get(..at).unwrap_or_default(), kind, rest));
                }
            }
            _ => {}
        }
    }
    None
}

/// A known key and its `=` at the front of `text`, with what follows.
fn key(text: &str) -> Option<(Attribute, &str)> {
    let (key, rest) = text.split_once('=')?;
    Some((Attribute::from_key(key.trim())?, rest))
}

/// Takes the outer pair of quotes off, then the backslashes that quote one of RFC 4514's special characters; a
/// backslash before anything else is itself.
pub(super) fn unescaped(raw: &str) -> String {
    let mut value = String::with_capacity(raw.len());
    let mut chars = unquoted(raw).chars().peekable();
    while let Some(c) = chars.next() {
        let special = if c == '\\' { chars.next_if(|next| SPECIAL.contains(*next)) } else { None };
        value.push(special.unwrap_or(c));
    }
    value
}

const SPECIAL: &str = "\\,+\"=;<># ";

/// Without its outer pair of quotes, if it has one; quotes inside stay.
pub(super) fn unquoted(raw: &str) -> &str {
    let raw = raw.trim();
    let inside = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.filter(|inside| !ends_escaped(inside)).unwrap_or(raw)
}

/// Whether what follows `text` is quoted by a backslash at its end.
fn ends_escaped(text: &str) -> bool {
    text.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

/// The compared form: lower case, composed, every run of white space (no-break spaces too) one space.
pub(super) fn folded(value: &str) -> String {
    let lower = value.nfc().flat_map(char::to_lowercase).nfc().collect::<String>();
    let mut folded = String::with_capacity(lower.len());
    for word in lower.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}

/// What [`unescaped`] and [`attributes`] read back as `value`.
pub(super) fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', ',', '+', '"']) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        if matches!(c, '\\' | ',' | '+' | '"') {
            out.push('\\');
        }
        out.push(c);
    }
    Cow::Owned(out)
}
