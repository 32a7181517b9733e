//! The part for programs: `message/delivery-status` (RFC 3464) in ASCII, or `message/global-delivery-status` (RFC 6533) where an
//! address is not ASCII.
//!
//! May use: dates. Must never touch: the texts for people.

use super::{Diagnostic, MAX_REPORTED, MAX_TEXT, MAX_WORD, Outcome, Report, date, line, word};
use crate::recode::Content;

/// Most characters of a line before it is folded at a blank (RFC 5322 §2.1.1).
const FOLD_AT: usize = 76;

/// Longest address or name once what is not ASCII is escaped, in octets: the longest address (254) fits.
const MAX_ESCAPED: usize = 2 * MAX_WORD;

/// The part, written.
pub(super) struct Status {
    pub(super) text: String,
    global: bool,
}

impl Status {
    /// The fields that say what it is, each with its line break.
    pub(super) fn fields(&self) -> &'static str {
        if self.global {
            "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n"
        } else {
            "Content-Type: message/delivery-status\r\n"
        }
    }

    /// What it holds.
    pub(super) fn content(&self) -> Content {
        if self.global { Content::EightBit } else { Content::SevenBit }
    }
}

/// The fields of the message, then those of each recipient, groups parted by an empty line.
pub(super) fn part(report: &Report<'_>) -> Status {
    let told = || report.recipients.iter().take(MAX_REPORTED);
    let ascii_only =
        |outcome: &Outcome<'_>| outcome.recipient.is_ascii() && outcome.original.is_none_or(str::is_ascii);
    let global = !told().all(ascii_only);
    let mut part = String::new();
    field(&mut part, "Reporting-MTA", &format!("dns; {}", ascii(&word(report.hostname), MAX_ESCAPED)));
    if let Some(id) = report.envelope_id {
        field(&mut part, "Original-Envelope-Id", &ascii(&word(id), MAX_ESCAPED));
    }
    field(&mut part, "Arrival-Date", &date(report.arrival, report.zone));
    for outcome in told() {
        part.push_str("\r\n");
        recipient(&mut part, outcome, report, global);
    }
    Status { text: part, global }
}

fn recipient(part: &mut String, outcome: &Outcome<'_>, report: &Report<'_>, global: bool) {
    if let Some(original) = outcome.original {
        field(part, "Original-Recipient", &original_recipient(original, global));
    }
    field(part, "Final-Recipient", &typed(outcome.recipient, global));
    field(part, "Action", outcome.action.as_str());
    field(part, "Status", &status(outcome));
    if let Some(remote) = outcome.remote {
        field(part, "Remote-MTA", &format!("dns; {}", ascii(&word(remote), MAX_ESCAPED)));
    }
    match outcome.diagnostic {
        Some(Diagnostic::Smtp(text)) => {
            field(part, "Diagnostic-Code", &format!("smtp; {}", ascii(&line(text, MAX_TEXT), MAX_TEXT)));
        }
        Some(Diagnostic::Local(text)) => {
            field(
                part,
                "Diagnostic-Code",
                &format!("x-vaguemestre; {}", ascii(&line(text, MAX_TEXT), MAX_TEXT)),
            );
        }
        None => {}
    }
    field(part, "Last-Attempt-Date", &date(report.at, report.zone));
    if let Some(until) = outcome.retry_until {
        field(part, "Will-Retry-Until", &date(until, report.zone));
    }
}

/// The status, if it is one of the action's class; else that class's general one.
fn status(outcome: &Outcome<'_>) -> String {
    let class = outcome.action.class();
    let mut numbers = outcome.status.split('.');
    let first = numbers.next().is_some_and(|text| text.chars().eq([class]));
    let rest =
        numbers.clone().all(|text| (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()));
    if first && rest && numbers.count() == 2 { outcome.status.to_owned() } else { format!("{class}.0.0") }
}

/// ORCPT as the sender gave it; one without a type, or whose type is none, is taken for an Internet address.
fn original_recipient(text: &str, global: bool) -> String {
    let text = word(text);
    match text.split_once(';') {
        Some((kind, address))
            if !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') =>
        {
            format!("{kind};{}", shown(address, global))
        }
        _ => typed(&text, global),
    }
}

/// An address with its type: `utf-8` when it is not ASCII (RFC 6533 §3).
fn typed(address: &str, global: bool) -> String {
    let address = word(address);
    let kind = if address.is_ascii() { "rfc822" } else { "utf-8" };
    format!("{kind}; {}", shown(&address, global))
}

/// An address as this kind of part holds it.
fn shown(address: &str, global: bool) -> String {
    if global { address.to_owned() } else { ascii(address, MAX_ESCAPED) }
}

/// What is not ASCII as RFC 6533 §3 writes it, `\x{E9}`; at most `max` octets, no escape cut in two.
fn ascii(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    for c in text.chars() {
        let before = out.len();
        if c.is_ascii() {
            out.push(c);
        } else {
            out.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
        }
        if out.len() > max {
            out.truncate(before);
            break;
        }
    }
    out
}

/// A field, folded at blanks; `value` is one line.
fn field(part: &mut String, name: &str, value: &str) {
    part.push_str(name);
    part.push(':');
    let mut column = name.len() + 1;
    for word in value.split(' ') {
        for piece in pieces(word) {
            if column + 1 + piece.len() > FOLD_AT && column > name.len() + 1 {
                part.push_str("\r\n");
                column = 0;
            }
            part.push(' ');
            part.push_str(piece);
            column += 1 + piece.len();
        }
    }
    part.push_str("\r\n");
}

/// Longest word that a line can hold (RFC 5322 §2.1.1: 998 in all).
const MAX_PIECE: usize = 900;

/// A word, in pieces that a line can hold.
fn pieces(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(word);
    std::iter::from_fn(move || {
        let word = rest.take()?;
        let (piece, after) = word.split_at(word.floor_char_boundary(MAX_PIECE));
        rest = (!after.is_empty()).then_some(after);
        Some(piece)
    })
}
