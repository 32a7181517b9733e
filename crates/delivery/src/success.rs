//! The report that says that a message is in its boxes, for those for whom the sender asked (RFC 3461 §5.2.2, M-7): part of the commit
//! that puts it there, so that it is never told and not done, nor done and not told.
//!
//! May use: `message::report`, the store's body writer. Must never touch: the body of the message reported on.

use jiff::Timestamp;
use message::report::{Action as Fate, Outcome as Row, Report, report};
use mssante::{Address, route::Place};
use store::{AccountId, Action, Delivered, Delivery, Outcome, Store, StoreError, Trace, TraceId};

use crate::{
    addressed::{Addressed, Addressee, addressed},
    connector::Home,
    recipients::Recipient,
    record::pair,
    settings::Settings,
};

const FRENCH: &str = "Le message est dans la boîte ; le destinataire ne l'a pas encore lu pour autant.";
const ENGLISH: &str = "The message is in the box; that does not mean that it was read.";

/// The message that the report is about.
pub(crate) struct About<'a> {
    pub(crate) id: TraceId,
    pub(crate) at: Timestamp,
    /// Its header as it came.
    pub(crate) header: &'a [u8],
    /// ENVID, decoded.
    pub(crate) envid: Option<&'a str>,
    pub(crate) recipients: &'a [Recipient],
}

/// Who asked.
#[derive(Clone, Copy)]
pub(crate) enum Asker<'a> {
    /// One of our accounts, under the address that it gave, and where its mail goes.
    Account(AccountId, &'a Address, &'a Home),
    /// Somebody at another operator.
    Elsewhere(&'a Address),
}

/// Keeps the message, with the report if there is somebody to ask for one and it was asked for.
pub(crate) async fn keep(
    delivery: Delivery,
    about: &About<'_>,
    asker: Option<Asker<'_>>,
    store: &Store,
    settings: &Settings,
) -> Result<Delivered, StoreError> {
    let report = match asker {
        Some(asker) => wanted(about, asker, store, settings).await?,
        None => None,
    };
    match report {
        Some(report) => store.deliver_and_report(delivery, report).await,
        None => store.deliver(delivery).await,
    }
}

/// The report, if somebody asked for one about a recipient here.
async fn wanted(
    about: &About<'_>,
    asker: Asker<'_>,
    store: &Store,
    settings: &Settings,
) -> Result<Option<Delivery>, StoreError> {
    let asked = |to: &&Recipient| {
        matches!(to.place, Place::Local { .. })
            && to.home.has_box
            && to.notify.is_some_and(|notify| notify.success)
    };
    let told: Vec<&Recipient> = about.recipients.iter().filter(asked).collect();
    if told.is_empty() {
        return Ok(None);
    }
    let id = TraceId::new(about.at);
    let (Asker::Account(_, to, _) | Asker::Elsewhere(to)) = asker;
    let written = written(about, &told, to, id, settings);
    let addressee = match asker {
        Asker::Account(account, _, home) => Addressee::Account(account, home),
        Asker::Elsewhere(to) => Addressee::Elsewhere(to),
    };
    let report = addressed(store, &written, None, addressee, about.at, settings.queue_lifetime).await?;
    let Addressed { body, variants, copies, outgoing, carried } = report;
    let traces = traces(about, asker, id, told.len());
    let conversations = Vec::new();
    Ok(Some(Delivery { id, body, variants, copies, outgoing, traces, carried, once: None, conversations }))
}

fn written(
    about: &About<'_>,
    told: &[&Recipient],
    to: &Address,
    id: TraceId,
    settings: &Settings,
) -> Vec<u8> {
    let addresses: Vec<String> = told.iter().map(|recipient| recipient.address.to_string()).collect();
    let row = |(recipient, address)| -> Row<'_> {
        let recipient: &&Recipient = recipient;
        let address: &String = address;
        Row {
            recipient: address,
            original: recipient.original.as_deref(),
            action: Fate::Delivered,
            status: "2.0.0",
            remote: None,
            diagnostic: None,
            retry_until: None,
            fr: FRENCH,
            en: ENGLISH,
        }
    };
    let rows: Vec<Row<'_>> = told.iter().zip(&addresses).map(row).collect();
    let domain = settings.domains.first().map_or(settings.hostname.as_str(), |domain| domain.as_str());
    report(&Report {
        id: &id.to_string(),
        hostname: &settings.hostname,
        from: &format!("postmaster@{domain}"),
        to: &to.to_string(),
        at: about.at,
        arrival: about.at,
        envelope_id: about.envid,
        original: about.header,
        zone: &settings.zone,
        recipients: &rows,
    })
}

/// One trace on the journey of the message, one on the report's own.
fn traces(about: &About<'_>, asker: Asker<'_>, id: TraceId, count: usize) -> Vec<Trace> {
    let (account, action, to) = match asker {
        Asker::Account(account, to, _) => (Some(account), Action::Receive, to),
        Asker::Elsewhere(to) => (None, Action::Queue, to),
    };
    let trace = |id, action, detail| Trace {
        id,
        at: about.at,
        action,
        person: None,
        acting_as: account,
        peer: None,
        outcome: Outcome::Done,
        detail,
    };
    let own = vec![pair("to", to), pair("reverse-path", "<>"), pair("report-on", &about.id)];
    vec![
        trace(about.id, Action::Report, vec![pair("report", &id), pair("recipients", &count)]),
        trace(id, action, own),
    ]
}

#[cfg(test)]
mod tests;
