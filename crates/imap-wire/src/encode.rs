//! Answers to bytes (RFC 3501 §7, §9). Every encoder appends to a buffer; none can fail, whatever the text.
//! May use plain values only.

use jiff::{Timestamp, tz::Offset};

use crate::{
    Names,
    command::{BinaryFetch, Flag, SectionFetch, SectionName, SectionPart, SpecialUse},
    completion::Reply,
    mutf7,
};

pub use self::code::Code;

mod code;

/// Longest text sent as a quoted string.
const QUOTED_BYTES: usize = 1024;

/// A `string`: quoted if it can be, else a literal.
pub fn string(out: &mut Vec<u8>, text: &[u8]) {
    let quotable = |byte: &u8| matches!(byte, 0x20..=0x7e);
    if text.len() > QUOTED_BYTES || !text.iter().all(quotable) {
        literal_head(out, text.len() as u64);
        out.extend_from_slice(text);
        return;
    }
    quoted(out, text);
}

fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// An `nstring`: NIL or a string.
pub fn nstring(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// An `astring`: an atom if it can be, else a string. `NIL` is quoted: clients read a bare one as nothing.
pub fn astring(out: &mut Vec<u8>, text: &[u8]) {
    let atom = |byte: &u8| matches!(byte, 0x21..=0x7e) && !b"(){%*\"\\".contains(byte);
    if !text.is_empty() && text.iter().all(atom) && !text.eq_ignore_ascii_case(b"NIL") {
        out.extend_from_slice(text);
    } else {
        string(out, text);
    }
}

/// The announcement of a literal, CRLF included; exactly `length` bytes must follow.
pub fn literal_head(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(format!("{{{length}}}\r\n").as_bytes());
}

/// The announcement of a literal that may hold zero bytes (literal8, RFC 3516 §4.3), CRLF included; exactly `length` bytes
/// must follow.
pub fn literal8_head(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(format!("~{{{length}}}\r\n").as_bytes());
}

/// A mailbox name, from UTF-8.
pub fn mailbox(out: &mut Vec<u8>, name: &str, names: Names) {
    match names {
        Names::Utf7 => astring(out, mutf7::encode(name).as_bytes()),
        Names::Utf8 | Names::Utf8Accept if name.is_ascii() => astring(out, name.as_bytes()),
        Names::Utf8 | Names::Utf8Accept => utf8_string(out, name),
    }
}

/// A string that may hold UTF-8 between its quotes, for a client that enabled it (RFC 6855 §3, RFC 9051 §4.3).
pub fn utf8_string(out: &mut Vec<u8>, text: &str) {
    if text.len() > QUOTED_BYTES || text.chars().any(char::is_control) {
        literal_head(out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    } else {
        quoted(out, text.as_bytes());
    }
}

/// A flag as it is written on the wire.
pub fn flag_text(flag: &Flag) -> &str {
    match flag {
        Flag::Answered => "\\Answered",
        Flag::Deleted => "\\Deleted",
        Flag::Draft => "\\Draft",
        Flag::Flagged => "\\Flagged",
        Flag::Seen => "\\Seen",
        Flag::Keyword(keyword) => keyword,
    }
}

/// A special use as a LIST attribute (RFC 6154 §2).
pub fn special_use_text(special_use: SpecialUse) -> &'static str {
    match special_use {
        SpecialUse::All => "\\All",
        SpecialUse::Archive => "\\Archive",
        SpecialUse::Drafts => "\\Drafts",
        SpecialUse::Flagged => "\\Flagged",
        SpecialUse::Junk => "\\Junk",
        SpecialUse::Sent => "\\Sent",
        SpecialUse::Trash => "\\Trash",
    }
}

/// `(a b c)` of words that need no quoting: flags, attributes, items.
pub fn list<'t>(out: &mut Vec<u8>, words: impl IntoIterator<Item = &'t str>) {
    out.push(b'(');
    for (i, word) in words.into_iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word.as_bytes());
    }
    out.push(b')');
}

/// An INTERNALDATE, quotes included, in UTC (RFC 3501 §9 `date-time`).
pub fn internal_date(out: &mut Vec<u8>, at: Timestamp) {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = Offset::UTC.to_datetime(at);
    let month = usize::try_from(at.month() - 1).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"Jan");
    out.push(b'"');
    two(out, at.day(), b' ');
    out.push(b'-');
    out.extend_from_slice(month.as_bytes());
    out.push(b'-');
    two(out, (at.year() / 100).try_into().unwrap_or_default(), b'0');
    two(out, (at.year() % 100).try_into().unwrap_or_default(), b'0');
    for (before, number) in [(b' ', at.hour()), (b':', at.minute()), (b':', at.second())] {
        out.push(before);
        two(out, number, b'0');
    }
    out.extend_from_slice(b" +0000\"");
}

/// A number below 100 in two places, `pad` instead of a leading zero.
fn two(out: &mut Vec<u8>, number: i8, pad: u8) {
    let number = number.unsigned_abs();
    out.push(if number < 10 { pad } else { b'0' + number / 10 % 10 });
    out.push(b'0' + number % 10);
}

/// A number (RFC 3501 §9 `number`).
pub fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        first -= 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

/// What a FETCH answer calls a section, `<origin>` included (RFC 3501 §7.4.2): `BODY[…]` or the RFC822 name asked for.
pub fn section_label(out: &mut Vec<u8>, fetch: &SectionFetch) {
    match fetch.name {
        SectionName::Rfc822 => out.extend_from_slice(b"RFC822"),
        SectionName::Rfc822Header => out.extend_from_slice(b"RFC822.HEADER"),
        SectionName::Rfc822Text => out.extend_from_slice(b"RFC822.TEXT"),
        SectionName::Body => {
            out.extend_from_slice(b"BODY[");
            section(out, fetch);
            out.push(b']');
        }
    }
    if let Some(partial) = fetch.partial {
        out.extend_from_slice(format!("<{}>", partial.origin).as_bytes());
    }
}

fn section(out: &mut Vec<u8>, fetch: &SectionFetch) {
    let path: Vec<String> = fetch.section.path.iter().map(u16::to_string).collect();
    out.extend_from_slice(path.join(".").as_bytes());
    if !path.is_empty() && fetch.section.part != SectionPart::All {
        out.push(b'.');
    }
    match &fetch.section.part {
        SectionPart::All => {}
        SectionPart::Header => out.extend_from_slice(b"HEADER"),
        SectionPart::Text => out.extend_from_slice(b"TEXT"),
        SectionPart::Mime => out.extend_from_slice(b"MIME"),
        SectionPart::HeaderFields(names) => fields(out, "HEADER.FIELDS", names),
        SectionPart::HeaderFieldsNot(names) => fields(out, "HEADER.FIELDS.NOT", names),
    }
}

fn fields(out: &mut Vec<u8>, word: &str, names: &[String]) {
    out.extend_from_slice(word.as_bytes());
    out.extend_from_slice(b" (");
    for (i, name) in names.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        astring(out, name.as_bytes());
    }
    out.push(b')');
}

/// What a FETCH answer calls a part without its transfer encoding (RFC 3516 §4.3), `<origin>` included.
pub fn binary_label(out: &mut Vec<u8>, fetch: &BinaryFetch) {
    binary_part(out, "BINARY", &fetch.path);
    if let Some(partial) = fetch.partial {
        out.extend_from_slice(format!("<{}>", partial.origin).as_bytes());
    }
}

/// What a FETCH answer calls the length of such a part.
pub fn binary_size_label(out: &mut Vec<u8>, path: &[u16]) {
    binary_part(out, "BINARY.SIZE", path);
}

fn binary_part(out: &mut Vec<u8>, word: &str, path: &[u16]) {
    let path: Vec<String> = path.iter().map(u16::to_string).collect();
    out.extend_from_slice(format!("{word}[{}]", path.join(".")).as_bytes());
}

/// Numbers as a set, neighbours that follow each other joined (`1:3,7`), in the order given.
pub fn numbers(out: &mut Vec<u8>, numbers: impl IntoIterator<Item = u32>) {
    let mut numbers = numbers.into_iter().peekable();
    let runs = std::iter::from_fn(|| {
        let from = numbers.next()?;
        let mut to = from;
        while let Some(next) = numbers.next_if(|next| to.checked_add(1) == Some(*next)) {
            to = next;
        }
        Some((from, to))
    });
    ranges(out, runs);
}

/// Ranges as a set, first and last of each.
pub fn ranges(out: &mut Vec<u8>, ranges: impl IntoIterator<Item = (u32, u32)>) {
    for (i, (from, to)) in ranges.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        number(out, u64::from(from));
        if to > from {
            out.push(b':');
            number(out, u64::from(to));
        }
    }
}

/// A status response with its line end: `A1 OK [CODE] text`, or `* BYE text` with the tag `*` (RFC 3501 §7.1). The text
/// is cut to one line of ASCII.
pub fn status(out: &mut Vec<u8>, tag: &str, word: &str, reply: &Reply) {
    out.extend_from_slice(format!("{tag} {word} ").as_bytes());
    if let Some(code) = &reply.code {
        out.push(b'[');
        code.write(out);
        out.extend_from_slice(b"] ");
    }
    let text = reply.text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' });
    out.extend(text.map(|c| c as u8));
    if reply.text.is_empty() {
        out.extend_from_slice(word.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
