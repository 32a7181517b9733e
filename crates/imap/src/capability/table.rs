//! The table of extensions, one row each: the words, the RFC that says what they promise, and when they are told.
//! Plain data. Must never name what is not built: a client uses each word as soon as it sees it.

use super::Extension;

/// When a word is told (RFC 3501 §6.1.1: what can be done changes with TLS and with login).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) in_clear: bool,
    pub(super) before_login: bool,
    pub(super) after_login: bool,
}

const ALWAYS: Told = Told { in_clear: true, before_login: true, after_login: true };
const BEFORE: Told = Told { in_clear: false, before_login: true, after_login: false };
const AFTER: Told = Told { in_clear: false, before_login: false, after_login: true };

/// One extension.
pub(super) struct Row {
    pub(super) extension: Extension,
    /// What the configuration calls it.
    pub(super) name: &'static str,
    /// Its words in CAPABILITY, between spaces.
    pub(super) words: &'static str,
    pub(super) told: Told,
    /// Those that it cannot be offered without.
    pub(super) rests_on: &'static [Extension],
    /// Whether it does here all that its RFC asks.
    pub(super) built: bool,
}

const fn row(extension: Extension, words: &'static str, told: Told, built: bool) -> Row {
    Row { extension, name: words, words, told, rests_on: &[], built }
}

/// The rows that are offered unless switched off.
pub(super) fn built() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(|row| row.built)
}

/// What IMAP4rev2 takes in of what were extensions (RFC 9051 appendix E).
const PARTS_OF_REV2: &[Extension] = &[
    Extension::SaslIr,
    Extension::LiteralMinus,
    Extension::Enable,
    Extension::Idle,
    Extension::Namespace,
    Extension::Unselect,
    Extension::UidPlus,
    Extension::Move,
    Extension::SpecialUse,
    Extension::ListExtended,
    Extension::ListStatus,
    Extension::StatusSize,
    Extension::ESearch,
    Extension::SearchRes,
    Extension::Binary,
];

/// Every extension, in the order they are told.
pub(super) const TABLE: &[Row] = &[
    // RFC 9051
    Row { rests_on: PARTS_OF_REV2, ..row(Extension::Rev2, "IMAP4rev2", ALWAYS, true) },
    // RFC 4959
    row(Extension::SaslIr, "SASL-IR", BEFORE, true),
    // RFC 7888 §5: before login nothing large comes unasked
    row(Extension::LiteralMinus, "LITERAL-", BEFORE, true),
    // RFC 7888
    row(Extension::LiteralPlus, "LITERAL+", AFTER, true),
    // RFC 2971
    row(Extension::Id, "ID", ALWAYS, true),
    // RFC 5161
    row(Extension::Enable, "ENABLE", AFTER, true),
    // RFC 2177
    row(Extension::Idle, "IDLE", AFTER, true),
    // RFC 2342
    row(Extension::Namespace, "NAMESPACE", AFTER, true),
    // RFC 3348
    row(Extension::Children, "CHILDREN", AFTER, true),
    // RFC 3691
    row(Extension::Unselect, "UNSELECT", AFTER, true),
    // RFC 4315
    row(Extension::UidPlus, "UIDPLUS", AFTER, true),
    // RFC 6851
    row(Extension::Move, "MOVE", AFTER, true),
    // RFC 7162 §3.1
    row(Extension::CondStore, "CONDSTORE", AFTER, true),
    // RFC 7162 §3.2
    Row {
        rests_on: &[Extension::CondStore, Extension::Enable],
        ..row(Extension::QResync, "QRESYNC", AFTER, true)
    },
    // RFC 6154 §2
    row(Extension::SpecialUse, "SPECIAL-USE", AFTER, true),
    // RFC 6154 §3
    Row {
        rests_on: &[Extension::SpecialUse],
        ..row(Extension::CreateSpecialUse, "CREATE-SPECIAL-USE", AFTER, true)
    },
    // RFC 5258
    row(Extension::ListExtended, "LIST-EXTENDED", AFTER, true),
    // RFC 5819
    Row { rests_on: &[Extension::ListExtended], ..row(Extension::ListStatus, "LIST-STATUS", AFTER, true) },
    // RFC 8438
    row(Extension::StatusSize, "STATUS=SIZE", AFTER, true),
    // RFC 4731
    row(Extension::ESearch, "ESEARCH", AFTER, true),
    // RFC 5182
    Row { rests_on: &[Extension::ESearch], ..row(Extension::SearchRes, "SEARCHRES", AFTER, true) },
    // RFC 5032
    row(Extension::Within, "WITHIN", AFTER, true),
    // RFC 3516
    row(Extension::Binary, "BINARY", AFTER, true),
    // RFC 3502
    row(Extension::MultiAppend, "MULTIAPPEND", AFTER, true),
    // RFC 7889: the word carries the largest message
    row(Extension::AppendLimit, "APPENDLIMIT", AFTER, true),
    // RFC 6855
    Row { rests_on: &[Extension::Enable], ..row(Extension::Utf8Accept, "UTF8=ACCEPT", AFTER, true) },
    // RFC 9208
    Row { words: "QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE", ..row(Extension::Quota, "QUOTA", AFTER, true) },
    // RFC 4314 §2, §2.1: who may do what is told, nobody may change it
    Row { words: "ACL RIGHTS=kxte", ..row(Extension::MyRights, "ACL", AFTER, true) },
    // RFC 8514
    row(Extension::SaveDate, "SAVEDATE", AFTER, true),
    // RFC 5255 §4.3
    row(Extension::I18nLevel1, "I18NLEVEL=1", AFTER, true),
];
