//! The trust space for people: how it stands, a domain's rows, a list under examination.
//!
//! The standard output only.

use std::time::Duration;

use mssante::whitelist::ListChanges;
use pki::{
    CandidateView, CrlView, DomainView, ListExamination, Outcome, Refreshed, SignerView, SourceView,
    TrustStatus,
};

use super::say;
use crate::control::protocol::ImportedView;

/// The most domains of each kind that people are shown; scripts get all.
const SHOWN_DOMAINS: usize = 100;

/// How the trust space stands.
pub(super) fn status(status: &TrustStatus) {
    if !status.configured {
        say!(
            "no trust space: the configuration has no [trust], and nothing is exchanged with other operators"
        );
        return;
    }
    for alarm in &status.alarms {
        say!("ALARM  {alarm}");
    }
    match &status.stopped {
        Some(why) => say!("relaying is stopped: {why}"),
        None => say!("relaying goes on, {} hierarchy", status.environment),
    }
    match &status.list {
        Some(list) => {
            let counts = &list.counts;
            say!(
                "white list of {:.0}: {} rows, {} domains, {} names; confirmed {:.0}, {} ago",
                list.generated,
                counts.rows,
                counts.domains,
                counts.names,
                list.checked,
                age(list.age_seconds)
            );
            say!("  signed by {}, whose certificate ends {:.0}", list.signer, list.signer_until);
            if list.left_out > 0 {
                say!("  {} rows are left out, the first: {}", list.left_out, list.faults.join("; "));
            }
        }
        None => say!("no white list was accepted yet"),
    }
    for signer in &status.signers {
        say!("signer accepted {:.0} by {}: {}", signer.accepted, signer.administrator, signer.name);
    }
    status.crls.iter().for_each(crl_line);
    status.sources.iter().for_each(source);
    for authority in &status.authorities {
        say!("authority until {:.0}  {}", authority.not_after, authority.name);
    }
}

fn crl_line(crl: &CrlView) {
    let next = crl.next_update.map_or_else(|| "-".to_owned(), |next| format!("{next:.0}"));
    let number = crl.number.as_deref().unwrap_or("-");
    let revoked = crl.revoked.map_or_else(|| "-".to_owned(), |revoked| revoked.to_string());
    let old = crl.age_seconds.map_or_else(|| "-".to_owned(), age);
    let part = crl.part.as_ref().map(|part| format!(" ({part})")).unwrap_or_default();
    say!(
        "revocation list  {:<8} number {number}, {revoked} revoked, {old} old, next {next}  {}{part}",
        crl.state,
        crl.issuer
    );
}

fn source(source: &SourceView) {
    let at = |at: Option<jiff::Timestamp>| at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}"));
    say!("fetched {}, next {}: {} from {}", at(source.succeeded), at(source.next), source.what, source.url);
    if let Some(error) = &source.error {
        say!("  failed {} times, last {}: {error}", source.failures, at(source.tried));
    }
}

/// The rows of a domain.
pub(super) fn domain(view: &DomainView) {
    let Some(generated) = view.generated else {
        say!("no white list is in force: see `vaguemestre trust status`");
        return;
    };
    if view.rows.is_empty() {
        say!(
            "{} is not in the white list of {generated:.0}: no mail goes there or comes from there",
            view.domain
        );
        return;
    }
    say!("{}, in the white list of {generated:.0}", view.domain);
    for row in &view.rows {
        say!("  {}", row.dn);
        say!("    updated {:.0}  {}", row.updated, row.description);
        say!("    responsible {}, support {}", row.responsible, row.support);
    }
}

/// What a list changes against the one before.
fn changes(changes: &ListChanges) {
    for (sign, domains) in [("+", &changes.added), ("-", &changes.removed)] {
        for domain in domains.iter().take(SHOWN_DOMAINS) {
            say!("  {sign} {domain}");
        }
        more(domains.len());
    }
    for rebound in changes.rebound.iter().take(SHOWN_DOMAINS) {
        say!("  ~ {}", rebound.domain);
        rebound.gone.iter().for_each(|name| say!("    - {name}"));
        rebound.new.iter().for_each(|name| say!("    + {name}"));
    }
    more(changes.rebound.len());
}

fn more(all: usize) {
    if all > SHOWN_DOMAINS {
        say!("  … and {} more (--json has them all)", all - SHOWN_DOMAINS);
    }
}

/// What accepting a signer would mean.
pub(crate) fn signer(view: &SignerView) {
    say!("{}", view.name);
    if view.accepted {
        say!("is accepted already");
    }
    if view.candidates.is_empty() {
        say!("no list signed under that name waits here");
    }
    view.candidates.iter().for_each(candidate);
}

fn candidate(view: &CandidateView) {
    say!("a list signed under that name waits: {}", view.source);
    say!("  its certificate was issued by {}, until {:.0}", view.signer_issuer, view.signer_until);
    if let Some(why) = &view.refused {
        say!("  it would be refused all the same: {why}");
    }
    if let (Some(generated), Some(counts)) = (view.generated, &view.counts) {
        say!("  of {generated:.0}: {} rows, {} domains, {} names", counts.rows, counts.domains, counts.names);
    }
    match &view.changes {
        Some(changed) if changed.is_empty() => say!("  it changes nothing for anyone"),
        Some(changed) => changes(changed),
        None => {}
    }
}

/// A signer was accepted.
pub(super) fn signer_accepted(now: &Refreshed, trace: &str) {
    say!("accepted; trace {trace}");
    refreshed(now);
}

/// A revocation list was handed over.
pub(super) fn imported(view: &ImportedView) {
    view.notes.iter().for_each(|note| say!("{note}"));
    view.replaced.iter().for_each(|crl| say!("  before: {crl}"));
    view.alarms.iter().for_each(|alarm| say!("ALARM  {alarm}"));
    say!("trace {}", view.trace);
}

/// What a refresh changed.
pub(super) fn refreshed(refreshed: &Refreshed) {
    match &refreshed.changes {
        Some(changed) => {
            say!(
                "a new white list is in force: {} domains added, {} removed, {} with other names",
                changed.added.len(),
                changed.removed.len(),
                changed.rebound.len()
            );
            changes(changed);
        }
        None if refreshed.changed => say!("what is trusted changed"),
        None => say!("nothing changed"),
    }
    for note in &refreshed.notes {
        say!("  {note}");
    }
    for alarm in &refreshed.alarms {
        say!("ALARM  {alarm}");
    }
}

/// Each check of a list.
pub(crate) fn examination(examination: &ListExamination, took: Duration) {
    for step in &examination.steps {
        let (outcome, detail) = match &step.outcome {
            Outcome::Holds(found) => ("ok", found.as_str()),
            Outcome::Fails(why) => ("FAILED", why.as_str()),
            Outcome::NotReached => ("-", "not reached"),
        };
        say!("{outcome:<7} {:<46} {detail}", step.check);
    }
    if let Some(counts) = &examination.counts {
        say!(
            "{} rows, {} domains, {} texts of names, {} names",
            counts.rows,
            counts.domains,
            counts.dn_strings,
            counts.names
        );
    }
    for fault in &examination.faults {
        say!("left out: {fault}");
    }
    say!("examined in {:.1} ms", took.as_secs_f64() * 1000.0);
}

/// A duration in the largest unit that fits.
fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}
