//! What the server can do beside IMAP4rev1, extension by extension: the words it tells, where they stand, and what a command
//! needs of them (RFC 3501 §6.1.1). Each can be switched off: for all, for an account, for a client that stumbles over it.
//! May use commands and the settings. Must never touch a stream or the store.

mod line;
mod needs;
mod offer;
mod table;

pub use self::offer::Offer;
pub(crate) use self::{
    line::{Moment, line},
    needs::refusal,
};

/// An extension of IMAP4rev1; what each is stands in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the RFCs in the table")]
pub enum Extension {
    Rev2,
    SaslIr,
    LiteralMinus,
    LiteralPlus,
    Id,
    Enable,
    Idle,
    Namespace,
    Children,
    Unselect,
    UidPlus,
    Move,
    CondStore,
    QResync,
    SpecialUse,
    CreateSpecialUse,
    ListExtended,
    ListStatus,
    StatusSize,
    ESearch,
    SearchRes,
    Within,
    Binary,
    MultiAppend,
    AppendLimit,
    Utf8Accept,
    Quota,
    MyRights,
    SaveDate,
    I18nLevel1,
}

impl Extension {
    /// The extension of this name, as the configuration writes it: its first word on the wire, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        table::built().find(|row| row.name.eq_ignore_ascii_case(name)).map(|row| row.extension)
    }

    /// What the configuration calls it.
    pub fn name(self) -> &'static str {
        table::TABLE.iter().find(|row| row.extension == self).map_or("", |row| row.name)
    }

    /// The names of all that can be switched off.
    pub fn names() -> impl Iterator<Item = &'static str> {
        table::built().map(|row| row.name)
    }

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extensions(u32);

impl Extensions {
    /// Everything that is built, and rests on nothing that is not.
    pub fn all() -> Self {
        Self::built().without(Self::NONE)
    }

    fn built() -> Self {
        Self(table::built().fold(0, |bits, row| bits | row.extension.bit()))
    }

    /// None.
    pub const NONE: Self = Self(0);

    /// Adds one.
    #[must_use]
    pub fn with(self, extension: Extension) -> Self {
        Self(self.0 | extension.bit())
    }

    /// Those of both.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// What is left without `others`, and without all that cannot be offered where one of them is missing.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        let mut left = Self(self.0 & !others.0);
        loop {
            let lost = table::built()
                .filter(|row| left.has(row.extension) && !row.rests_on.iter().all(|part| left.has(*part)))
                .fold(0, |bits, row| bits | row.extension.bit());
            if lost == 0 {
                return left;
            }
            left.0 &= !lost;
        }
    }

    /// Whether it is in the set.
    pub fn has(self, extension: Extension) -> bool {
        self.0 & extension.bit() != 0
    }
}

impl FromIterator<Extension> for Extensions {
    fn from_iter<I: IntoIterator<Item = Extension>>(extensions: I) -> Self {
        extensions.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests;
