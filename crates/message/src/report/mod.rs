//! Reports on a message's fate: not delivered, delayed, delivered or relayed (RFC 3461, 3464, 6522; M-7).
//!
//! May use: the header, the text encodings. Must never touch: the body of the message reported on, its subject (outside the
//! text for its sender and the returned header), the clock, any decision: who gets a report and why is the caller's matter, and so is the envelope,
//! whose reverse-path is null, and whether the body goes back. What peers and senders wrote is put on one line and cut before it goes in.

mod returned;
mod status;
#[cfg(test)]
mod tests;
mod text;

use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter, tz::TimeZone};

use crate::{Header, recode, words};

/// Most recipients that one report tells of: as many as a transaction has. The rest is counted in its text.
pub const MAX_REPORTED: usize = 1_000;
/// Most recipients that the text for people tells of one by one; the status part has them all.
pub const MAX_EXPLAINED: usize = 50;
/// Longest reply or explanation that goes in, in characters; the rest is cut.
pub const MAX_TEXT: usize = 900;
/// Longest address, host name or envelope identifier that goes in, in characters (RFC 3461 §4: 500 for ORCPT).
pub const MAX_WORD: usize = 500;
/// Longest subject that the text for people quotes, in characters; the rest is cut.
pub const MAX_SUBJECT: usize = 200;
/// Most of the original header that goes back, in bytes: whole fields, in order, as many as fit.
pub const MAX_HEADER: usize = 64 * 1024;
/// No report is longer, in bytes, whatever it is made of.
pub const MAX_REPORT: usize = 6 * 1024 * 1024;

/// What a report says.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Names the report here, as a transaction's identifier does: the left part of its Message-ID.
    pub id: &'a str,
    /// Name of this host: the reporting MTA.
    pub hostname: &'a str,
    /// Address that it comes from: the domain's postmaster (M-12).
    pub from: &'a str,
    /// Address that it goes to: the sender of the message.
    pub to: &'a str,
    /// When it is made.
    pub at: Timestamp,
    /// When the message came.
    pub arrival: Timestamp,
    /// ENVID of the message, decoded (RFC 3461 §4.4).
    pub envelope_id: Option<&'a str>,
    /// Header of the message, with or without its blank line; never its body.
    pub original: &'a [u8],
    /// The time in which people are told dates; programs get the same instants with its offset.
    pub zone: &'a TimeZone,
    /// The recipients that it tells of.
    pub recipients: &'a [Outcome<'a>],
}

/// What became of one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// Its address.
    pub recipient: &'a str,
    /// ORCPT, decoded, as `type;address` (RFC 3461 §4.2).
    pub original: Option<&'a str>,
    /// What was done.
    pub action: Action,
    /// Enhanced status code (RFC 3463); one that is none, or of another class, becomes the action's own `x.0.0`.
    pub status: &'a str,
    /// The host that answered.
    pub remote: Option<&'a str>,
    /// What was answered or found.
    pub diagnostic: Option<Diagnostic<'a>>,
    /// Until when it is tried again, for a delay.
    pub retry_until: Option<Timestamp>,
    /// What happened and what to do next, in French, in words that whoever wrote the message understands: it stands alone, without the
    /// diagnostic, and before the sentence on a delay's end.
    pub fr: &'a str,
    /// The same in English; the diagnostic follows.
    pub en: &'a str,
}

/// What was done for a recipient (RFC 3464 §2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Given up.
    Failed,
    /// Not yet delivered, still tried.
    Delayed,
    /// In the box.
    Delivered,
    /// Handed to an operator that may send no report of its own.
    Relayed,
}

impl Action {
    /// Its name in the status part.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
        }
    }

    /// The class of its status codes (RFC 3463 §2).
    fn class(self) -> char {
        match self {
            Self::Failed => '5',
            Self::Delayed => '4',
            Self::Delivered | Self::Relayed => '2',
        }
    }
}

/// Where a diagnostic comes from (RFC 3464 §2.3.6).
#[derive(Clone, Copy, Debug)]
pub enum Diagnostic<'a> {
    /// An SMTP reply of the remote host; its line breaks become blanks.
    Smtp(&'a str),
    /// A finding of this host.
    Local(&'a str),
}

/// Writes the report, with the header of the original: a whole message, ready to be kept. Its envelope has the null reverse-path.
#[must_use]
pub fn report(report: &Report<'_>) -> Vec<u8> {
    let (original, returned) = returned::header(report.original);
    let mut part = original.field();
    part.extend(original.written(&returned));
    let (mut before, after) = around(report, text::Attached::Header, original.content(), &[&part]);
    before.extend(part);
    before.extend(after);
    before
}

/// Writes the report around the whole original (RET=FULL, RFC 3461 §4.3): what stands before the first byte of its body, and what
/// after the last one. `body` is what the original may hold. For people in the trust space only (M-7).
#[must_use]
pub fn enclosing(report: &Report<'_>, body: recode::Content) -> (Vec<u8>, Vec<u8>) {
    let part = returned::message(report.original, body);
    let (mut before, after) = around(report, text::Attached::Whole, body, &[&part]);
    before.extend(part);
    (before, after)
}

/// What stands before the third part, up to its delimiter, and after it. `content`: what the third part may hold.
fn around(
    report: &Report<'_>,
    attached: text::Attached,
    content: recode::Content,
    third: &[&[u8]],
) -> (Vec<u8>, Vec<u8>) {
    let text = recode::quoted_printable(text::part(report, attached).as_bytes());
    let status = status::part(report);
    let mut parts = vec![text.as_slice(), status.text.as_bytes()];
    parts.extend(third);
    let boundary = boundary(&word(report.id), &parts);
    let mut out = head(report, &boundary, content.max(status.content()));
    let mut add = |piece: &[u8]| out.extend_from_slice(piece);
    add(format!("--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n").as_bytes());
    add(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    add(&text);
    add(format!("\r\n--{boundary}\r\n{}\r\n", status.fields()).as_bytes());
    add(status.text.as_bytes());
    add(format!("\r\n--{boundary}\r\n").as_bytes());
    (out, format!("\r\n--{boundary}--\r\n").into_bytes())
}

/// The header of the report, blank line included.
fn head(report: &Report<'_>, boundary: &str, content: recode::Content) -> Vec<u8> {
    let hostname = word(report.hostname);
    let mut head = format!(
        "From: {} <{}>\r\nTo: <{}>\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{}@{hostname}>\r\nAuto-Submitted: auto-replied\r\n",
        words::encode(text::FROM),
        address(report.from),
        address(report.to),
        words::encode(text::subject(report.recipients)),
        date(report.at, report.zone),
        bare(report.id),
    );
    if let Some(id) = message_id(report.original) {
        head.push_str(&format!("In-Reply-To: <{id}>\r\nReferences: <{id}>\r\n"));
    }
    head.push_str("MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n");
    head.push_str(&format!("\tboundary=\"{boundary}\"\r\n"));
    if content > recode::Content::SevenBit {
        head.push_str(&format!("Content-Transfer-Encoding: {}\r\n", content.name()));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// An address as a field holds it: nothing that would end it.
fn address(text: &str) -> String {
    word(text).chars().filter(|c| !"<>".contains(*c)).collect()
}

/// What an identifier may be made of.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
}

/// An instant as header fields have it. Years that have no four digits have no such form; the field is then empty and still a field.
fn date(at: Timestamp, zone: &TimeZone) -> String {
    DateTimePrinter::new().zoned_to_string(&at.to_zoned(zone.clone())).unwrap_or_default()
}

/// The message's identifier, without its brackets, if it is one that a field can hold.
fn message_id(original: &[u8]) -> Option<String> {
    let id = Header::parse(original).message_ids("Message-ID").into_iter().next()?;
    let id = id.strip_prefix('<')?.strip_suffix('>')?;
    let sound = !id.is_empty() && id.len() <= MAX_WORD && id.bytes().all(|b| b.is_ascii_graphic());
    (sound && !id.contains(['<', '>'])).then(|| id.to_owned())
}

/// A boundary that stands in none of the parts, encoded or not: no peer can end a part early.
fn boundary(id: &str, parts: &[&[u8]]) -> String {
    let id: String = id.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    // An underscore after `=` is in no encoded text, so that only what goes in as it is can hold one.
    let free = |boundary: &String| {
        !parts.iter().any(|part| memchr::memmem::find(part, boundary.as_bytes()).is_some())
    };
    let mut tries = (0_u32..).map(|at| format!("=_{id}_{at}_"));
    tries.find(free).unwrap_or_default()
}

/// One line of at most `max` characters: whatever would end or change it becomes a blank.
fn line(text: &str, max: usize) -> String {
    let plain = text.chars().map(|c| if breaks(c) { ' ' } else { c }).collect::<String>();
    let mut line = String::with_capacity(plain.len().min(max));
    for (at, word) in plain.split_whitespace().enumerate() {
        if at > 0 {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(max) {
        Some((end, _)) => line.get(..end).unwrap_or_default().trim_end().to_owned(),
        None => line,
    }
}

/// Controls, and what turns the direction of writing or ends a line in Unicode: a reply shows as it was written or not.
fn breaks(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// An address or a name: [`line()`] without blanks at its ends.
fn word(text: &str) -> String {
    line(text, MAX_WORD)
}
