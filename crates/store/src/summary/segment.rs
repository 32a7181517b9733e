//! One segment of a box's summary: the messages of a window of 4,096 consecutive UIDs, in two values. The head has what
//! opening a box needs (which UIDs, flags, days of reception, keywords), the columns the rest of a listing.
//!
//! Pure. Reading is total: bytes that no segment has give an error, never a panic, and what a reader borrows from them
//! is read where it lies. The first byte of each value is its version.

use super::pack::{Column, Input, put_column, put_varint};
use crate::{
    day::Day,
    flags::SystemFlag,
    ids::{ModSeq, Uid},
    records::Listing,
};

/// UIDs of one window.
pub(crate) const WINDOW: u32 = 1 << WINDOW_BITS;
const WINDOW_BITS: u32 = 12;
const VERSION: u8 = 1;

/// The window in which a UID lies.
pub(crate) fn window_of(uid: Uid) -> u32 {
    uid.get() >> WINDOW_BITS
}

/// The first UID of a window; there is no UID 0.
pub(crate) fn first_of(window: u32) -> Uid {
    Uid::new(window << WINDOW_BITS).unwrap_or(Uid::MIN)
}

/// The last UID of a window.
pub(crate) fn last_of(window: u32) -> Uid {
    Uid::new((window << WINDOW_BITS) | (WINDOW - 1)).unwrap_or(Uid::MAX)
}

/// Bytes that no segment has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged;

/// The two values of a segment.
pub(crate) struct Segment {
    pub(crate) head: Vec<u8>,
    pub(crate) columns: Vec<u8>,
}

/// Writes the messages of one window, ascending.
pub(crate) fn encode(rows: &[(Uid, Listing)]) -> Segment {
    Segment { head: head(rows), columns: columns(rows) }
}

fn head(rows: &[(Uid, Listing)]) -> Vec<u8> {
    let mut out = vec![VERSION];
    let present = runs(rows, |(uid, _), (next, _)| uid.get() + 1 == next.get());
    put_varint(&mut out, present.len() as u64);
    let mut end = 0;
    for run in present {
        let first = run.first().map_or(0, |(uid, _)| uid.get() % WINDOW);
        put_varint(&mut out, u64::from(first - end));
        put_varint(&mut out, run.len() as u64);
        end = first + run.len() as u32;
    }
    out.extend(rows.iter().map(|(_, listing)| listing.bits));
    let days = runs(rows, |(_, listing), (_, next)| listing.day == next.day);
    put_varint(&mut out, days.len() as u64);
    for run in days {
        put_varint(&mut out, run.len() as u64);
        put_varint(&mut out, run.first().map_or(0, |(_, listing)| u64::from(listing.day.number())));
    }
    let with_words = rows.iter().enumerate().filter(|(_, (_, listing))| !listing.keywords.is_empty());
    put_varint(&mut out, with_words.clone().count() as u64);
    for (position, (_, listing)) in with_words {
        put_varint(&mut out, position as u64);
        put_varint(&mut out, listing.keywords.len() as u64);
        out.extend_from_slice(&listing.keywords);
    }
    out
}

fn columns(rows: &[(Uid, Listing)]) -> Vec<u8> {
    let mut out = vec![VERSION];
    put_column(&mut out, rows.iter().map(|(_, listing)| listing.modseq.0));
    put_column(&mut out, rows.iter().map(|(_, listing)| ordered(listing.internal_date)));
    put_column(&mut out, rows.iter().map(|(_, listing)| listing.size));
    out
}

/// The stretches of neighbours that belong together.
fn runs<T>(rows: &[T], together: impl FnMut(&T, &T) -> bool) -> Vec<&[T]> {
    rows.chunk_by(together).collect()
}

const SIGN: u64 = 1 << 63;

/// A signed number so that the least is the least.
fn ordered(number: i64) -> u64 {
    number.cast_unsigned() ^ SIGN
}

/// What the head of a segment says.
pub(crate) struct Head<'b> {
    /// Runs of UIDs, first and last, ascending.
    present: Vec<(u32, u32)>,
    bits: &'b [u8],
    /// Runs of messages of one day: the position after the last, the day.
    days: Vec<(usize, Day)>,
    /// Positions of the messages that have keywords, ascending, and their numbers.
    keywords: Vec<(usize, &'b [u8])>,
}

impl<'b> Head<'b> {
    /// Reads the head of a window.
    pub(crate) fn decode(window: u32, bytes: &'b [u8]) -> Result<Self, Damaged> {
        Self::read(window, Input(bytes)).ok_or(Damaged)
    }

    fn read(window: u32, mut input: Input<'b>) -> Option<Self> {
        if input.byte()? != VERSION {
            return None;
        }
        let base = window.checked_shl(WINDOW_BITS).filter(|base| base >> WINDOW_BITS == window)?;
        let mut present = vec![];
        let (mut end, mut count) = (0, 0);
        for _ in 0..input.small(WINDOW)? {
            let first = input.small(WINDOW)? + end;
            let len = input.small(WINDOW)?;
            end = first + len;
            if len == 0 || end > WINDOW || base + first == 0 {
                return None;
            }
            count += len as usize;
            present.push((base + first, base + (end - 1)));
        }
        let bits = input.take(count)?;
        let days = Self::days(&mut input, count)?;
        let keywords = Self::keywords(&mut input, count)?;
        input.0.is_empty().then_some(Self { present, bits, days, keywords })
    }

    fn days(input: &mut Input<'b>, count: usize) -> Option<Vec<(usize, Day)>> {
        let mut days = vec![];
        let mut end = 0;
        for _ in 0..input.small(WINDOW)? {
            end += input.small(WINDOW)? as usize;
            days.push((end, Day::from_number(input.small(u32::MAX)?)));
        }
        (end == count).then_some(days)
    }

    fn keywords(input: &mut Input<'b>, count: usize) -> Option<Vec<(usize, &'b [u8])>> {
        let mut keywords: Vec<(usize, &'b [u8])> = vec![];
        for _ in 0..input.small(WINDOW)? {
            let position = input.small(WINDOW)? as usize;
            let ascending = keywords.last().is_none_or(|(last, _)| *last < position);
            if !ascending || position >= count {
                return None;
            }
            let len = input.small(WINDOW)? as usize;
            keywords.push((position, input.take(len)?));
        }
        Some(keywords)
    }

    /// How many messages.
    pub(crate) fn len(&self) -> usize {
        self.bits.len()
    }

    /// Runs of UIDs, first and last, ascending.
    pub(crate) fn runs(&self) -> &[(u32, u32)] {
        &self.present
    }

    /// Whether a message of the window was received on this day or before.
    pub(crate) fn has_day_until(&self, day: Day) -> bool {
        self.days.iter().any(|(_, of)| *of <= day)
    }

    /// The UID of the first message without `\Seen`.
    pub(crate) fn first_unseen(&self) -> Option<u32> {
        let position = self.bits.iter().position(|bits| bits & SystemFlag::Seen.bit() == 0)?;
        let mut left = position as u32;
        for (first, last) in &self.present {
            let len = last - first + 1;
            if left < len {
                return Some(first + left);
            }
            left -= len;
        }
        None
    }

    /// Visits the messages, ascending, until `visit` says no.
    pub(crate) fn each<E>(&self, mut visit: impl FnMut(Place<'b>) -> Result<bool, E>) -> Result<bool, E> {
        let mut days = self.days.iter().peekable();
        let mut keywords = self.keywords.iter().peekable();
        let mut position = 0;
        for (first, last) in &self.present {
            for uid in *first..=*last {
                while days.next_if(|(end, _)| *end <= position).is_some() {}
                let day = days.peek().map_or(Day::from_number(0), |(_, day)| *day);
                let words = keywords.next_if(|(at, _)| *at == position).map_or(&[][..], |(_, words)| words);
                let bits = self.bits.get(position).copied().unwrap_or_default();
                if let Some(uid) = Uid::new(uid)
                    && !visit(Place { uid, position, bits, day, keywords: words })?
                {
                    return Ok(false);
                }
                position += 1;
            }
        }
        Ok(true)
    }
}

/// What a head says of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'b> {
    pub(crate) uid: Uid,
    /// Its place in the columns.
    pub(crate) position: usize,
    pub(crate) bits: u8,
    pub(crate) day: Day,
    pub(crate) keywords: &'b [u8],
}

/// What the columns of a segment say.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'b> {
    modseqs: Column<'b>,
    dates: Column<'b>,
    sizes: Column<'b>,
}

impl<'b> Columns<'b> {
    /// Reads the columns of a segment whose head counts so many messages.
    pub(crate) fn decode(bytes: &'b [u8], count: usize) -> Result<Self, Damaged> {
        Self::read(Input(bytes), count).ok_or(Damaged)
    }

    fn read(mut input: Input<'b>, count: usize) -> Option<Self> {
        if input.byte()? != VERSION {
            return None;
        }
        let modseqs = Column::read(&mut input, count)?;
        let dates = Column::read(&mut input, count)?;
        let sizes = Column::read(&mut input, count)?;
        input.0.is_empty().then_some(Self { modseqs, dates, sizes })
    }

    pub(crate) fn modseq(&self, position: usize) -> ModSeq {
        ModSeq(self.modseqs.at(position))
    }

    /// Unix seconds.
    pub(crate) fn internal_date(&self, position: usize) -> i64 {
        (self.dates.at(position) ^ SIGN).cast_signed()
    }

    /// Bytes.
    pub(crate) fn size(&self, position: usize) -> u64 {
        self.sizes.at(position)
    }
}

#[cfg(test)]
mod tests;
