//! The outgoing queue for people.

use serde_json::Value;

use super::{lines, say};
use crate::control::protocol::queue::{Change, Changed, LaneView, QueuedView, RemovedView, StatsView};

/// A list that comes in pages, shown page by page: it may be long. As JSON it is one object, as if it had come at once.
pub(crate) struct QueuePages {
    as_json: bool,
    shown: u64,
}

impl QueuePages {
    pub(crate) fn new(as_json: bool) -> Self {
        Self { as_json, shown: 0 }
    }

    pub(crate) fn show(&mut self, entries: &[QueuedView]) {
        for entry in entries {
            if self.as_json {
                let before = if self.shown == 0 { "{\"queue\":{\"entries\":[" } else { "," };
                say!("{before}{}", serde_json::to_string(entry).unwrap_or_default());
            } else {
                if self.shown == 0 {
                    say!("{:>8}  {:<20}  {:>5}  {:<40}  LAST ATTEMPT", "ENTRY", "DUE", "TRIED", "RECIPIENT");
                }
                line(entry);
            }
            self.shown += 1;
        }
    }

    pub(crate) fn end(&self) {
        match (self.as_json, self.shown) {
            (true, 0) => say!("{{\"queue\":{{\"entries\":[],\"next\":null}}}}"),
            (true, _) => say!("],\"next\":null}}}}"),
            (false, 0) => say!("nothing of this kind waits in the queue"),
            (false, count) => say!("{count} waiting; `vaguemestre queue show ENTRY` says more"),
        }
    }
}

fn line(entry: &QueuedView) {
    let QueuedView { id, due, attempts, recipient, last, held, .. } = entry;
    let due = if *held { "held".to_owned() } else { format!("{due:.0}") };
    let last = one_line(last.as_deref().unwrap_or("-"));
    say!("{id:>8}  {due:<20}  {attempts:>5}  {recipient:<40}  {last}");
}

pub(super) fn table(entries: &[QueuedView]) {
    let mut pages = QueuePages::new(false);
    pages.show(entries);
    pages.end();
}

pub(super) fn entry(entry: &QueuedView) {
    let value = serde_json::to_value(entry).unwrap_or(Value::Null);
    for line in lines(&value) {
        say!("{}", one_line(&line));
    }
}

pub(super) fn stats(view: &StatsView) {
    let StatsView { entries, oldest, lanes, most } = view;
    let since = oldest.map(|oldest| format!(", the oldest since {oldest:.0}")).unwrap_or_default();
    say!("{entries} recipients wait for {lanes} next hops{since}");
    if most.is_empty() {
        return;
    }
    say!("{:>8}  {:<20}  {:<20}  {:<40}  LAST ATTEMPT", "ENTRIES", "OLDEST", "HELD SINCE", "NEXT HOP");
    for LaneView { lane, entries, oldest, held, last } in most {
        let time = |at: &Option<jiff::Timestamp>| at.map_or_else(|| "-".to_owned(), |at| format!("{at:.0}"));
        let last = one_line(last.as_deref().unwrap_or("-"));
        say!("{entries:>8}  {:<20}  {:<20}  {lane:<40}  {last}", time(oldest), time(held));
    }
}

pub(super) fn changed(change: Change, changed: &Changed) {
    let Changed { entries, reports, lane, shown } = changed;
    let what = match change {
        Change::Retry => "to be tried now: see `vaguemestre queue list` in a moment",
        Change::Hold => "kept back: nothing is sent until `vaguemestre queue release`",
        Change::Release => "kept back no longer",
        Change::Bounce => "given back",
        Change::Remove => "removed; the senders are told nothing",
    };
    for RemovedView { id, message, recipient } in shown {
        say!("{id} to {recipient}: trace {message}");
    }
    say!("{entries} {what}");
    if *reports > 0 {
        say!("{reports} reports were written to their senders");
    }
    match (lane, change) {
        (true, Change::Hold) => say!("the next hop is held: what comes for it waits as well"),
        (true, _) => say!("the next hop is held no longer"),
        (false, _) => {}
    }
}

/// What a peer said may hold anything; a table keeps its lines.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
