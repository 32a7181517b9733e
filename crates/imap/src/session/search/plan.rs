//! A search key made ready: texts folded, dates as day numbers, sets resolved, cheap questions before dear ones.
//! May use plain values only. Must never read a message.

use std::ops::RangeInclusive;

use jiff::civil::Date;
use store::{Flags, ListingRef};

use super::fold::Needle;
use crate::{
    command::{Flag, Numbering, SearchKey, SearchText},
    session::{
        flags::{has, listed},
        view::View,
    },
};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A search made ready.
pub(in crate::session) struct Plan {
    pub(super) question: Question,
    /// Texts looked for in bodies; questions name them by position.
    pub(super) in_body: Vec<Needle>,
    /// Texts looked for in all fields of the header.
    pub(super) in_header: Vec<Needle>,
}

/// A question about one message.
pub(super) enum Question {
    Constant(bool),
    All(Vec<Question>),
    Any(Vec<Question>),
    Not(Box<Question>),
    Sequence(Vec<RangeInclusive<u32>>),
    Uid(Vec<RangeInclusive<u32>>),
    Has(Flag),
    /// INTERNALDATE as Unix seconds: from, up to but not including (days are UTC, as INTERNALDATE is told).
    Received(i64, i64),
    /// `Date:` as yyyymmdd: from, up to and including.
    Sent(i32, i32),
    Larger(u64),
    Smaller(u64),
    Header(String, Box<Needle>),
    InBody(usize),
    InHeader(usize),
}

impl Plan {
    /// Compiles a key for the messages of a view.
    pub(in crate::session) fn new(key: &SearchKey, view: &View) -> Self {
        let mut plan =
            Self { question: Question::Constant(true), in_body: Vec::new(), in_header: Vec::new() };
        plan.question = plan.compile(key, view);
        plan
    }

    /// UIDs that can match as far as the top of the key says, so that `UID 5:7 TEXT x` reads three messages.
    pub(in crate::session) fn candidates(&self, view: &View) -> Vec<(u32, u32)> {
        let tops = match &self.question {
            Question::All(questions) => questions.as_slice(),
            one => std::slice::from_ref(one),
        };
        let numbered = (1..).zip(view.uids());
        numbered.filter(|(sequence, uid)| tops.iter().all(|top| top.may_be(*sequence, *uid))).collect()
    }

    fn compile(&mut self, key: &SearchKey, view: &View) -> Question {
        match key {
            SearchKey::All => Question::Constant(true),
            // Nothing is ever \Recent here; see the view.
            SearchKey::Recent => Question::Constant(false),
            SearchKey::And(keys) => {
                let mut questions: Vec<_> = keys.iter().map(|key| self.compile(key, view)).collect();
                questions.sort_by_key(Question::cost);
                Question::All(questions)
            }
            SearchKey::Or(one, other) => {
                let mut questions = vec![self.compile(one, view), self.compile(other, view)];
                questions.sort_by_key(Question::cost);
                Question::Any(questions)
            }
            SearchKey::Not(key) => Question::Not(Box::new(self.compile(key, view))),
            SearchKey::Sequence(set) => Question::Sequence(view.ranges(Numbering::Sequence, set)),
            SearchKey::Uid(set) => Question::Uid(view.ranges(Numbering::Uid, set)),
            SearchKey::Has(flag) => Question::Has(flag.clone()),
            SearchKey::Lacks(flag) => Question::Not(Box::new(Question::Has(flag.clone()))),
            SearchKey::Before(date) => Question::Received(i64::MIN, start(*date)),
            SearchKey::On(date) => Question::Received(start(*date), start(*date) + DAY),
            SearchKey::Since(date) => Question::Received(start(*date), i64::MAX),
            SearchKey::SentBefore(date) => Question::Sent(i32::MIN, number(*date) - 1),
            SearchKey::SentOn(date) => Question::Sent(number(*date), number(*date)),
            SearchKey::SentSince(date) => Question::Sent(number(*date), i32::MAX),
            SearchKey::Larger(size) => Question::Larger(u64::from(*size)),
            SearchKey::Smaller(size) => Question::Smaller(u64::from(*size)),
            SearchKey::Header(name, text) => {
                Question::Header(name.clone(), Box::new(Needle::new(text.as_str())))
            }
            SearchKey::Body(text) => self.in_body(text),
            SearchKey::Text(text) => {
                self.in_header.push(Needle::new(text.as_str()));
                Question::Any(vec![Question::InHeader(self.in_header.len() - 1), self.in_body(text)])
            }
        }
    }

    fn in_body(&mut self, text: &SearchText) -> Question {
        self.in_body.push(Needle::new(text.as_str()));
        Question::InBody(self.in_body.len() - 1)
    }
}

impl Question {
    /// How dear an answer is: nothing, the header, the body.
    fn cost(&self) -> u8 {
        match self {
            Self::Constant(_) | Self::Sequence(_) | Self::Uid(_) => 0,
            Self::Has(_) | Self::Received(..) | Self::Larger(_) | Self::Smaller(_) => 1,
            Self::Sent(..) => 2,
            Self::Header(..) | Self::InHeader(_) => 3,
            Self::InBody(_) => 4,
            Self::Not(question) => question.cost(),
            Self::All(questions) | Self::Any(questions) => {
                questions.iter().map(Self::cost).max().unwrap_or(0)
            }
        }
    }

    /// The answer, if it is in the listing of a message (sequence number, UID).
    pub(super) fn by_listing(&self, (sequence, uid): (u32, u32), listing: &ListingRef<'_>) -> Option<bool> {
        Some(match self {
            Self::Constant(answer) => *answer,
            Self::All(questions) => {
                let answers = questions.iter().map(|question| question.by_listing((sequence, uid), listing));
                return decided(answers, false);
            }
            Self::Any(questions) => {
                let answers = questions.iter().map(|question| question.by_listing((sequence, uid), listing));
                return decided(answers, true);
            }
            Self::Not(question) => !question.by_listing((sequence, uid), listing)?,
            Self::Sequence(ranges) => within(ranges, sequence),
            Self::Uid(ranges) => within(ranges, uid),
            Self::Has(flag) => listed(listing, flag),
            Self::Received(from, to) => (*from..*to).contains(&listing.internal_date()),
            Self::Larger(size) => listing.size() > *size,
            Self::Smaller(size) => listing.size() < *size,
            Self::Sent(..) | Self::Header(..) | Self::InHeader(_) | Self::InBody(_) => return None,
        })
    }

    /// Whether fields of the header are looked at.
    pub(super) fn reads_header(&self) -> bool {
        match self {
            Self::Header(..) | Self::InHeader(_) => true,
            Self::All(questions) | Self::Any(questions) => questions.iter().any(Self::reads_header),
            Self::Not(question) => question.reads_header(),
            _ => false,
        }
    }

    fn may_be(&self, sequence: u32, uid: u32) -> bool {
        match self {
            Self::Constant(answer) => *answer,
            Self::Sequence(ranges) => within(ranges, sequence),
            Self::Uid(ranges) => within(ranges, uid),
            _ => true,
        }
    }
}

/// Whether one of these ascending ranges holds the number.
pub(super) fn within(ranges: &[RangeInclusive<u32>], number: u32) -> bool {
    let after = ranges.partition_point(|range| *range.start() <= number);
    after.checked_sub(1).and_then(|last| ranges.get(last)).is_some_and(|range| range.contains(&number))
}

/// The answer of several: `enough` as soon as one says so, its contrary if all do, none if some do not know.
fn decided(answers: impl Iterator<Item = Option<bool>>, enough: bool) -> Option<bool> {
    let mut known = Some(!enough);
    for answer in answers {
        match answer {
            Some(answer) if answer == enough => return Some(enough),
            Some(_) => {}
            None => known = None,
        }
    }
    known
}

/// Whether a message has a flag.
pub(super) fn flagged(flags: &Flags, flag: &Flag) -> bool {
    has(flags, flag)
}

/// First second of a day, UTC.
fn start(date: Date) -> i64 {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.until(date).map_or(0, |span| i64::from(span.get_days())) * DAY
}

fn number(date: Date) -> i32 {
    i32::from(date.year()) * 10_000 + i32::from(date.month()) * 100 + i32::from(date.day())
}
