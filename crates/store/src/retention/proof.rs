//! The proof of retention (S-4.3): nothing that is older than its term exists, nothing younger was erased. It is made by
//! looking at what is there, not at what was done: at keys, at the oldest rows of every sort, at the log of erasures.

use jiff::Timestamp;
use mssante::retention::{MESSAGES, TRACES_MONTHS, Term};
use serde::{Deserialize, Serialize};

use crate::{
    Action, Outcome, Result, Store, StoreError, Trace, TraceId,
    day::Day,
    engine::{Family, View},
    keyring::KeyKind,
    keys, ops,
    reader::Reader,
    records::{self, Counters, ErasureRecord},
    retention::{KeepPlan, Kept, Skipped, today},
    rows::{boxes, sight},
};

/// Faults that one proof tells of.
const FAULTS: usize = 20;

/// What one proof found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionProof {
    /// When it was made.
    #[serde(with = "crate::instant")]
    pub at: Timestamp,
    /// Messages received on that day or before are erased.
    pub erased_through: Day,
    /// Traces of that day or before are erased.
    pub traces_erased_through: Day,
    /// The oldest day of which messages are kept; none if none are.
    pub oldest_kept: Option<Day>,
    /// Messages, one a box, that were erased since the proof before.
    pub messages_erased: u64,
    /// What is wrong: nothing, if retention is kept.
    pub faults: Vec<String>,
}

/// How far retention got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Messages received on that day or before are gone. Day 0: none yet.
    pub erased_through: Day,
    /// Traces of that day or before are gone. Day 0: none yet.
    pub traces_erased_through: Day,
    /// The oldest day of which messages are kept; none if none are.
    pub oldest_kept: Option<Day>,
    /// Whether rows of what is gone are still being removed from boxes.
    pub tidying: bool,
    /// Whether the clock leapt and nothing is erased until it is accepted.
    pub held: bool,
    /// The latest proof, if one was made.
    pub proof: Option<RetentionProof>,
}

impl Reader<'_> {
    /// How far retention got, and the latest proof of it.
    ///
    /// # Errors
    /// As at the type.
    pub fn retention(&self) -> Result<Retention> {
        let counters = sight::counters(self.view())?;
        let proof = self.view().get(Family::Accounts, keys::RETENTION)?;
        Ok(Retention {
            erased_through: counters.erased,
            traces_erased_through: counters.erased_traces,
            oldest_kept: oldest(self, KeyKind::Message),
            tidying: counters.tidied < counters.erased,
            held: counters.held,
            proof: proof.map(|bytes| records::decode(&bytes, "proof of retention")).transpose()?,
        })
    }
}

impl Store {
    /// Makes a proof if one is due: the first of a day, and whenever something was erased. It is kept, traced and logged.
    #[allow(clippy::redundant_closure_for_method_calls, reason = "the method alone is of one lifetime only")]
    pub(super) async fn prove_retention(
        &self,
        plan: &KeepPlan,
        kept: &Kept,
        skipped: Skipped,
    ) -> Result<Option<RetentionProof>> {
        let before =
            self.read(|reader| Ok((sight::counters(reader.view())?.erased_traces, latest(reader)))).await?;
        let now = self.core.clock.now();
        let quiet = kept.erased.is_none() && kept.erased_traces.is_none() && kept.tidied == 0;
        let (traces_erased, before) = before;
        // Damage that is found between two proofs is told of once.
        let told = |proof: &RetentionProof| skipped.is_empty() || !proof.faults.is_empty();
        let known = before.as_ref().is_some_and(|proof| Day::of(proof.at) == Day::of(now) && told(proof));
        if quiet && known {
            return Ok(None);
        }
        self.tidy_journeys(traces_erased).await?;
        let since = before.as_ref().map_or(i64::MIN, |proof| proof.at.as_microsecond());
        let term = plan.traces();
        let proof = self.read(move |reader| examine(reader, now, since, term, skipped)).await?;
        match proof.faults.as_slice() {
            [] => tracing::info!(
                erased_through = %proof.erased_through,
                oldest_kept = proof.oldest_kept.map(tracing::field::display),
                messages = proof.messages_erased,
                "retention is kept: nothing older than its term exists, nothing younger was erased"
            ),
            faults => tracing::error!(?faults, "retention is not kept"),
        }
        let trace = self.seal_trace(trace(&proof)).await?;
        let bytes = records::encode(&proof)?;
        self.submit(move |txn| {
            ops::retention::keep_proof(txn, bytes, trace);
            Ok(())
        })
        .await?;
        Ok(Some(proof))
    }
}

fn trace(proof: &RetentionProof) -> Trace {
    let mut detail = vec![
        ("erased through".to_owned(), proof.erased_through.to_string()),
        ("messages".to_owned(), proof.messages_erased.to_string()),
        ("faults".to_owned(), proof.faults.len().to_string()),
    ];
    detail.extend(proof.oldest_kept.map(|day| ("oldest kept".to_owned(), day.to_string())));
    Trace {
        id: TraceId::new(proof.at),
        at: proof.at,
        action: Action::Retention,
        person: None,
        acting_as: None,
        peer: None,
        outcome: if proof.faults.is_empty() { Outcome::Done } else { Outcome::Refused },
        detail,
    }
}

/// The latest proof; one that does not open is made anew.
fn latest(reader: &Reader<'_>) -> Option<RetentionProof> {
    let bytes = reader.view().get(Family::Accounts, keys::RETENTION).ok()??;
    records::decode(&bytes, "proof of retention").ok()
}

fn oldest(reader: &Reader<'_>, kind: KeyKind) -> Option<Day> {
    reader.core().keyring.days(kind).first().copied()
}

/// Looks at everything that could be older than its term.
fn examine(
    reader: &Reader<'_>,
    now: Timestamp,
    since: i64,
    traces: Term,
    skipped: Skipped,
) -> Result<RetentionProof> {
    let counters = sight::counters(reader.view())?;
    let mut skipped = skipped;
    let mut faults = vec![];
    for (kind, term, erased) in
        [(KeyKind::Message, MESSAGES, counters.erased), (KeyKind::Trace, traces, counters.erased_traces)]
    {
        let last_due = Day::from(term.last_due(today(&counters).date()));
        if let Some(day) = oldest(reader, kind).filter(|day| *day <= erased.max(last_due)) {
            let why = if counters.held { ": the clock leapt and is to be accepted" } else { "" };
            faults.push(format!("the keys of {day} ({kind}) still exist{why}"));
        }
    }
    keys_to_come(reader, &counters, &mut faults);
    rows_too_old(reader, &counters, &mut faults)?;
    boxes_too_old(reader, &counters, &mut faults, &mut skipped)?;
    let messages_erased = check_log(reader, since, &mut faults)?;
    faults.splice(..0, skipped.faults());
    faults.truncate(FAULTS);
    Ok(RetentionProof {
        at: now,
        erased_through: counters.erased,
        traces_erased_through: counters.erased_traces,
        oldest_kept: oldest(reader, KeyKind::Message),
        messages_erased,
        faults,
    })
}

/// Keys of messages of days that have not come, tomorrow apart: what they seal came while the clock was ahead and would
/// be kept for longer than its term. Traces have no longest term (M-10).
fn keys_to_come(reader: &Reader<'_>, counters: &Counters, faults: &mut Vec<String>) {
    let tomorrow = today(counters).next();
    let days = reader.core().keyring.days(KeyKind::Message);
    let ahead = days.into_iter().filter(|day| *day > tomorrow).take(FAULTS);
    faults.extend(ahead.map(|day| {
        format!(
            "the keys of {day} (messages) are of a day that has not come: mail came while the clock was ahead"
        )
    }));
}

/// The first row of each sort that is filed by day.
fn rows_too_old(reader: &Reader<'_>, counters: &Counters, faults: &mut Vec<String>) -> Result<()> {
    for (family, prefix, erased, what) in [
        (Family::Bodies, &b""[..], counters.erased, "a body"),
        (Family::Index, b"r", counters.erased, "a body's record"),
        (Family::Index, b"h", counters.erased, "a header"),
        (Family::Index, b"j", counters.erased, "an index record"),
        (Family::Queue, b"m", counters.erased, "a queued message"),
        (Family::Traces, b"t", counters.erased_traces, "a trace"),
    ] {
        let (from, until) = keys::through_day(prefix, erased);
        reader.view().scan(family, &from, &until, &mut |_, _| {
            faults.push(format!("{what} of {erased} or before is still there"));
            Ok(false)
        })?;
    }
    Ok(())
}

/// What boxes count and what is left of their rows.
fn boxes_too_old(
    reader: &Reader<'_>,
    counters: &Counters,
    faults: &mut Vec<String>,
    skipped: &mut Skipped,
) -> Result<()> {
    let view = reader.view();
    if counters.tidied < counters.erased {
        faults.push("boxes are not tidied yet".to_owned());
    }
    let (from, until) = keys::under(b"z");
    view.scan(Family::Accounts, &from, &until, &mut |_, _| {
        faults.push("a box still has rows of messages that are gone".to_owned());
        Ok(false)
    })?;
    let mut all = vec![];
    let (from, until) = keys::under(b"s");
    view.scan(Family::Accounts, &from, &until, &mut |key, _| {
        all.push(crate::BoxId(keys::last_u64(key).ok_or(StoreError::Corrupt("box key"))?));
        Ok(true)
    })?;
    for id in all {
        let tallies = skipped.of_box(id, boxes::tallies(view, id, counters.erased))?;
        if faults.len() < FAULTS && tallies.is_some_and(|tallies| !tallies.is_empty()) {
            faults.push(format!("box {id} still counts messages of {} or before", counters.erased));
        }
    }
    Ok(())
}

/// Nothing was erased before it was due; how many messages were since the last proof.
fn check_log(reader: &Reader<'_>, since: i64, faults: &mut Vec<String>) -> Result<u64> {
    let mut messages = 0;
    for (kind, term) in [(KeyKind::Message, MESSAGES), (KeyKind::Trace, Term::Months(TRACES_MONTHS))] {
        let (from, until) = keys::under(&keys::erasures(kind));
        reader.view().scan(Family::Accounts, &from, &until, &mut |key, value| {
            let day = keys::last_day(key).ok_or(StoreError::Corrupt("erasure key"))?;
            let line = records::decode::<ErasureRecord>(value, "erasure").ok();
            let Some((line, at)) = line.and_then(|l| Some((l, Timestamp::from_microsecond(l.at).ok()?)))
            else {
                faults.push(format!("the line of {day} ({kind}) in the log of erasures is damaged"));
                return Ok(true);
            };
            if Day::of(at) < line.due || line.due < Day::from(term.due(day.date())) {
                faults.push(format!("{day} ({kind}) was erased on {}, before it was due", Day::of(at)));
            }
            if kind == KeyKind::Message && line.at > since {
                messages += line.messages;
            }
            Ok(true)
        })?;
    }
    Ok(messages)
}
