//! What clients understand: every response is read to its last byte by the client grammar of imap-proto, by imap-codec's where imap-proto
//! lacks the form, or by the form that the RFC gives where both lack it. Which forms those are is listed here, so that nothing slips from
//! one to the other unseen.
//! May use bytes only.

use imap_codec::{ResponseCodec, decode::Decoder};

/// Texts in responses that imap-proto 0.17 does not know, and that imap-codec reads.
const BY_CODEC: &[&str] = &[
    // RFC 2342
    "* NAMESPACE ",
    // RFC 3501 §7.4.2: BODY without a section
    "BODY (",
    // RFC 3516 §7
    "BINARY[",
    "BINARY.SIZE[",
    // RFC 8438, RFC 9051 §6.3.11
    "SIZE ",
    "DELETED ",
    "DELETED-STORAGE ",
];

/// Starts of responses, and texts in them, that neither knows, with the reader of their form.
const BY_FORM: &[(&str, &str, Form)] = &[
    // RFC 5258 §6: extended data behind a mailbox
    ("* LIST ", " (\"", extended_list),
    // RFC 7889 §5.2 among the items, a number or NIL
    ("* STATUS ", "APPENDLIMIT ", status),
    // RFC 7162 §3.1.5: the highest mod-sequence behind the numbers
    ("* SEARCH ", " (MODSEQ ", search),
    // RFC 4731 §3.1, RFC 4466 §2.6.2
    ("* ESEARCH", "", esearch),
    // RFC 3516 §4.3: a range of a part, told by its first byte
    ("* ", "BINARY[", fetch),
    // RFC 8514 §4.2 among the items
    ("* ", "SAVEDATE ", fetch),
];

/// Reads what follows the start; `None` if it is not of that form.
type Form = fn(&[u8]) -> Option<()>;

/// Fails unless `answer` is whole responses that a client understands.
pub(crate) fn understood(answer: &[u8]) {
    let mut rest = answer;
    while !rest.is_empty() {
        let (response, after) = rest.split_at(length(rest));
        let text = String::from_utf8_lossy(response);
        assert!(
            by_proto(response) || by_codec(response, &text) || by_form(response, &text),
            "no client understands {text:?}"
        );
        rest = after;
    }
}

/// Length of the first response, its literals and its line end included.
fn length(bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let line = &bytes[end..];
        end += line.iter().position(|byte| *byte == b'\n').expect("a response ends with a line end") + 1;
        let announced = bytes[..end].strip_suffix(b"}\r\n").and_then(|line| {
            let digits = line.iter().rposition(|byte| *byte == b'{')? + 1;
            str::from_utf8(&line[digits..]).ok()?.parse::<usize>().ok()
        });
        match announced {
            Some(size) => end += size,
            None => return end,
        }
    }
}

fn by_proto(response: &[u8]) -> bool {
    matches!(imap_proto::Response::parse(response), Ok((rest, _)) if rest.is_empty())
}

fn by_codec(response: &[u8], text: &str) -> bool {
    BY_CODEC.iter().any(|form| text.contains(form))
        && matches!(ResponseCodec::default().decode(response), Ok((rest, _)) if rest.is_empty())
}

fn by_form(response: &[u8], text: &str) -> bool {
    BY_FORM.iter().any(|(start, part, form)| {
        text.starts_with(start)
            && text.contains(part)
            && response.strip_suffix(b"\r\n").is_some_and(|line| form(&line[start.len()..]).is_some())
    })
}

/// `(attributes) separator mailbox ("name" value …)`.
fn extended_list(rest: &[u8]) -> Option<()> {
    let rest = parenthesised(rest, |rest| atom(rest.strip_prefix(b"\\")?))?;
    let rest = string(space(rest)?).or_else(|| atom(space(rest)?))?;
    let rest = string(space(rest)?).or_else(|| atom(space(rest)?))?;
    end(parenthesised(space(rest)?, |rest| value(space(string(rest)?)?))?)
}

/// `mailbox (ITEM value …)`.
fn status(rest: &[u8]) -> Option<()> {
    let rest = string(rest).or_else(|| atom(rest))?;
    end(parenthesised(space(rest)?, |rest| atom(space(atom(rest)?)?))?)
}

/// `1 2 (MODSEQ 3)`.
fn search(rest: &[u8]) -> Option<()> {
    let mut rest = atom(rest)?;
    while let Some(after) = space(rest) {
        match parenthesised(after, |rest| atom(space(rest.strip_prefix(b"MODSEQ")?)?)) {
            Some(after) => return end(after),
            None => rest = atom(after)?,
        }
    }
    None
}

/// `(TAG "a1") UID ITEM value …`.
fn esearch(rest: &[u8]) -> Option<()> {
    let mut rest = rest;
    if let Some(correlator) = rest.strip_prefix(b" (TAG ") {
        rest = string(correlator)?.strip_prefix(b")")?;
    }
    rest = rest.strip_prefix(b" UID").unwrap_or(rest);
    while !rest.is_empty() {
        rest = value(space(atom(space(rest)?)?)?)?;
    }
    Some(())
}

/// `1 FETCH (ITEM value …)`.
fn fetch(rest: &[u8]) -> Option<()> {
    let rest = atom(rest)?.strip_prefix(b" FETCH ")?;
    end(parenthesised(rest, |rest| value(space(atom(rest)?)?))?)
}

fn end(rest: &[u8]) -> Option<()> {
    rest.is_empty().then_some(())
}

fn space(rest: &[u8]) -> Option<&[u8]> {
    rest.strip_prefix(b" ")
}

/// Entries between parentheses, one blank between two.
fn parenthesised<'a>(rest: &'a [u8], entry: impl Fn(&'a [u8]) -> Option<&'a [u8]>) -> Option<&'a [u8]> {
    let mut rest = rest.strip_prefix(b"(")?;
    if let Some(after) = rest.strip_prefix(b")") {
        return Some(after);
    }
    loop {
        rest = entry(rest)?;
        match rest.strip_prefix(b")") {
            Some(after) => return Some(after),
            None => rest = space(rest)?,
        }
    }
}

/// `tagged-ext-val` of RFC 4466 §3, strings, and `literal8` of RFC 3516 §7.
fn value(rest: &[u8]) -> Option<&[u8]> {
    match rest.first()? {
        b'~' => string(rest.strip_prefix(b"~").filter(|rest| rest.starts_with(b"{"))?),
        b'(' => parenthesised(rest, value),
        b'"' | b'{' => string(rest),
        _ => atom(rest),
    }
}

fn string(rest: &[u8]) -> Option<&[u8]> {
    if let Some(literal) = rest.strip_prefix(b"{") {
        let digits = literal.iter().position(|byte| *byte == b'}')?;
        let size: usize = str::from_utf8(&literal[..digits]).ok()?.parse().ok()?;
        return literal[digits..].strip_prefix(b"}\r\n")?.get(size..);
    }
    let mut rest = rest.strip_prefix(b"\"")?;
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'"' | b'\\', after @ ..] => after,
            [b'\\' | b'\r' | b'\n', ..] | [] => return None,
            [_, after @ ..] => after,
        };
    }
}

/// An atom, a number, a set, or NIL.
fn atom(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.iter().position(|byte| b" ()\"{\r\n".contains(byte)).unwrap_or(rest.len());
    (end > 0).then(|| &rest[end..])
}
