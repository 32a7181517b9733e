//! The trust space for people: how it stands, a domain's rows, a list under examination.
//!
//! The standard output only.

use std::time::Duration;

use pki::{DomainView, ListExamination, Outcome, Refreshed, TrustStatus};

use super::say;

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
    for crl in &status.crls {
        let next = crl.next_update.map_or_else(|| "-".to_owned(), |next| format!("{next:.0}"));
        let number = crl.number.as_deref().unwrap_or("-");
        let revoked = crl.revoked.map_or_else(|| "-".to_owned(), |revoked| revoked.to_string());
        say!(
            "revocation list  {:<8} number {number}, {revoked} revoked, next {next}  {}",
            crl.state,
            crl.issuer
        );
    }
    for authority in &status.authorities {
        say!("authority until {:.0}  {}", authority.not_after, authority.name);
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

/// What a refresh changed.
pub(super) fn refreshed(refreshed: &Refreshed) {
    match &refreshed.changes {
        Some(changes) => say!(
            "a new white list is in force: {} domains added, {} removed, {} with other names",
            changes.added.len(),
            changes.removed.len(),
            changes.rebound.len()
        ),
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
