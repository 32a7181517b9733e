//! The part of the original that goes back: fields of its header, and no byte of its body from here (M-7).
//!
//! May use: the header parser. Must never touch: what a field says.

use super::MAX_HEADER;
use crate::{Header, recode};

/// What no copy of a message shows its reader: other readers, and the path of another delivery.
const KEPT_BACK: [&str; 3] = ["Bcc", "Resent-Bcc", "Return-Path"];
/// Longest line that goes as it is (RFC 5322 §2.1.1), line break included.
const MAX_LINE: usize = 1_000;

/// How the returned header is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is, all ASCII.
    Ascii,
    /// As it is, in UTF-8 (RFC 6533 §6).
    Utf8,
    /// In quoted-printable: what stands in it is in no charset that we know, or on longer lines than a message has.
    Quoted,
}

impl Form {
    fn of(header: &[u8]) -> Self {
        let long = header.split_inclusive(|byte| *byte == b'\n').any(|line| line.len() > MAX_LINE);
        if long || header.contains(&0) || std::str::from_utf8(header).is_err() {
            Self::Quoted
        } else if header.is_ascii() {
            Self::Ascii
        } else {
            Self::Utf8
        }
    }

    /// The header of the part, blank line included.
    pub(super) fn field(self) -> Vec<u8> {
        let field: &[u8] = match self {
            Self::Ascii => b"Content-Type: text/rfc822-headers\r\n\r\n",
            Self::Utf8 => b"Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
            Self::Quoted => {
                b"Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
            }
        };
        field.to_vec()
    }

    /// The part's content.
    pub(super) fn written(self, header: &[u8]) -> Vec<u8> {
        match self {
            Self::Ascii | Self::Utf8 => header.to_vec(),
            Self::Quoted => recode::quoted_printable(header),
        }
    }

    /// What the part holds.
    pub(super) fn content(self) -> recode::Content {
        if self == Self::Utf8 { recode::Content::EightBit } else { recode::Content::SevenBit }
    }
}

/// Whole fields in order, as many as [`MAX_HEADER`] holds, and how they are written. Lines that are no field may be a body whose header
/// never ended: they stay behind.
pub(super) fn header(original: &[u8]) -> (Form, Vec<u8>) {
    let out = fields(original, MAX_HEADER);
    (Form::of(&out), out)
}

/// The whole original up to its body: the header of the part, then the message's own, blank line included.
pub(super) fn message(original: &[u8], body: recode::Content) -> Vec<u8> {
    let fields = fields(original, usize::MAX);
    let kind = if Form::of(&fields) == Form::Utf8 { "global" } else { "rfc822" };
    let mut out = format!("Content-Type: message/{kind}\r\n").into_bytes();
    let holds = if fields.is_ascii() { body } else { body.max(recode::Content::EightBit) };
    if holds > recode::Content::SevenBit {
        out.extend_from_slice(format!("Content-Transfer-Encoding: {}\r\n", holds.name()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend(fields);
    out.extend_from_slice(b"\r\n");
    out
}

fn fields(original: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, field) in Header::parse(original).whole_fields() {
        let kept_back = KEPT_BACK.iter().any(|kept| name.eq_ignore_ascii_case(kept.as_bytes()));
        if !kept_back && out.len() + field.len() <= most {
            out.extend_from_slice(field);
        }
    }
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}
