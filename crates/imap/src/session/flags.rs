//! Flags between the wire and the store (RFC 3501 §2.3.2).
//! May use both vocabularies. Must never decide who may set what.

use store::{FlagChange, FlagMode, Flags, ListingRef, StoreError, SystemFlag};

use crate::command::{Flag, StoreMode};

/// A flag list without its parentheses. \Recent is never in it: nobody has it here (see the view).
pub(super) fn write(flags: &Flags, buffer: &mut Vec<u8>) {
    let start = buffer.len();
    let mut add = |word: &str| {
        if buffer.len() > start {
            buffer.push(b' ');
        }
        buffer.extend_from_slice(word.as_bytes());
    };
    SystemFlag::ALL.into_iter().filter(|flag| flags.has(*flag)).for_each(|flag| add(flag.as_str()));
    flags.keywords().for_each(add);
}

/// Whether a message has a flag; keywords have no case.
pub(super) fn has(flags: &Flags, flag: &Flag) -> bool {
    match system(flag) {
        Ok(system) => flags.has(system),
        Err(keyword) => flags.has_keyword(keyword),
    }
}

/// Whether a message that is listed has a flag.
pub(super) fn listed(listing: &ListingRef<'_>, flag: &Flag) -> bool {
    match system(flag) {
        Ok(system) => listing.has(system),
        Err(keyword) => listing.has_keyword(keyword),
    }
}

/// A change for the store, or the limit of keywords that it exceeds.
pub(super) fn change(mode: StoreMode, wanted: &[Flag]) -> Result<FlagChange, StoreError> {
    let mut flags = Flags::new();
    for flag in wanted {
        match system(flag) {
            Ok(system) => flags.set(system, true),
            Err(keyword) => flags.add_keyword(keyword)?,
        }
    }
    let mode = match mode {
        StoreMode::Replace => FlagMode::Replace,
        StoreMode::Add => FlagMode::Add,
        StoreMode::Remove => FlagMode::Remove,
    };
    Ok(FlagChange { mode, flags })
}

fn system(flag: &Flag) -> Result<SystemFlag, &str> {
    Ok(match flag {
        Flag::Answered => SystemFlag::Answered,
        Flag::Deleted => SystemFlag::Deleted,
        Flag::Draft => SystemFlag::Draft,
        Flag::Flagged => SystemFlag::Flagged,
        Flag::Seen => SystemFlag::Seen,
        Flag::Keyword(keyword) => return Err(keyword),
    })
}
