//! Helpers of the tests of this crate.

use message::{IndexRecord, Limits, Piece, Scanned, Scanner, SectionPath, SectionText, index};

/// Scans a whole message in one piece.
pub(crate) fn scan(raw: &[u8]) -> Scanned {
    scan_in(raw, &[raw.len()], Limits::default())
}

/// Scans a message cut into pieces of these lengths, used in turn.
pub(crate) fn scan_in(raw: &[u8], lengths: &[usize], limits: Limits) -> Scanned {
    let mut scanner = Scanner::new(limits);
    let mut rest = raw;
    for length in lengths.iter().cycle() {
        let (piece, after) = rest.split_at((*length).clamp(1, rest.len().max(1)).min(rest.len()));
        scanner.feed(piece).unwrap();
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    scanner.finish().unwrap()
}

/// All that a scan tells, in comparable form.
pub(crate) fn summary(scanned: &Scanned) -> (IndexRecord, u64, u64, u64, bool, bool) {
    (
        index(&scanned.header, scanned),
        scanned.body_bytes,
        scanned.body_lines,
        scanned.attachments_decoded,
        scanned.xdm,
        scanned.structure.is_degraded(),
    )
}

/// The record of a message.
pub(crate) fn record(raw: &str) -> IndexRecord {
    let scanned = scan(raw.as_bytes());
    index(&scanned.header, &scanned)
}

/// What `BODY[…]` answers, for sections such as `1.2`, `1.MIME`, `2.HEADER`, `TEXT`.
pub(crate) fn fetch(raw: &str, section: &str) -> Option<String> {
    let record = record(raw);
    let mut path = SectionPath::default();
    for piece in section.split('.').filter(|piece| !piece.is_empty()) {
        match piece {
            "HEADER" => path.text = SectionText::Header,
            "TEXT" => path.text = SectionText::Text,
            "MIME" => path.text = SectionText::Mime,
            number => path.path.push(number.parse().unwrap()),
        }
    }
    let (header, body) = raw.split_at(record.header_len as usize);
    Some(match record.section(&path)? {
        Piece::Message => raw.to_owned(),
        Piece::Header => header.to_owned(),
        Piece::Body(range) => {
            body[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()].to_owned()
        }
    })
}
