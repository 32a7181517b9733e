//! What each class may do in an hour, with the defaults. Values only.

use std::time::Duration;

use super::{Class, bucket::Rate};

const HOUR: Duration = Duration::from_secs(3600);

/// Traces of one party's being refused for a limit. 6 an hour: the first one says it, the figures count the rest.
pub(super) const TRACES: Rate = Rate::const_new(6.0, HOUR);

/// What one party may do in an hour; as much may be done at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allowance {
    /// Messages begun.
    pub messages: u64,
    /// Recipients named.
    pub recipients: u64,
    /// Recipients refused: beyond it somebody guesses addresses, or has a very old list of them.
    pub refusals: u64,
    /// Bytes of content.
    pub bytes: u64,
}

impl Allowance {
    pub(super) fn messages(&self) -> Rate {
        Rate::new(self.messages, HOUR)
    }

    pub(super) fn recipients(&self) -> Rate {
        Rate::new(self.recipients, HOUR)
    }

    pub(super) fn refusals(&self) -> Rate {
        Rate::new(self.refusals, HOUR)
    }

    pub(super) fn bytes(&self) -> Rate {
        Rate::new(self.bytes, HOUR)
    }
}

/// What everybody may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitSettings {
    /// A box of people. 20,000 messages, 100,000 recipients, 5,000 refusals, 50 GB: a practice's software logs in as its doctor and
    /// sends a day's letters at once.
    pub person: Allowance,
    /// A box of an organisation or of software. 200,000 messages, 1,000,000 recipients, 50,000 refusals, 500 GB: a laboratory sends
    /// the night's results in the morning.
    pub software: Allowance,
    /// Another operator, or a hospital's own server. 1,000,000 messages, 2,000,000 recipients, 100,000 refusals, 5 TB: the largest one holds two fifths of the trust
    /// space, and empties its queue when we come back.
    pub operator: Allowance,
    /// All of them together. 10,000,000 messages, 20,000,000 recipients, 1,000,000 refusals, 50 TB: more than the disk takes; to be
    /// lowered where several services share a machine.
    pub all: Allowance,
    /// Traces of refused strangers of one site in an hour. 20.
    pub strangers_site: u64,
    /// Traces of refused strangers in an hour. 1,000.
    pub strangers: u64,
}

impl LimitSettings {
    /// What holds for one of this class.
    #[must_use]
    pub fn of(&self, class: Class) -> &Allowance {
        match class {
            Class::Person => &self.person,
            Class::Software => &self.software,
            Class::Operator => &self.operator,
            Class::All => &self.all,
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        const GB: u64 = 1_000_000_000;
        let allowance =
            |messages, recipients, refusals, bytes| Allowance { messages, recipients, refusals, bytes };
        Self {
            person: allowance(20_000, 100_000, 5_000, 50 * GB),
            software: allowance(200_000, 1_000_000, 50_000, 500 * GB),
            operator: allowance(1_000_000, 2_000_000, 100_000, 5_000 * GB),
            all: allowance(10_000_000, 20_000_000, 1_000_000, 50_000 * GB),
            strangers_site: 20,
            strangers: 1_000,
        }
    }
}
