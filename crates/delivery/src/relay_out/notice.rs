//! The report that an attempt causes: one for all the recipients of a message that it tells of, on its way to the sender in the same
//! commit (M-7, RFC 3461 §6). Never about a report; to somebody at another operator only about what was accepted from there for a
//! hospital's own server. The body goes back to an account of ours alone, where it asked for it (RET=FULL) and the message failed.
//!
//! May use: `message::report`, the store. Must never touch: SMTP; what the body says.

use jiff::Timestamp;
use message::report::{Action as Fate, Diagnostic, Outcome as Row, Report, enclosing, report};
use mssante::Address;
use smtp::client::Stage;
use store::{
    Account, Action, BodyReader, Delivery, Outcome, Queued, Ret, Store, StoreError, Trace, TraceId, Way,
};

use super::{
    RelaySettings,
    attempt::What,
    content::held,
    settle::{Settled, pair},
    texts::{self, Text},
};
use crate::addressed::{Addressed, Addressee, Enclosed, addressed};

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
    store: &Store,
    settings: &RelaySettings,
    settled: &[Settled],
    now: Timestamp,
) -> Result<Option<(Delivery, Told)>, StoreError> {
    let about: Vec<&Settled> = settled.iter().filter(|settled| settled.verdict.told.is_some()).collect();
    let Some(first) = about.first().map(|settled| &settled.entry) else { return Ok(None) };
    let (sender, Some(to)) = (first.sender, first.reverse_path.clone()) else { return Ok(None) };
    let id = first.id;
    let found = store.read(move |reader| {
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
            Err(_) => Some((bytes::Bytes::new(), None)),
            Ok(found) => found.map(|(header, body)| (header, Some(body))),
        };
        Ok(header.map(|original| (account, original)))
    });
    let Some((account, (original, body))) = found.await? else {
        tracing::warn!(id = %first.message, "the sender of a message is gone: nobody is told what became of it");
        return Ok(None);
    };
    let name = TraceId::new(now);
    let texts: Vec<Text> = about.iter().map(|settled| texts::of(settled)).collect();
    let whole = body.filter(|body| account.is_some() && goes_back(settings, &about, body));
    let (told, of) = ((&about[..], &texts[..]), (&original[..], whole));
    let report = made((store, settings), told, of, (account.as_ref(), &to), name, now).await?;
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
    let conversations = Vec::new();
    let delivery =
        Delivery { id: name, body, variants, copies, outgoing, traces, carried, once: None, conversations };
    Ok(Some((delivery, Told { id: name, recipients: about.len() })))
}

/// The report, on its way to one of our accounts, or else to somebody at another operator.
async fn made(
    (store, settings): (&Store, &RelaySettings),
    told: (&[&Settled], &[Text]),
    (original, whole): (&[u8], Option<BodyReader>),
    (account, to): (Option<&Account>, &Address),
    name: TraceId,
    now: Timestamp,
) -> Result<Addressed, StoreError> {
    let home = account.map(|account| settings.connectors.home(&account.profile));
    let addressee = match (account, &home) {
        (Some(account), Some(home)) => Addressee::Account(account.id, home),
        _ => Addressee::Elsewhere(to),
    };
    let asked = whole.is_some();
    let shape = |whole| shaped(settings, told, (original, whole), name, &to.to_string(), now);
    let (written, enclosed) = shape(whole);
    match addressed(store, &written, enclosed, addressee, now, settings.report_lifetime).await {
        // a body that cannot be read any more keeps nobody from hearing that it did not arrive
        Err(error) if asked && !matches!(error, StoreError::Busy | StoreError::Full) => {
            let (written, _) = shape(None);
            addressed(store, &written, None, addressee, now, settings.report_lifetime).await
        }
        report => report,
    }
}

/// Whether the whole message is given back: asked for, failed for somebody, and no longer than that may be (RFC 3461 §4.3).
fn goes_back(settings: &RelaySettings, about: &[&Settled], body: &BodyReader) -> bool {
    about.iter().any(|settled| settled.verdict.told == Some(Fate::Failed))
        && about.first().is_some_and(|settled| settled.entry.ret == Some(Ret::Full))
        && body.len() <= settings.returned_body
}

/// The report, and what of the original it encloses.
fn shaped(
    settings: &RelaySettings,
    (about, texts): (&[&Settled], &[Text]),
    (original, whole): (&[u8], Option<BodyReader>),
    name: TraceId,
    to: &str,
    now: Timestamp,
) -> (Vec<u8>, Option<Enclosed>) {
    let Some(first) = about.first().map(|settled| &settled.entry) else { return (Vec::new(), None) };
    let addresses: Vec<String> = about.iter().map(|settled| named(&settled.entry)).collect();
    let rows: Vec<Row<'_>> = about
        .iter()
        .zip(texts)
        .zip(&addresses)
        .map(|((settled, text), address)| row(settled, text, address))
        .collect();
    // a sender of ours hears from its own domain, one elsewhere from ours
    let theirs = to.rsplit_once('@').map_or(settings.hostname.as_str(), |(_, domain)| domain);
    let own = settings.domain.as_ref().filter(|_| first.sender.is_none());
    let domain = own.map_or(theirs, |domain| domain.as_str());
    let told = Report {
        id: &name.to_string(),
        hostname: &settings.hostname,
        from: &format!("postmaster@{domain}"),
        to,
        at: now,
        arrival: first.queued,
        envelope_id: first.envid.as_deref(),
        original,
        zone: &settings.zone,
        recipients: &rows,
    };
    let Some(body) = whole else { return (report(&told), None) };
    let (before, after) = enclosing(&told, held(first.body));
    (before, Some(Enclosed { body, after, kind: first.body }))
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
