//! How much one account, one other operator, and all of them together may do in an hour (I-9): messages, recipients, refused recipients,
//! bytes. Who has done an hour's worth is told so, in two languages, and waits; nothing that was accepted is ever lost by it.
//!
//! What it is for: both policies ask [`Limits`] at MAIL and RCPT and tell it what was refused and how much came. Time is an argument
//! (I-10). Must never touch: the store, the network. It forgets with the process: a restart gives everybody a new hour.

use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mssante::{BoxType, Profile, dn::DistinguishedName};
use store::AccountId;
use tokio::time::Instant;

use self::meter::{Meter, Meters};
pub use self::{
    bucket::{Bucket, Rate},
    settings::{Allowance, LimitSettings},
    strangers::Strangers,
};
use crate::replies::Denial;

mod bucket;
mod meter;
mod settings;
mod strangers;
pub(crate) mod texts;

/// Somebody who is known, and bounded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Party {
    class: Class,
    name: Name,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Account(AccountId),
    Other(String),
    All,
}

/// Which allowance holds for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// A box of people: MED, PER, INT.
    Person,
    /// A box of an organisation or of software: ORG, APP.
    Software,
    /// Another operator, or a hospital's own server.
    Operator,
    /// Everybody together.
    All,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Person, Self::Software, Self::Operator, Self::All];

    /// A stable name for figures.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Software => "software",
            Self::Operator => "operator",
            Self::All => "all",
        }
    }
}

impl Party {
    /// The box acted as: rights are the box's (S-1.7), and so is its allowance.
    pub(crate) fn account(id: AccountId, profile: &Profile) -> Self {
        let class = match profile.box_type {
            BoxType::Med | BoxType::Per | BoxType::Int => Class::Person,
            BoxType::Org | BoxType::App => Class::Software,
        };
        Self { class, name: Name::Account(id) }
    }

    /// Another operator, by the whole name in its certificate.
    pub(crate) fn operator(name: &DistinguishedName) -> Self {
        Self { class: Class::Operator, name: Name::Other(name.to_string()) }
    }

    /// A hospital's own server.
    pub(crate) fn connector(name: &str) -> Self {
        Self { class: Class::Operator, name: Name::Other(format!("connector {name}")) }
    }

    fn all() -> Self {
        Self { class: Class::All, name: Name::All }
    }
}

/// What is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// Messages begun.
    Messages,
    /// Recipients named.
    Recipients,
    /// Recipients refused.
    Refusals,
    /// Bytes of content.
    Bytes,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Messages, Self::Recipients, Self::Refusals, Self::Bytes];

    /// A stable name for figures.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Recipients => "recipients",
            Self::Refusals => "refusals",
            Self::Bytes => "bytes",
        }
    }
}

/// What everybody has done in the last hour, and what they may.
pub struct Limits {
    settings: LimitSettings,
    meters: Mutex<Meters>,
    /// Refusals since the start, for each class and bound.
    refused: [[AtomicU64; What::ALL.len()]; Class::ALL.len()],
    /// Refusals of those who are not known.
    pub strangers: Strangers,
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(LimitSettings::default())
    }
}

impl Limits {
    /// Nobody has done anything yet.
    #[must_use]
    pub fn new(settings: LimitSettings) -> Self {
        let strangers = Strangers::new(settings.strangers_site, settings.strangers, Instant::now());
        Self { settings, meters: Mutex::default(), refused: Default::default(), strangers }
    }

    /// How often somebody of this class was refused for this since the start.
    #[must_use]
    pub fn refused(&self, class: Class, what: What) -> u64 {
        self.counter(class, what).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// One more message, at MAIL.
    pub(crate) fn message(&self, party: &Party, now: Instant) -> Result<(), Limited> {
        self.ask(party, now, |meter, allowance| {
            meter.refusals.allows(&allowance.refusals(), now).map_err(|wait| (What::Refusals, wait))?;
            meter.bytes.allows(&allowance.bytes(), now).map_err(|wait| (What::Bytes, wait))?;
            meter.messages.take(&allowance.messages(), now).map_err(|wait| (What::Messages, wait))
        })
    }

    /// One more recipient, at RCPT.
    pub(crate) fn recipient(&self, party: &Party, now: Instant) -> Result<(), Limited> {
        self.ask(party, now, |meter, allowance| {
            meter.refusals.allows(&allowance.refusals(), now).map_err(|wait| (What::Refusals, wait))?;
            meter.recipients.take(&allowance.recipients(), now).map_err(|wait| (What::Recipients, wait))
        })
    }

    /// A recipient was refused.
    pub(crate) fn recipient_refused(&self, party: &Party, now: Instant) {
        self.charge(party, now, |meter, allowance| meter.refusals.charge(&allowance.refusals(), 1, now));
    }

    /// So many bytes of content came.
    pub(crate) fn content(&self, party: &Party, bytes: usize, now: Instant) {
        self.charge(party, now, |meter, allowance| meter.bytes.charge(&allowance.bytes(), bytes as u64, now));
    }

    /// The party first, then everybody: who is refused alone costs the others nothing.
    fn ask(
        &self,
        party: &Party,
        now: Instant,
        mut take: impl FnMut(&mut Meter, &Allowance) -> Result<(), (What, Duration)>,
    ) -> Result<(), Limited> {
        let mut meters = self.meters();
        for of in [party, &Party::all()] {
            let allowance = self.settings.of(of.class);
            let meter = meters.of(of, &self.settings, now);
            if let Err((what, wait)) = take(meter, allowance) {
                let traced = meter.traces.take(&settings::TRACES, now).is_ok();
                if let Some(count) = self.counter(of.class, what) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                return Err(Limited { class: of.class, what, wait, traced });
            }
        }
        Ok(())
    }

    fn charge(&self, party: &Party, now: Instant, take: impl Fn(&mut Meter, &Allowance)) {
        let mut meters = self.meters();
        for of in [party, &Party::all()] {
            take(meters.of(of, &self.settings, now), self.settings.of(of.class));
        }
    }

    fn counter(&self, class: Class, what: What) -> Option<&AtomicU64> {
        let class = Class::ALL.iter().position(|one| *one == class)?;
        let what = What::ALL.iter().position(|one| *one == what)?;
        self.refused.get(class)?.get(what)
    }

    fn meters(&self) -> MutexGuard<'_, Meters> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody has done an hour's worth.
#[derive(Debug)]
pub(crate) struct Limited {
    class: Class,
    what: What,
    wait: Duration,
    /// It should leave a trace: not each of the many that may follow each other.
    pub(crate) traced: bool,
}

impl Limited {
    /// The refusal.
    pub(crate) fn denial(&self) -> Denial {
        texts::denial(self.class, self.what, self.wait)
    }
}

#[cfg(test)]
mod tests;
