//! What of a message leaves, for other operators, hospitals' own servers or the smart host: its header, and its entries in the queue
//! (S-3.3, S-3.4, S-3.5, S-3.10, I-1).
//!
//! May use: the store, to read who has an address. Must never touch: the network; it gives what the accepting commit
//! queues.

use std::collections::HashMap;

use message::Header;
use mssante::{Address, Rights};
use store::{Outgoing, OutgoingRecipient, Priority, Reader, Store, StoreError, Variant, Way};

use crate::{
    deliver::Complete,
    dkim, envelope,
    recipients::{Housed, Recipient},
    replies::Denial,
    sender::seen_by,
    settings::Settings,
    variants::{Additions, handed_on, relayed},
};

/// The MSSanté addresses of local accounts, by the key of the login address under which a header names them.
pub(crate) type Correspondences = HashMap<String, Address>;

/// What leaves one way: the header, and who gets it.
pub(crate) struct Departure {
    way: Way,
    header: Vec<u8>,
    /// As whom the sender appears there.
    reverse_path: Option<Address>,
    recipients: Vec<OutgoingRecipient>,
}

/// What leaves for other operators.
pub(crate) async fn to_peers(
    message: &Complete<'_>,
    recipients: &[&Recipient],
    additions: &Additions,
    store: &Store,
    settings: &Settings,
) -> Result<Departure, Denial> {
    let Complete { judged, .. } = message;
    let named = named(&judged.header, settings);
    let correspondences = store.read(move |reader| correspondences(reader, named)).await?;
    let profile = &judged.account.profile;
    let header = relayed(&judged.header, profile, &correspondences, additions);
    Ok(Departure {
        way: Way::Peers,
        header: signed(header, seen_by(profile, Rights::Full).domain(), message),
        reverse_path: seen_as(message, Rights::Full),
        recipients: recipients.iter().map(|to| entry(to)).collect(),
    })
}

/// What leaves for hospitals' own servers: as their readers' boxes would have it, named by their login addresses (S-3.10).
pub(crate) fn to_servers(
    message: &Complete<'_>,
    housed: &[Housed<'_>],
    additions: &Additions,
) -> Vec<Departure> {
    let Complete { judged, .. } = message;
    let mut departures: Vec<(Rights, Departure)> = Vec::new();
    for one in housed {
        let way = Way::Connector(one.server.connector.to_string());
        let at =
            departures.iter().position(|(rights, departure)| *rights == one.rights && departure.way == way);
        let at = at.unwrap_or_else(|| {
            let header = handed_on(&judged.header, &judged.account.profile, one.rights, additions);
            let reverse_path = seen_as(message, one.rights);
            departures.push((one.rights, Departure { way, header, reverse_path, recipients: Vec::new() }));
            departures.len() - 1
        });
        if let Some((_, departure)) = departures.get_mut(at) {
            departure.recipients.push(housed_entry(one));
        }
    }
    departures.into_iter().map(|(_, departure)| departure).collect()
}

/// Ordinary mail for the smart host (S-3.3), from the sender's ordinary address; local login addresses are such addresses too.
pub(crate) fn to_smart_host(
    message: &Complete<'_>,
    recipients: &[&Recipient],
    additions: &Additions,
) -> Departure {
    let Complete { judged, .. } = message;
    Departure {
        way: Way::SmartHost,
        header: handed_on(&judged.header, &judged.account.profile, Rights::Internal, additions),
        reverse_path: seen_as(message, Rights::Internal),
        recipients: recipients.iter().map(|to| entry(to)).collect(),
    }
}

/// The reverse-path for readers of these rights; none if the client gave the null one.
fn seen_as(message: &Complete<'_>, rights: Rights) -> Option<Address> {
    let profile = &message.judged.account.profile;
    message.envelope.sender.as_ref().map(|_| seen_by(profile, rights).clone())
}

fn entry(to: &Recipient) -> OutgoingRecipient {
    OutgoingRecipient {
        address: to.address.clone(),
        notify: to.notify.map(envelope::notify),
        original: to.original.clone(),
    }
}

/// The entry of a recipient at its hospital's server: what was written is its original address (RFC 3461 §4.2), and what is in the
/// box besides is told as arrived by us.
pub(crate) fn housed_entry(housed: &Housed<'_>) -> OutgoingRecipient {
    let Housed { to, server, .. } = housed;
    let written =
        || (to.address != server.address && to.address.is_ascii()).then(|| format!("rfc822;{}", to.address));
    let notify = to.notify.map(envelope::notify);
    OutgoingRecipient {
        address: server.address.clone(),
        notify: notify.map(|notify| store::Notify { success: notify.success && !to.home.has_box, ..notify }),
        original: to.original.clone().or_else(written),
    }
}

/// The variant and the entries of a departure; `variant` is the place that the variant will have.
pub(crate) fn outgoing(
    message: &Complete<'_>,
    departure: Departure,
    variant: usize,
    settings: &Settings,
) -> (Variant, Outgoing) {
    let Complete { envelope, judged, scanned, at, eight_bit, .. } = message;
    let Departure { way, header, reverse_path, recipients } = departure;
    let ascii = header.is_ascii()
        && recipients.iter().map(|to| &to.address).chain(&reverse_path).all(Address::is_ascii);
    let bytes = header.len() as u64 + scanned.body_bytes;
    // a hospital's own server is where the message ends: RFC 8689 §4.2 is about the hosts before
    let require_tls = envelope.require_tls && !matches!(way, Way::Connector(_));
    let outgoing = Outgoing {
        way,
        // Nobody is told of what becomes of a message without a reverse-path (RFC 5321 §4.5.5).
        sender: reverse_path.as_ref().map(|_| judged.account.id),
        reverse_path,
        variant,
        smtputf8: envelope.smtputf8 && !ascii,
        body: envelope::kind(envelope.binary, *eight_bit),
        require_tls,
        priority: priority(recipients.len(), bytes),
        envid: envelope.envid.clone(),
        ret: envelope.ret,
        expires: at.saturating_add(settings.queue_lifetime).unwrap_or(jiff::Timestamp::MAX),
        recipients,
    };
    let index = message::index(&header, scanned);
    (Variant { header, index }, outgoing)
}

/// A letter to more people than this, or with more octets, lets others go first.
const BULK_RECIPIENTS: usize = 50;
const BULK_BYTES: u64 = 10 << 20;

/// What a letter waits behind.
pub(crate) fn priority(recipients: usize, bytes: u64) -> Priority {
    if recipients > BULK_RECIPIENTS || bytes > BULK_BYTES { Priority::Bulk } else { Priority::Usual }
}

/// The header with a signature in the name of this domain on top, if what leaves is signed (RFC 6376).
fn signed(header: Vec<u8>, domain: &mssante::Domain, message: &Complete<'_>) -> Vec<u8> {
    let Some((signer, body)) = message.dkim else { return header };
    let parsed = Header::parse(&header);
    let Some(value) = signer.sign(&parsed, domain, body, message.at) else {
        tracing::error!(id = %message.envelope.id, "the key of [dkim] fails: a message leaves without its signature");
        return header;
    };
    let mut editor = parsed.edit();
    editor.prepend(dkim::FIELD, &value);
    editor.finish()
}

/// The addresses of To and Cc that a local account could have as its login address: as many as a header can hold.
fn named(header: &Header, settings: &Settings) -> Vec<Address> {
    let mut seen = std::collections::HashSet::new();
    let mailboxes = ["To", "Cc"].into_iter().flat_map(|field| header.addresses(field));
    let addresses = mailboxes.filter_map(|mailbox| Address::parse(&mailbox.address).ok());
    let ordinary = addresses.filter(|address| !settings.domains.contains(address.domain()));
    ordinary.filter(|address| seen.insert(address.key())).collect()
}

fn correspondences(reader: &Reader<'_>, named: Vec<Address>) -> Result<Correspondences, StoreError> {
    let mut found = Correspondences::new();
    for address in named {
        let account = reader.account_by_address(&address)?;
        if let Some(mssante) = account.and_then(|account| account.profile.mssante) {
            found.insert(address.key(), mssante);
        }
    }
    Ok(found)
}
