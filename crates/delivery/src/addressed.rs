//! A report of ours on its way: into the box of one of our accounts, to its hospital's own server, or to another operator; always with
//! the null reverse-path, so that nothing is ever reported on it (M-7).
//!
//! May use: the store's body writer. Must never touch: what the report says.

use jiff::{SignedDuration, Timestamp};
use message::{Header, Scanner};
use mssante::Address;
use store::{
    AccountId, BodyKind, BodyReader, Copy, Outgoing, OutgoingRecipient, Priority, SealedBody, Store,
    StoreError, Variant, Way,
};

use crate::connector::Home;

/// Whose report it is.
#[derive(Clone, Copy)]
pub(crate) enum Addressee<'a> {
    /// One of our accounts.
    Account(AccountId, &'a Home),
    /// Somebody at another operator.
    Elsewhere(&'a Address),
}

/// What a report encloses: the body of the original, and what stands after it.
pub(crate) struct Enclosed {
    pub(crate) body: BodyReader,
    pub(crate) after: Vec<u8>,
    /// What that body is made of.
    pub(crate) kind: BodyKind,
}

/// The parts of a delivery that say to whom it goes.
pub(crate) struct Addressed {
    pub(crate) body: SealedBody,
    pub(crate) variants: Vec<Variant>,
    pub(crate) copies: Vec<Copy>,
    pub(crate) outgoing: Vec<Outgoing>,
    /// The report's Message-ID, for the account that gets it: like any message it is kept for three months, once (S-4.3).
    pub(crate) carried: Vec<(AccountId, String)>,
}

/// Addresses a report, as it was written, at this instant; it is tried for `lifetime`. What it encloses follows what is written, chunk by
/// chunk (I-3).
pub(crate) async fn addressed(
    store: &Store,
    written: &[u8],
    enclosed: Option<Enclosed>,
    addressee: Addressee<'_>,
    at: Timestamp,
    lifetime: SignedDuration,
) -> Result<Addressed, StoreError> {
    let mut scanner = Scanner::new(message::scan::Limits::default());
    let too_long = |_| StoreError::Engine("a report has too long a header".into());
    scanner.feed(written).map_err(too_long)?;
    let head = scanner.header().map_or(written.len(), <[u8]>::len);
    let mut body = store.body();
    body.write(written.get(head..).unwrap_or_default()).await?;
    let mut kind = if written.is_ascii() { BodyKind::SevenBit } else { BodyKind::EightBit };
    if let Some(Enclosed { body: original, after, kind: of_original }) = enclosed {
        kind = if of_original == BodyKind::SevenBit { kind } else { of_original };
        let mut at = 0;
        while at < original.len() {
            let source = original.clone();
            let chunk = store.read(move |_| source.chunk(at)).await?;
            at += chunk.len().max(1) as u64;
            scanner.feed(&chunk).map_err(too_long)?;
            body.write(&chunk).await?;
        }
        scanner.feed(&after).map_err(too_long)?;
        body.write(&after).await?;
    }
    let scanned = scanner.finish().map_err(too_long)?;
    let (mut variants, mut copies, mut outgoing) = (Vec::new(), Vec::new(), Vec::new());
    let mut variant = |path: &[u8]| {
        let header = [path, &scanned.header].concat();
        let index = message::index(&header, &scanned);
        variants.push(Variant { header, index });
        variants.len() - 1
    };
    let leaving = |way, to: &Address, variant| Outgoing {
        way,
        reverse_path: None,
        sender: None,
        variant,
        smtputf8: !to.is_ascii(),
        body: kind,
        require_tls: false,
        priority: Priority::Prompt,
        envid: None,
        ret: None,
        expires: at.saturating_add(lifetime).unwrap_or(Timestamp::MAX),
        recipients: vec![OutgoingRecipient { address: to.clone(), notify: None, original: None }],
    };
    let mut carried = Vec::new();
    match addressee {
        Addressee::Account(account, home) => {
            if home.has_box {
                copies.push(Copy { account, variant: variant(b"Return-Path: <>\r\n") });
            }
            if let Some(server) = &home.server {
                let way = Way::Connector(server.connector.to_string());
                outgoing.push(leaving(way, &server.address, variant(b"")));
            }
            let ids = Header::parse(&scanned.header).message_ids("Message-ID");
            carried.extend(ids.into_iter().map(|id| (account, id)));
        }
        Addressee::Elsewhere(to) => outgoing.push(leaving(Way::Peers, to, variant(b""))),
    }
    Ok(Addressed { body: body.finish().await?, variants, copies, outgoing, carried })
}
