//! What the keeper reads of a list's file, and how it tells what changed. Values and one file.

use std::{fs::File, io, path::Path};

use jiff::Timestamp;
use mssante::whitelist::ListChanges;

use crate::{
    files::bounded,
    list::MAX_LIST_BYTES,
    revocation::{CrlEvent, CrlNote},
};

/// Most domains that a note names.
const NAMED_DOMAINS: usize = 5;

/// The file of the list, and when it was last written or touched.
pub(super) fn source(file: &Path) -> io::Result<Option<(Vec<u8>, Timestamp)>> {
    let file = File::open(file)?;
    let modified = Timestamp::try_from(file.metadata()?.modified()?).unwrap_or(Timestamp::MIN);
    let most = u64::try_from(MAX_LIST_BYTES).unwrap_or(u64::MAX);
    Ok(bounded(file, most)?.map(|bytes| (bytes, modified)))
}

pub(super) fn is_shrunk(note: &CrlNote) -> bool {
    matches!(note.event, CrlEvent::Shrunk { .. })
}

/// What stays wrong until another list comes; one that shrank is in force all the same.
pub(super) fn is_problem(note: &CrlNote) -> bool {
    note.is_alarm() && !is_shrunk(note)
}

/// What a list changes, for a note: numbers, and the first domains of each kind.
pub(super) fn in_words(changes: &ListChanges) -> String {
    let ListChanges { added, removed, rebound } = changes;
    let rebound: Vec<_> = rebound.iter().map(|changed| &changed.domain).collect();
    let (added, removed): (Vec<_>, Vec<_>) = (added.iter().collect(), removed.iter().collect());
    let mut words = format!(
        "; {} domains added, {} removed, {} with other names",
        added.len(),
        removed.len(),
        rebound.len()
    );
    let named = [("added", added), ("removed", removed), ("with other names", rebound)];
    let named: Vec<_> = named
        .iter()
        .filter(|(_, domains)| !domains.is_empty())
        .map(|(kind, domains)| {
            let first: Vec<_> = domains.iter().take(NAMED_DOMAINS).map(ToString::to_string).collect();
            let more = if domains.len() > first.len() { ", …" } else { "" };
            format!("{kind}: {}{more}", first.join(", "))
        })
        .collect();
    if !named.is_empty() {
        words.push_str(&format!(" ({})", named.join("; ")));
    }
    words
}
