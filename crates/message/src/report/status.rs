//! The part for programs: `message/delivery-status` (RFC 3464), in ASCII.
//!
//! May use: dates. Must never touch: the texts for people.

use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter, tz::TimeZone};

use super::{Diagnostic, MAX_REPORTED, MAX_TEXT, MAX_WORD, Outcome, Report, line, word};

/// Most characters of a line before it is folded at a blank (RFC 5322 §2.1.1).
const FOLD_AT: usize = 76;

/// Longest address or name once what is not ASCII is escaped, in octets: the longest address (254) fits.
const MAX_ESCAPED: usize = 2 * MAX_WORD;

/// The fields of the message, then those of each recipient, groups parted by an empty line.
pub(super) fn part(report: &Report<'_>) -> String {
    let mut part = String::new();
    field(&mut part, "Reporting-MTA", &format!("dns; {}", ascii(&word(report.hostname), MAX_ESCAPED)));
    if let Some(id) = report.envelope_id {
        field(&mut part, "Original-Envelope-Id", &ascii(&word(id), MAX_ESCAPED));
    }
    field(&mut part, "Arrival-Date", &date(report.arrival));
    for outcome in report.recipients.iter().take(MAX_REPORTED) {
        part.push_str("\r\n");
        recipient(&mut part, outcome, report.at);
    }
    part
}

fn recipient(part: &mut String, outcome: &Outcome<'_>, at: Timestamp) {
    if let Some(original) = outcome.original {
        field(part, "Original-Recipient", &original_recipient(original));
    }
    field(part, "Final-Recipient", &typed(outcome.recipient));
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
    field(part, "Last-Attempt-Date", &date(at));
    if let Some(until) = outcome.retry_until {
        field(part, "Will-Retry-Until", &date(until));
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
fn original_recipient(text: &str) -> String {
    let text = word(text);
    match text.split_once(';') {
        Some((kind, address))
            if !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') =>
        {
            format!("{kind};{}", ascii(address, MAX_ESCAPED))
        }
        _ => typed(&text),
    }
}

/// An address with its type: `utf-8` when it is not ASCII (RFC 6533 §3).
fn typed(address: &str) -> String {
    let address = word(address);
    let kind = if address.is_ascii() { "rfc822" } else { "utf-8" };
    format!("{kind}; {}", ascii(&address, MAX_ESCAPED))
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

/// A field, folded at blanks; `value` is one line of ASCII.
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
    let starts = (0..word.len().max(1)).step_by(MAX_PIECE);
    starts.map(move |start| word.get(start..word.len().min(start + MAX_PIECE)).unwrap_or_default())
}

fn date(at: Timestamp) -> String {
    // Years that have no four digits have no such form; the field is then empty and still a field.
    DateTimePrinter::new().zoned_to_string(&at.to_zoned(TimeZone::UTC)).unwrap_or_default()
}
