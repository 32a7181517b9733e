//! The report that an attempt causes: one for all the recipients of a message that it tells of, on its way to the sender in the same
//! commit (M-7, RFC 3461 §6). Never about a report; to somebody at another operator only about what was accepted from there for a
//! hospital's own server.
//!
//! May use: `message::report`, the store. Must never touch: SMTP; the body of the message reported on.

use jiff::Timestamp;
use message::report::{Action as Fate, Diagnostic, Outcome as Row, Report, report};
use smtp::client::Stage;
use store::{Action, Delivery, Outcome, Queued, StoreError, Trace, TraceId, Way};

use super::{
    Shared,
    attempt::What,
    settle::{Settled, pair},
    texts::{self, Text},
};
use crate::addressed::{Addressed, Addressee, addressed};

/// A report that is part of a commit.
pub(super) struct Told {
    /// Its own journey.
    pub(super) id: TraceId,
    recipients: usize,
}

impl Told {
    /// The trace of it on the journey of the message that it is about.
    pub(super) fn trace(&self, about: &Queued, at: Timestamp) -> Trace {
        Trace {
            id: about.message,
            at,
            action: Action::Report,
            person: None,
            acting_as: about.sender,
            peer: None,
            outcome: Outcome::Done,
            detail: vec![pair("report", &self.id), pair("recipients", &self.recipients)],
        }
    }
}

/// Writes the report about these entries of one message, if somebody is to be told of any.
pub(super) async fn write(
    shared: &Shared,
    settled: &[Settled],
    now: Timestamp,
) -> Result<Option<(Delivery, Told)>, StoreError> {
    let about: Vec<&Settled> = settled.iter().filter(|settled| settled.verdict.told.is_some()).collect();
    let Some(first) = about.first().map(|settled| &settled.entry) else { return Ok(None) };
    let (sender, Some(to)) = (first.sender, first.reverse_path.clone()) else { return Ok(None) };
    let id = first.id;
    let found = shared.store.read(move |reader| {
        let account = match sender {
            Some(sender) => match reader.account(sender)? {
                Some(account) => Some(account),
                None => return Ok(None),
            },
            // it came from another operator, for a hospital's own server
            None => None,
        };
        let header = match reader.queued_content(id) {
            Err(StoreError::Busy) => return Err(StoreError::Busy),
            // the sender hears of what became of it, damaged or not
            Err(_) => Some(bytes::Bytes::new()),
            Ok(found) => found.map(|(header, _)| header),
        };
        Ok(header.map(|header| (account, header)))
    });
    let Some((account, original)) = found.await? else {
        tracing::warn!(id = %first.message, "the sender of a message is gone: nobody is told what became of it");
        return Ok(None);
    };
    let name = TraceId::new(now);
    let texts: Vec<Text> = about.iter().map(|settled| texts::of(settled)).collect();
    let written = shaped(shared, &about, &texts, &original, name, &to.to_string(), now);
    let home = account.as_ref().map(|account| shared.settings.connectors.home(&account.profile));
    let addressee = match (&account, &home) {
        (Some(account), Some(home)) => Addressee::Account(account.id, home),
        _ => Addressee::Elsewhere(&to),
    };
    let lifetime = shared.settings.report_lifetime;
    let report = addressed(&shared.store, &written, addressee, now, lifetime).await?;
    let Addressed { body, variants, copies, outgoing, carried } = report;
    let received = Trace {
        id: name,
        at: now,
        action: if copies.is_empty() { Action::Queue } else { Action::Receive },
        person: None,
        acting_as: sender,
        peer: None,
        outcome: Outcome::Done,
        detail: vec![pair("to", &to), pair("reverse-path", "<>"), pair("report-on", &first.message)],
    };
    let traces = vec![received];
    let delivery = Delivery { id: name, body, variants, copies, outgoing, traces, carried, once: None };
    Ok(Some((delivery, Told { id: name, recipients: about.len() })))
}

fn shaped(
    shared: &Shared,
    about: &[&Settled],
    texts: &[Text],
    original: &[u8],
    name: TraceId,
    to: &str,
    now: Timestamp,
) -> Vec<u8> {
    let Some(first) = about.first().map(|settled| &settled.entry) else { return Vec::new() };
    let addresses: Vec<String> = about.iter().map(|settled| named(&settled.entry)).collect();
    let rows: Vec<Row<'_>> = about
        .iter()
        .zip(texts)
        .zip(&addresses)
        .map(|((settled, text), address)| row(settled, text, address))
        .collect();
    // a sender of ours hears from its own domain, one elsewhere from ours
    let theirs = to.rsplit_once('@').map_or(shared.settings.hostname.as_str(), |(_, domain)| domain);
    let own = shared.settings.domain.as_ref().filter(|_| first.sender.is_none());
    let domain = own.map_or(theirs, |domain| domain.as_str());
    report(&Report {
        id: &name.to_string(),
        hostname: &shared.settings.hostname,
        from: &format!("postmaster@{domain}"),
        to,
        at: now,
        arrival: first.queued,
        envelope_id: first.envid.as_deref(),
        original,
        recipients: &rows,
    })
}

/// The recipient as its sender knows it: an account at its hospital's own server has another address there.
fn named(entry: &Queued) -> String {
    let original = entry.original.as_deref().and_then(|original| original.split_once(';'));
    match (&entry.way, original) {
        (Way::Connector(_), Some((kind, address))) if kind.eq_ignore_ascii_case("rfc822") => {
            address.to_owned()
        }
        _ => entry.recipient.to_string(),
    }
}

fn row<'a>(settled: &'a Settled, text: &'a Text, address: &'a str) -> Row<'a> {
    let Settled { entry, attempt, verdict } = settled;
    let action = verdict.told.unwrap_or(Fate::Failed);
    let local = matches!(&attempt.what, What::Refused { stage: Stage::Offer, .. });
    let peers = matches!(&attempt.what, What::Relayed { .. } | What::Refused { .. }) && !local;
    let diagnostic =
        if peers { Diagnostic::Smtp(&text.diagnostic) } else { Diagnostic::Local(&text.diagnostic) };
    Row {
        recipient: address,
        original: entry.original.as_deref(),
        action,
        status: &text.status,
        remote: attempt.host.as_deref(),
        diagnostic: Some(diagnostic),
        retry_until: (action == Fate::Delayed).then_some(verdict.until),
        fr: &text.fr,
        en: &text.en,
    }
}
