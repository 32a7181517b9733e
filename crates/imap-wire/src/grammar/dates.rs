//! `date` and `date-time` (RFC 3501 §9).

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::Offset,
};

use super::cursor::{Cursor, Fault, Parsed};

const MONTHS: [&[u8]; 12] =
    [b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV", b"DEC"];

const A_DATE: &str = "a date such as 1-Feb-2026";
const A_DATE_TIME: &str = "a date and time such as \"01-Feb-2026 08:30:00 +0100\"";

/// The date of SEARCH, quoted or not.
pub(super) fn date(cursor: &mut Cursor<'_>) -> Parsed<Date> {
    let quoted = cursor.take(b'"');
    let date = day(cursor, A_DATE)?;
    if quoted {
        cursor.byte(b'"', A_DATE)?;
    }
    Ok(date)
}

/// The date and time of APPEND, quotes included.
pub(super) fn date_time(cursor: &mut Cursor<'_>) -> Parsed<Timestamp> {
    let fault = cursor.expected(A_DATE_TIME);
    cursor.byte(b'"', A_DATE_TIME)?;
    // The day has a leading space or two digits; some libraries write one digit alone.
    cursor.take(b' ');
    let day = day(cursor, A_DATE_TIME)?;
    cursor.space()?;
    let hour = two_digits(cursor)?;
    cursor.byte(b':', A_DATE_TIME)?;
    let minute = two_digits(cursor)?;
    cursor.byte(b':', A_DATE_TIME)?;
    // A leap second is kept as the second before.
    let second = two_digits(cursor)?.min(59);
    cursor.space()?;
    let offset = offset(cursor)?;
    cursor.byte(b'"', A_DATE_TIME)?;
    let at = DateTime::new(day.year(), day.month(), day.day(), hour, minute, second, 0);
    at.ok().and_then(|at| offset.to_timestamp(at).ok()).ok_or(fault)
}

fn day(cursor: &mut Cursor<'_>, what: &'static str) -> Parsed<Date> {
    let fault = cursor.expected(what);
    let impossible = || Fault::other("this day is not in the calendar");
    let day = cursor.digits(2, what).or_else(|_| cursor.digits(1, what))?;
    let day = i8::try_from(day).map_err(|_| impossible())?;
    cursor.byte(b'-', what)?;
    let name = cursor.letters(3, what)?.to_ascii_uppercase();
    let month = MONTHS.iter().position(|month| *month == name).ok_or(fault)?;
    cursor.byte(b'-', what)?;
    let year = cursor.digits(4, what)?;
    Date::new(year, i8::try_from(month + 1).map_err(|_| impossible())?, day).map_err(|_| impossible())
}

fn two_digits(cursor: &mut Cursor<'_>) -> Parsed<i8> {
    let fault = cursor.expected(A_DATE_TIME);
    i8::try_from(cursor.digits(2, A_DATE_TIME)?).map_err(|_| fault)
}

fn offset(cursor: &mut Cursor<'_>) -> Parsed<Offset> {
    let fault = cursor.expected(A_DATE_TIME);
    let sign = match cursor.peek() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Err(fault),
    };
    cursor.skip(1);
    let (hours, minutes) = (i32::from(two_digits(cursor)?), i32::from(two_digits(cursor)?));
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok().filter(|_| minutes < 60).ok_or(fault)
}
