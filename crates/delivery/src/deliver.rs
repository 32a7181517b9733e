//! From a judged message to one commit: a variant for each class of readers, copies, what is queued for other operators, for hospitals'
//! own servers or for the smart host, traces, fingerprint (I-1, S-3.5).
//!
//! May use: the store. Must never touch: the session; it takes what arrived and gives what the commit answered.

use jiff::{Timestamp, fmt::rfc2822};
use message::{Received, Scanned};
use mssante::Rights;
use smtp::Connection;
use store::{AccountId, Copy, Delivered, Delivery, Durable, SealedBody, Store, TraceId, Variant};

use crate::{
    conversation,
    dkim::DkimSigner,
    envelope::Envelope,
    judge::{Judged, Path},
    outgoing::{self, Departure},
    recipients::{self, Housed, Recipient},
    record::{Copied, Sent},
    repeat::{fingerprint, is_distinct},
    replies::Denial,
    scan::Verdict,
    settings::Settings,
    success::{self, About, Asker},
    variants::{Additions, variant},
};

/// All that is known of a message whose last byte has come.
pub(crate) struct Complete<'a> {
    pub(crate) envelope: &'a Envelope,
    pub(crate) connection: &'a Connection,
    pub(crate) judged: &'a Judged,
    pub(crate) scanned: &'a Scanned,
    /// Digest of the content as it came.
    pub(crate) content: &'a [u8],
    /// What the antivirus says, if there is one.
    pub(crate) antivirus: Option<Verdict>,
    /// Who signs what leaves, if anybody does, and the digest of the canonical body.
    pub(crate) dkim: Option<(&'a DkimSigner, &'a [u8])>,
    /// Whether an octet of it is above 127.
    pub(crate) eight_bit: bool,
    pub(crate) at: Timestamp,
}

/// Keeps the message; gives the proof and the name to tell the client.
pub(crate) async fn deliver(
    message: Complete<'_>,
    body: SealedBody,
    store: &Store,
    settings: &Settings,
) -> Result<(Durable, TraceId), Denial> {
    let Complete { envelope, judged, scanned, at, .. } = message;
    let plan = Plan::of(envelope, judged.path);
    let Plan { copies, leaving, housed } = &plan;
    let queued: Vec<&Recipient> = leaving.iter().copied().chain(housed.iter().map(|one| one.to)).collect();
    let sent = Sent {
        id: envelope.id,
        at,
        actor: &envelope.actor,
        account: &judged.account,
        path: judged.path,
        null_path: envelope.sender.is_none(),
        bytes: scanned.header.len() as u64 + scanned.body_bytes,
        copies,
        leaving: &queued,
        antivirus: message.antivirus,
    };
    let additions = additions(&message, settings);
    let (mut variants, copied) = variants(&message, copies, &additions);
    let mut outgoing = Vec::new();
    for departure in departures(&message, &plan, &additions, store, settings).await? {
        let (variant, leaves) = outgoing::outgoing(&message, departure, variants.len(), settings);
        variants.push(variant);
        outgoing.push(leaves);
    }
    let conversations = conversation::told(judged.account.id, &judged.header, leaving, settings);
    let delivery = Delivery {
        id: envelope.id,
        body,
        variants,
        copies: copied,
        outgoing,
        traces: sent.traces(),
        carried: carried(&message, copies, housed, &additions),
        once: identity(&message),
        conversations,
    };
    let about = About {
        id: envelope.id,
        at,
        header: &scanned.header,
        envid: envelope.envid.as_deref(),
        // what the smart host does with ordinary mail, it tells
        recipients: if judged.path == Path::SmartHost { &[] } else { &envelope.recipients },
    };
    let home = settings.connectors.home(&judged.account.profile);
    let asker = envelope.sender.as_ref().map(|sender| Asker::Account(judged.account.id, sender, &home));
    match success::keep(delivery, &about, asker, store, settings).await? {
        Delivered::New(durable, _) => {
            sent.log(None);
            Ok((durable, envelope.id))
        }
        Delivered::Again(durable, first) => {
            sent.log(Some(first));
            store.trace(envelope.actor.repeat(first, at, envelope.id)).await?;
            Ok((durable, first))
        }
    }
}

/// What leaves, each way by itself.
async fn departures(
    message: &Complete<'_>,
    plan: &Plan<'_>,
    additions: &Additions,
    store: &Store,
    settings: &Settings,
) -> Result<Vec<Departure>, Denial> {
    let mut departures = outgoing::to_servers(message, &plan.housed, additions);
    match message.judged.path {
        _ if plan.leaving.is_empty() => {}
        Path::SmartHost => departures.push(outgoing::to_smart_host(message, &plan.leaving, additions)),
        Path::Secure(_) => {
            departures.push(outgoing::to_peers(message, &plan.leaving, additions, store, settings).await?);
        }
    }
    Ok(departures)
}

/// The same account saying the same bytes to the same people (I-1).
fn identity(message: &Complete<'_>) -> Option<[u8; 32]> {
    let Complete { envelope, judged, content, .. } = message;
    is_distinct(&judged.header).then(|| {
        let people = envelope.recipients.iter().map(|recipient| &recipient.address);
        fingerprint(&judged.account.id.to_string(), envelope.sender.as_ref(), people, content)
    })
}

/// To whom the message goes.
struct Plan<'a> {
    /// Whose boxes get a copy.
    copies: Vec<Copied<'a>>,
    /// Who gets it from other operators, or all of them from the smart host.
    leaving: Vec<&'a Recipient>,
    /// Who gets it from their hospital's own server.
    housed: Vec<Housed<'a>>,
}

impl<'a> Plan<'a> {
    fn of(envelope: &'a Envelope, path: Path) -> Self {
        let to = &envelope.recipients;
        match path {
            Path::Secure(_) => Self {
                copies: recipients::copies(to),
                leaving: recipients::leaving(to),
                housed: recipients::housed(to),
            },
            Path::SmartHost => {
                Self { copies: Vec::new(), leaving: recipients::each(to.iter()), housed: Vec::new() }
            }
        }
    }
}

fn additions(message: &Complete<'_>, settings: &Settings) -> Additions {
    let Complete { envelope, connection, judged, at, .. } = message;
    let id = envelope.id.to_string();
    let recipient = match envelope.recipients.as_slice() {
        [only] => Some(only.address.to_string()),
        _ => None,
    };
    let received = message::received(&Received {
        helo: &connection.helo,
        peer: Some(connection.peer.ip()),
        certificate: None,
        by: &settings.hostname,
        with: &envelope.protocol(connection),
        id: &id,
        recipient: recipient.as_deref(),
        at: *at,
    });
    let zoned = at.to_zoned(jiff::tz::TimeZone::UTC);
    let missing = |field: &str| judged.header.count(field) == 0;
    Additions {
        hostname: settings.hostname.clone(),
        null_path: envelope.sender.is_none(),
        received,
        date: missing("Date").then(|| rfc2822::to_string(&zoned).ok()).flatten(),
        // ours would make answers to ordinary mail look like answers to secure mail (S-3.3)
        message_id: (missing("Message-ID") && judged.path != Path::SmartHost)
            .then(|| format!("<{id}@{}>", settings.hostname)),
    }
}

/// A variant for each class that has a reader, and who gets which.
fn variants(
    message: &Complete<'_>,
    copies: &[(AccountId, Rights, &mssante::Address)],
    additions: &Additions,
) -> (Vec<Variant>, Vec<Copy>) {
    let classes: Vec<Rights> = [Rights::Full, Rights::Internal]
        .into_iter()
        .filter(|class| copies.iter().any(|(_, rights, _)| rights == class))
        .collect();
    let variants = classes.iter().map(|class| {
        let profile = &message.judged.account.profile;
        let header = variant(&message.judged.header, profile, *class, additions);
        let index = message::index(&header, message.scanned);
        Variant { header, index }
    });
    let copied = copies.iter().map(|(account, rights, _)| Copy {
        account: *account,
        variant: classes.iter().position(|class| class == rights).unwrap_or_default(),
    });
    (variants.collect(), copied.collect())
}

/// The Message-ID, for the sender and everyone who gets a copy: their answers are secure (S-3.9). Ordinary mail is not carried.
fn carried(
    message: &Complete<'_>,
    copies: &[Copied<'_>],
    housed: &[Housed<'_>],
    additions: &Additions,
) -> Vec<(AccountId, String)> {
    if message.judged.path == Path::SmartHost {
        return Vec::new();
    }
    let own = || message.judged.header.message_ids("Message-ID").into_iter().next();
    let Some(id) = additions.message_id.clone().or_else(own) else { return Vec::new() };
    let readers = copies.iter().map(|(account, ..)| *account).chain(housed.iter().map(|one| one.account));
    let mut accounts: Vec<AccountId> = std::iter::once(message.judged.account.id).chain(readers).collect();
    accounts.sort_unstable();
    accounts.dedup();
    accounts.into_iter().map(|account| (account, id.clone())).collect()
}
