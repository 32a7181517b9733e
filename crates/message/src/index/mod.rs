//! The index record: all that IMAP lists of a message, computed once at delivery (I-7).
//!
//! May use: `header`, `scan`'s result, `structure`. Reads no body.

mod bodystructure;
pub(crate) mod envelope;
mod parts;
mod record;
mod section;
mod wire;

pub use record::{DecodeError, IndexRecord, IndexRef, Part, PartKind};
pub use section::{Piece, SectionPath, SectionText};

use mail_parser::DateTime;

use crate::{header::Header, scan::Scanned, words};

/// Longest Date field that is looked at, in bytes.
const MAX_DATE: usize = 200;

/// Computes the record of a message as one class of recipients sees it: `header` is their variant of the header block, the body
/// is the one that was scanned. The variant may differ from what was scanned in anything but its Content-* fields.
pub fn index(header: &[u8], scanned: &Scanned) -> IndexRecord {
    let parsed = Header::parse(header);
    let date = sent(&parsed);
    IndexRecord {
        size: header.len() as u64 + scanned.body_bytes,
        header_len: u32::try_from(header.len()).unwrap_or(u32::MAX),
        sent: date.as_ref().map(DateTime::to_timestamp),
        sent_day: date
            .as_ref()
            .map(|date| i32::from(date.year) * 10_000 + i32::from(date.month) * 100 + i32::from(date.day)),
        envelope: envelope::envelope(&parsed),
        body: bodystructure::wire(&scanned.structure, false),
        bodystructure: bodystructure::wire(&scanned.structure, true),
        parts: parts::parts(&scanned.structure),
        message_id: parsed.message_ids("Message-ID").into_iter().next(),
    }
}

/// Last year that is believed: the parser turns absurd ones into 9999.
const MAX_YEAR: u16 = 9998;

/// The Date field, if it is a date of a four-digit year.
fn sent(header: &Header) -> Option<DateTime> {
    let value = words::unfold(header.values("Date").next()?);
    let value = String::from_utf8_lossy(value.get(..MAX_DATE).unwrap_or(&value));
    let date = DateTime::parse_rfc822(&value)?;
    let in_range = (1..=12).contains(&date.month)
        && (1..=31).contains(&date.day)
        && (1900..=MAX_YEAR).contains(&date.year)
        && date.hour < 24
        && date.minute < 60
        && date.second <= 60
        && date.tz_hour < 24
        && date.tz_minute < 60;
    in_range.then_some(date)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dated(value: &str) -> Option<(i64, i32)> {
        let record = index(
            format!("Date: {value}\r\n\r\n").as_bytes(),
            &crate::Scanner::new(crate::Limits::default()).finish().unwrap(),
        );
        record.sent.zip(record.sent_day)
    }

    #[test]
    fn dates() {
        assert_eq!(dated("Thu, 1 Jan 1970 00:30:00 +0100"), Some((-1800, 19_700_101)));
        assert_eq!(dated("1 Jan 2026 23:00:00 -0500 (EST)"), Some((1_767_326_400, 20_260_101)));
        assert_eq!(dated("Fri,\r\n 20 Nov 2026\r\n 10:00:00 GMT"), Some((1_795_168_800, 20_261_120)));
        assert_eq!(dated("32 Jan 2026 00:00:00 +0000"), None);
        assert_eq!(
            dated(&format!("Thu, 1 Jan 1970 00:00:00 +0000 ({})", "é".repeat(MAX_DATE))),
            Some((0, 19_700_101))
        );
        assert_eq!(dated(&format!("{}1 Jan 1970 00:00:00 +0000", "(c)".repeat(MAX_DATE))), None);
        assert_eq!(dated(&"9".repeat(5000)), None);
        assert_eq!(dated("1 Jan 99999999999999999999 00:00:00 +99999999999999999999"), None);
        assert_eq!(dated("yesterday"), None);
        assert_eq!(dated(""), None);
    }

    proptest! {
        #[test]
        fn no_date_panics(value in "[0-9A-Za-z:,+ ()\\-]{0,40}") {
            dated(&value);
        }

        #[test]
        fn no_year_panics(day in 0u32..99, year: u32, zone in -99999i32..99999) {
            dated(&format!("{day} Feb {year} 99:99:99 {zone:+05}"));
        }
    }
}
