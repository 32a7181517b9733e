//! What somebody must look at in the trust space, each in a sentence that says what to do. No age stands in them: an alarm that
//! changes each hour would be told each hour. Values in, sentences out.

use jiff::Timestamp;

use super::{AuthorityView, CrlView, ListView, TrustStatus};
use crate::{
    distrust::Distrust,
    server::EXPIRES_SOON_DAYS,
    space::{TrustSettings, keeper::Situation},
};

/// What makes a list young again.
fn confirm(settings: &TrustSettings) -> &'static str {
    if settings.list_url.is_some() {
        "see why it is not fetched (`vaguemestre trust status`), or put the newest in its file"
    } else {
        "put the newest in its file, or touch the file if there is none newer"
    }
}

impl TrustStatus {
    /// What somebody must look at: causes before what follows from them.
    pub(super) fn alarms(&self, situation: &Situation, now: Timestamp) -> Vec<String> {
        let problems = &situation.problems;
        let mend = mend_crl(&situation.settings);
        let mut alarms: Vec<String> = Vec::new();
        alarms.extend(problems.authorities.clone());
        alarms.extend(problems.signers.clone());
        alarms.extend(problems.crls.iter().cloned());
        alarms.extend(problems.offered_crls.values().cloned());
        alarms.extend(self.crls.iter().filter_map(|crl| crl.alarm(&mend)));
        alarms.extend(problems.list.clone());
        alarms.extend(problems.offered.clone());
        alarms.extend(problems.kept.clone());
        alarms.extend(problems.dated.clone());
        if let Some(Err(fault)) = situation.accepted.as_ref().map(|accepted| &accepted.standing) {
            alarms.push(format!("the accepted white list is not in force: {fault}"));
        }
        match self.list.as_ref().filter(|list| list.in_force) {
            Some(list) => alarms.extend(list.alarms(situation, now)),
            None => alarms.push(stop(&Distrust::NoList, situation)),
        }
        alarms.extend(problems.shrunk.iter().map(ToString::to_string));
        alarms.extend(self.authorities.iter().filter_map(|authority| authority.alarm(now)));
        alarms.extend(problems.unkept_list.clone());
        alarms.extend(problems.unkept_crls.clone());
        alarms
    }
}

/// Why relaying is stopped, for those who can mend it; what the peers read tells them to wait.
pub(super) fn stop(distrust: &Distrust, situation: &Situation) -> String {
    let settings = &situation.settings;
    let (confirm, place) = (confirm(settings), settings.list_place());
    match (distrust, situation.accepted.as_ref()) {
        (Distrust::NoList, _) if settings.list_url.is_some() => format!(
            "no white list is in force: nothing is exchanged with other operators until one is; the agency's newest is \
             expected from {place}"
        ),
        (Distrust::NoList, _) => format!(
            "no white list is in force: nothing is exchanged with other operators until one is; the agency's newest belongs \
             in {place}"
        ),
        (Distrust::ListTooOld { .. }, Some(accepted)) => {
            let checked = accepted.record.checked;
            let stops = checked.saturating_add(settings.stop_after).unwrap_or(Timestamp::MAX);
            format!(
                "the white list was last confirmed on {checked}, which is too old to trust: relaying stopped on {stops}; \
                 {confirm}: {place}"
            )
        }
        (other, _) => other.to_string(),
    }
}

impl ListView {
    fn alarms(&self, situation: &Situation, now: Timestamp) -> Vec<String> {
        let settings = &situation.settings;
        let (checked, age) = (self.checked, now.duration_since(self.checked));
        let stops = checked.saturating_add(settings.stop_after).unwrap_or(Timestamp::MAX);
        let mut alarms = Vec::new();
        // no age in these sentences: an alarm that changes each hour would be told each hour
        if now > stops {
            alarms.push(stop(&Distrust::ListTooOld { age }, situation));
        } else if age > settings.alarm_after {
            let (confirm, place) = (confirm(settings), settings.list_place());
            alarms.push(format!(
                "the white list was last confirmed on {checked}: {confirm}: {place}; relaying stops on {stops}"
            ));
        }
        if self.left_out > 0 {
            alarms.push(format!("{} rows of the white list are left out: see its faults", self.left_out));
        }
        alarms
    }
}

/// How a revocation list is renewed here.
fn mend_crl(settings: &TrustSettings) -> String {
    let directory = settings.crls.display();
    if settings.fetches_crls {
        "see why it is not fetched (`vaguemestre trust status`), or import it (`vaguemestre crl import`)"
            .to_owned()
    } else {
        format!("put the newest in {directory} ([trust] crls), or import it (`vaguemestre crl import`)")
    }
}

impl CrlView {
    fn alarm(&self, mend: &str) -> Option<String> {
        let issuer = &self.issuer;
        let due = self.next_update.map(|due| due.to_string()).unwrap_or_default();
        match self.state.as_str() {
            "missing" => Some(format!(
                "there is no revocation list of \"{issuer}\": nothing that it issued is trusted until one is there; \
                 {mend}"
            )),
            "stale" => Some(format!(
                "the revocation list of \"{issuer}\" was to be renewed on {due}: nothing that it issued is trusted until \
                 it is; {mend}"
            )),
            "in-grace" => Some(format!(
                "the revocation list of \"{issuer}\" was to be renewed on {due}: it still serves, but not for \
                 long; {mend}"
            )),
            _ => None,
        }
    }
}

impl AuthorityView {
    fn alarm(&self, now: Timestamp) -> Option<String> {
        let left = self.not_after.duration_since(now).as_hours().div_euclid(24);
        (left < EXPIRES_SOON_DAYS).then(|| {
            format!(
                "the certificate of the authority \"{}\" ends on {}: install its successor",
                self.name, self.not_after
            )
        })
    }
}
