//! The outgoing queue for people.

use serde_json::Value;

use super::{lines, say};
use crate::control::protocol::queue::{QueuedView, RemovedView};

pub(super) fn table(entries: &[QueuedView]) {
    if entries.is_empty() {
        return say!("nothing of this kind waits in the queue");
    }
    say!("{:>8}  {:<20}  {:>5}  {:<40}  LAST ATTEMPT", "ENTRY", "DUE", "TRIED", "RECIPIENT");
    for entry in entries {
        let QueuedView { id, due, attempts, recipient, last, .. } = entry;
        let due = format!("{due:.0}");
        let last = one_line(last.as_deref().unwrap_or("-"));
        say!("{id:>8}  {due:<20}  {attempts:>5}  {recipient:<40}  {last}");
    }
    say!("{} waiting; `vaguemestre queue show ENTRY` says more", entries.len());
}

pub(super) fn entry(entry: &QueuedView) {
    let value = serde_json::to_value(entry).unwrap_or(Value::Null);
    for line in lines(&value) {
        say!("{}", one_line(&line));
    }
}

pub(super) fn retried(entries: u64) {
    say!("{entries} to be tried now: see `vaguemestre queue list` in a moment");
}

pub(super) fn removed(entries: &[RemovedView]) {
    for RemovedView { id, message, recipient } in entries {
        say!("{id} to {recipient} is removed; the sender is told nothing; trace {message}");
    }
}

/// What a peer said may hold anything; a table keeps its lines.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
