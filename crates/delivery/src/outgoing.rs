//! What of a message leaves for other operators: its header, and its entries in the queue (S-3.4, S-3.5, I-1).
//!
//! May use: the store, to read who has an address. Must never touch: the network; it gives what the accepting commit
//! queues.

use std::collections::HashMap;

use message::Header;
use mssante::Address;
use store::{BodyKind, Outgoing, OutgoingRecipient, Priority, Reader, Store, StoreError, Variant, Way};

use crate::{
    deliver::Complete,
    envelope,
    recipients::Recipient,
    replies::Denial,
    sender::seen_by,
    settings::Settings,
    variants::{Additions, relayed},
};

/// The MSSanté addresses of local accounts, by the key of the login address under which a header names them.
pub(crate) type Correspondences = HashMap<String, Address>;

/// The header that leaves and who gets it; `variant` is the place that the header will have.
pub(crate) async fn outgoing(
    message: &Complete<'_>,
    recipients: &[&Recipient],
    additions: &Additions,
    variant: usize,
    store: &Store,
    settings: &Settings,
) -> Result<(Variant, Outgoing), Denial> {
    let Complete { envelope, judged, scanned, at, eight_bit, .. } = message;
    let named = named(&judged.header, settings);
    let correspondences = store.read(move |reader| correspondences(reader, named)).await?;
    let profile = &judged.account.profile;
    let header = relayed(&judged.header, profile, &correspondences, additions);
    let reverse_path = envelope.sender.as_ref().map(|_| seen_by(profile, mssante::Rights::Full).clone());
    let ascii = header.is_ascii()
        && recipients.iter().map(|to| &to.address).chain(&reverse_path).all(Address::is_ascii);
    let entry = |to: &&Recipient| OutgoingRecipient {
        address: to.address.clone(),
        notify: to.notify.map(envelope::notify),
        original: to.original.clone(),
    };
    let bytes = header.len() as u64 + scanned.body_bytes;
    let outgoing = Outgoing {
        way: Way::Peers,
        // Nobody is told of what becomes of a message without a reverse-path (RFC 5321 §4.5.5).
        sender: reverse_path.as_ref().map(|_| judged.account.id),
        reverse_path,
        variant,
        smtputf8: envelope.smtputf8 && !ascii,
        body: if *eight_bit { BodyKind::EightBit } else { BodyKind::SevenBit },
        require_tls: false,
        priority: priority(recipients.len(), bytes),
        envid: envelope.envid.clone(),
        ret: envelope.ret,
        expires: at.saturating_add(settings.queue_lifetime).unwrap_or(jiff::Timestamp::MAX),
        recipients: recipients.iter().map(entry).collect(),
    };
    let index = message::index(&header, scanned);
    Ok((Variant { header, index }, outgoing))
}

/// A letter to more people than this, or with more octets, lets others go first.
const BULK_RECIPIENTS: usize = 50;
const BULK_BYTES: u64 = 10 << 20;

/// What a letter waits behind.
fn priority(recipients: usize, bytes: u64) -> Priority {
    if recipients > BULK_RECIPIENTS || bytes > BULK_BYTES { Priority::Bulk } else { Priority::Usual }
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
