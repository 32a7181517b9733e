//! A search key made ready: texts folded, dates as day numbers, sets resolved, cheap questions before dear ones.
//! May use plain values only. Must never read a message.

use std::sync::Arc;

use jiff::civil::Date;
use store::{Flags, ListingRef, UidRuns};

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
    /// Texts looked for in single fields.
    in_fields: u64,
    /// What `$` stands for, if it is asked.
    saved: Option<Arc<UidRuns>>,
}

/// Sets at the top of a key that narrow down what is looked at; others are asked message by message.
const NARROWING: usize = 8;

/// A question about one message.
pub(super) enum Question {
    Constant(bool),
    All(Vec<Question>),
    Any(Vec<Question>),
    Not(Box<Question>),
    /// One of these, whether they were named by number, by UID or by `$`: ranges as they were written, `$` shared by all.
    Among(Arc<UidRuns>),
    Has(Flag),
    /// INTERNALDATE as Unix seconds: from, up to but not including (days are UTC, as INTERNALDATE is told).
    Received(i64, i64),
    /// `Date:` as yyyymmdd: from, up to and including.
    Sent(i32, i32),
    Larger(u64),
    Smaller(u64),
    /// Mod-sequence at least that.
    ModSeq(u64),
    /// Put in the mailbox, as Unix seconds: from, up to but not including (days are UTC). INTERNALDATE where the date is not
    /// known.
    Saved(i64, i64),
    Header(String, Box<Needle>),
    InBody(usize),
    InHeader(usize),
}

impl Plan {
    /// Compiles a key for the messages of a view; `now` in Unix seconds.
    pub(in crate::session) fn new(key: &SearchKey, view: &View, now: i64) -> Self {
        let mut plan = Self {
            question: Question::Constant(true),
            in_body: Vec::new(),
            in_header: Vec::new(),
            in_fields: 0,
            saved: None,
        };
        plan.question = plan.compile(key, view, now);
        plan
    }

    /// The messages that can match as far as the top of the key says, so that `UID 5:7 TEXT x` reads three messages.
    pub(in crate::session) fn candidates(&self, view: &View) -> UidRuns {
        let tops = match &self.question {
            Question::All(questions) => questions.as_slice(),
            one => std::slice::from_ref(one),
        };
        if tops.iter().any(|top| matches!(top, Question::Constant(false))) {
            return UidRuns::new();
        }
        let sets = tops.iter().filter_map(|top| match top {
            Question::Among(uids) => Some(uids),
            _ => None,
        });
        sets.take(NARROWING).fold(view.uids(), |candidates, uids| candidates.common(uids))
    }

    /// How many bytes of work a byte that is read stands for: each text is looked for in it.
    pub(super) fn weight(&self) -> u64 {
        1 + (self.in_body.len() as u64 + self.in_header.len() as u64 + self.in_fields) / 4
    }

    fn compile(&mut self, key: &SearchKey, view: &View, now: i64) -> Question {
        match key {
            // Every mailbox keeps dates of saving.
            SearchKey::All | SearchKey::SaveDateSupported => Question::Constant(true),
            // Nothing is ever \Recent here; see the view.
            SearchKey::Recent => Question::Constant(false),
            SearchKey::And(keys) => {
                let mut questions: Vec<_> = keys.iter().map(|key| self.compile(key, view, now)).collect();
                questions.sort_by_key(Question::cost);
                Question::All(questions)
            }
            SearchKey::Or(one, other) => {
                let mut questions = vec![self.compile(one, view, now), self.compile(other, view, now)];
                questions.sort_by_key(Question::cost);
                Question::Any(questions)
            }
            SearchKey::Not(key) => Question::Not(Box::new(self.compile(key, view, now))),
            SearchKey::Sequence(set) | SearchKey::Uid(set) if set.is_saved() => {
                Question::Among(Arc::clone(self.saved.get_or_insert_with(|| Arc::new(view.saved()))))
            }
            SearchKey::Sequence(set) => Question::Among(Arc::new(view.ranges(Numbering::Sequence, set))),
            SearchKey::Uid(set) => Question::Among(Arc::new(view.ranges(Numbering::Uid, set))),
            // RFC 5032 §3: the border belongs to both.
            SearchKey::Older(seconds) => Question::Received(i64::MIN, now - i64::from(*seconds) + 1),
            SearchKey::Younger(seconds) => Question::Received(now - i64::from(*seconds), i64::MAX),
            SearchKey::ModSeq(modseq) => Question::ModSeq(*modseq),
            SearchKey::SavedBefore(date) => Question::Saved(i64::MIN, start(*date)),
            SearchKey::SavedOn(date) => Question::Saved(start(*date), start(*date) + DAY),
            SearchKey::SavedSince(date) => Question::Saved(start(*date), i64::MAX),
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
                self.in_fields += 1;
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
            Self::Constant(_) | Self::Among(_) => 0,
            Self::Has(_)
            | Self::Received(..)
            | Self::Larger(_)
            | Self::Smaller(_)
            | Self::ModSeq(_)
            | Self::Saved(..) => 1,
            Self::Sent(..) => 2,
            Self::Header(..) | Self::InHeader(_) => 3,
            Self::InBody(_) => 4,
            Self::Not(question) => question.cost(),
            Self::All(questions) | Self::Any(questions) => {
                questions.iter().map(Self::cost).max().unwrap_or(0)
            }
        }
    }

    /// The answer, if it is in the listing of a message; `saved` is when it was put in the mailbox, if that is asked and
    /// known.
    pub(super) fn by_listing(&self, listing: &ListingRef<'_>, saved: Option<i64>) -> Option<bool> {
        Some(match self {
            Self::Constant(answer) => *answer,
            Self::All(questions) => {
                return decided(questions.iter().map(|question| question.by_listing(listing, saved)), false);
            }
            Self::Any(questions) => {
                return decided(questions.iter().map(|question| question.by_listing(listing, saved)), true);
            }
            Self::Not(question) => !question.by_listing(listing, saved)?,
            Self::Among(uids) => uids.contains(listing.uid()),
            Self::Has(flag) => listed(listing, flag),
            Self::Received(from, to) => (*from..*to).contains(&listing.internal_date()),
            Self::Saved(from, to) => (*from..*to).contains(&saved.unwrap_or(listing.internal_date())),
            Self::Larger(size) => listing.size() > *size,
            Self::Smaller(size) => listing.size() < *size,
            Self::ModSeq(modseq) => listing.modseq().get() >= *modseq,
            Self::Sent(..) | Self::Header(..) | Self::InHeader(_) | Self::InBody(_) => return None,
        })
    }

    /// Whether it, or a part of it, is such.
    fn any(&self, such: fn(&Self) -> bool) -> bool {
        such(self)
            || match self {
                Self::All(questions) | Self::Any(questions) => {
                    questions.iter().any(|question| question.any(such))
                }
                Self::Not(question) => question.any(such),
                _ => false,
            }
    }

    /// Whether dates of saving are looked at.
    pub(super) fn reads_saved(&self) -> bool {
        self.any(|question| matches!(question, Self::Saved(..)))
    }

    /// Whether fields of the header are looked at.
    pub(super) fn reads_header(&self) -> bool {
        self.any(|question| matches!(question, Self::Header(..) | Self::InHeader(_)))
    }
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
