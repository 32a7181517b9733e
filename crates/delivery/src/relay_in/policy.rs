//! The policy of the relay service: what SMTP asks about another operator's mail, this room answers (M-2, M-12).
//!
//! May use: every module beside it. Must never touch: the wire; it gives replies as values.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use message::Header;
use mssante::Address;
use pki::TrustSpace;
use smtp::{Accepted, Connection, Credentials, MailFrom, Policy, Reply};
use store::{Clock, Durable, Store, TraceId};
use tokio::time::Instant;

use super::{
    RelayPeer, header,
    keep::{self, Complete},
    recipients as relayed,
};
use crate::{
    arriving::{Arrived, Arriving},
    connector, conversation, envelope,
    limits::{Limited, Party},
    lookup,
    recipients::{self, Recipient},
    record::{self, Actor},
    replies::{self, Denial},
    scan::{Scan, Scanner},
    settings::Settings,
};

/// How often an open session asks whether its peer is still trusted: rights that end, end sessions within 5 seconds (S-1.5).
const RECHECK: Duration = Duration::from_secs(2);

/// Decides for the relay service, and delivers what it accepts to local boxes.
pub struct RelayPolicy {
    store: Store,
    trust: TrustSpace,
    settings: Settings,
    clock: Arc<dyn Clock>,
    antivirus: Option<Arc<Scanner>>,
}

/// A transaction that a peer's MAIL opened.
pub struct RelayEnvelope {
    /// Names the transaction in traces and logs, and the message once it is kept.
    pub(super) id: TraceId,
    pub(super) peer: RelayPeer,
    pub(super) actor: Actor,
    /// Whose allowance it is counted on (I-9).
    party: Party,
    /// None for the null reverse-path.
    pub(super) reverse_path: Option<Address>,
    pub(super) smtputf8: bool,
    /// Whether MAIL said that the content is no text of lines (RFC 3030 §3).
    pub(super) binary: bool,
    /// How much of the message a report should carry (RFC 3461 §4.3).
    pub(super) ret: Option<store::Ret>,
    /// The sender's own name for the transaction (RFC 3461 §4.4).
    pub(super) envid: Option<String>,
    pub(super) recipients: Vec<Recipient>,
}

/// A message whose content is arriving.
pub struct RelayIncoming {
    envelope: RelayEnvelope,
    connection: Connection,
    content: Arriving,
    /// The header, once it was complete and accepted.
    header: Option<Header>,
}

impl RelayPolicy {
    /// A policy over this store, with what is trusted there.
    #[must_use]
    pub fn new(store: Store, trust: TrustSpace, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { store, trust, settings, clock, antivirus: None }
    }

    /// The same, showing every message to this scanner before it is kept.
    #[must_use]
    pub fn scanned_by(self, scanner: Arc<Scanner>) -> Self {
        Self { antivirus: Some(scanner), ..self }
    }

    /// Who may write as `from`, and what MAIL says besides.
    fn sender(&self, peer: &RelayPeer, from: &MailFrom) -> Result<Option<Address>, Denial> {
        let now = self.clock.now();
        peer.still(&self.trust, now)?;
        if from.size.is_some_and(|size| size > self.settings.message_bytes) {
            return Err(replies::too_large(self.settings.message_bytes));
        }
        let Some(path) = from.path.as_deref() else { return Ok(None) };
        let address = Address::parse(path).map_err(|error| replies::bad_sender(path, error))?;
        if !address.is_ascii() && !from.smtputf8 {
            return Err(replies::utf8_needed());
        }
        self.speaks(peer, Some(&address), now)?;
        Ok(Some(address))
    }

    /// Whether the peer is trusted at this moment, for its reverse-path if it gave one.
    fn speaks(&self, peer: &RelayPeer, path: Option<&Address>, now: Timestamp) -> Result<(), Denial> {
        peer.still(&self.trust, now)?;
        path.map_or(Ok(()), |path| {
            peer.speaks_as(path, &self.trust, now).map_err(|denial| denial.within("MAIL FROM", path))
        })
    }

    async fn place(&self, to: smtp::Recipient, envelope: &RelayEnvelope) -> Result<Recipient, Denial> {
        let domains = &self.settings.domains;
        let smtp::Recipient { path, notify, orcpt: original } = to;
        let address =
            recipients::parse(&path, domains).map_err(|error| replies::bad_recipient(&path, error))?;
        if !address.is_ascii() && !envelope.smtputf8 {
            return Err(replies::utf8_needed());
        }
        let found = lookup::account(&self.store, &address).await?;
        let account = found.as_ref().map(|found| &found.account);
        let place = relayed::place(&address, account, domains)?;
        let home = account.map(|account| self.settings.connectors.home(&account.profile)).unwrap_or_default();
        let account = account.map(|account| account.id);
        conversation::check_open(envelope.reverse_path.as_ref(), account, &self.store, &self.settings)
            .await?;
        if home.has_box {
            lookup::check_room(found.as_ref(), &address)?;
        }
        Ok(Recipient { account, address, place, home, notify, original })
    }

    async fn take(&self, incoming: &mut RelayIncoming, bytes: &[u8]) -> Result<(), Denial> {
        let Some(body) = incoming.content.scan(bytes)? else { return Ok(()) };
        if incoming.header.is_none() {
            incoming.header = Some(self.judge(incoming.content.header(), &incoming.envelope)?);
        }
        incoming.content.write(body).await
    }

    fn judge(&self, raw: &[u8], envelope: &RelayEnvelope) -> Result<Header, Denial> {
        let header = Header::parse(raw);
        self.check(&header, envelope)?;
        Ok(header)
    }

    /// Whether this may come in by the trust that is in force at this moment.
    fn check(&self, header: &Header, envelope: &RelayEnvelope) -> Result<(), Denial> {
        let RelayEnvelope { peer, reverse_path, .. } = envelope;
        let now = self.clock.now();
        self.speaks(peer, reverse_path.as_ref(), now)?;
        header::check(header, peer, reverse_path.is_none(), &self.trust, &self.settings, now)
    }

    async fn keep(&self, incoming: RelayIncoming) -> Result<Accepted<Durable>, (RelayEnvelope, Denial)> {
        let RelayIncoming { envelope, connection, content, header } = incoming;
        let kept = async {
            let Arrived { scanned, digest, eight_bit, body, antivirus, .. } = content.finish().await?;
            let header = match header {
                Some(header) => {
                    // a body may take an hour to come, and what the list or an authority takes back counts at once
                    self.check(&header, &envelope)?;
                    header
                }
                None => self.judge(&scanned.header, &envelope)?,
            };
            if scanned.attachments_decoded > self.settings.attachment_bytes {
                return Err(replies::attachments_too_large(self.settings.attachment_bytes));
            }
            let message = Complete {
                envelope: &envelope,
                connection: &connection,
                header: &header,
                scanned: &scanned,
                content: digest.as_ref(),
                antivirus,
                eight_bit,
                at: self.clock.now(),
            };
            keep::keep(message, body, &self.store, &self.settings).await
        };
        match kept.await {
            Ok((durable, id)) => Ok(Accepted { durable, id: id.to_string() }),
            Err(denial) => Err((envelope, denial)),
        }
    }

    async fn limited(&self, id: TraceId, actor: &Actor, limited: Limited) -> Reply {
        record::limited(&self.store, self.clock.now(), id, actor, limited).await
    }

    async fn refuse(&self, id: TraceId, actor: &Actor, denial: Denial, recipients: &[Recipient]) -> Reply {
        record::refuse(&self.store, self.clock.now(), id, actor, denial, recipients).await
    }
}

impl Policy for RelayPolicy {
    type Peer = RelayPeer;
    type Envelope = RelayEnvelope;
    type Incoming = RelayIncoming;
    type Durable = Durable;

    async fn authenticate(&self, _: &Connection, _: Credentials) -> Result<RelayPeer, Reply> {
        Err(replies::login_denied().reply())
    }

    async fn known_by_certificate(&self, connection: &Connection) -> Result<RelayPeer, Reply> {
        let now = self.clock.now();
        let judged = RelayPeer::judge(connection, &self.trust.current(), now);
        match judged {
            Ok(peer) => Ok(peer),
            Err(refused) => {
                let (denial, name) = *refused;
                let actor = Actor::operator(name.as_ref(), connection);
                let strangers = &self.settings.limits.strangers;
                Err(record::stranger(&self.store, now, &actor, denial, strangers).await)
            }
        }
    }

    async fn mail(
        &self,
        connection: &Connection,
        peer: Option<&RelayPeer>,
        from: MailFrom,
    ) -> Result<RelayEnvelope, Reply> {
        let peer = peer.ok_or_else(|| replies::login_first().reply())?;
        let id = TraceId::new(self.clock.now());
        let actor = Actor::operator(Some(peer.name()), connection);
        let party = Party::operator(peer.name());
        if let Err(limited) = self.settings.limits.message(&party, Instant::now()) {
            return Err(self.limited(id, &actor, limited).await);
        }
        match self.sender(peer, &from) {
            Ok(reverse_path) => {
                let MailFrom { smtputf8, ret, envid, body, .. } = from;
                let binary = body == smtp::Body::Binary;
                let (peer, recipients, ret) = (peer.clone(), Vec::new(), ret.map(envelope::ret));
                Ok(RelayEnvelope {
                    id,
                    peer,
                    actor,
                    party,
                    reverse_path,
                    smtputf8,
                    binary,
                    ret,
                    envid,
                    recipients,
                })
            }
            Err(denial) => Err(self.refuse(id, &actor, denial, &[]).await),
        }
    }

    async fn rcpt(
        &self,
        _: &Connection,
        envelope: &mut RelayEnvelope,
        to: smtp::Recipient,
    ) -> Result<(), Reply> {
        let limits = &self.settings.limits;
        if let Err(limited) = limits.recipient(&envelope.party, Instant::now()) {
            return Err(self.limited(envelope.id, &envelope.actor, limited).await);
        }
        match self.place(to, envelope).await {
            Ok(recipient) => {
                let address = recipient.address.clone();
                envelope.recipients.push(recipient);
                if recipients::ways_suffice(&envelope.recipients) {
                    return Ok(());
                }
                envelope.recipients.pop();
                let denial = connector::replies::too_many_servers(&address);
                Err(self.refuse(envelope.id, &envelope.actor, denial, &[]).await)
            }
            Err(denial) => {
                limits.recipient_refused(&envelope.party, Instant::now());
                Err(self.refuse(envelope.id, &envelope.actor, denial, &[]).await)
            }
        }
    }

    async fn data(&self, connection: &Connection, envelope: RelayEnvelope) -> Result<RelayIncoming, Reply> {
        if let Err(error) = self.store.takes_mail() {
            let RelayEnvelope { id, actor, recipients, .. } = &envelope;
            return Err(self.refuse(*id, actor, error.into(), recipients).await);
        }
        let antivirus = self.antivirus.clone().map(Scan::new);
        let content = Arriving::new(self.settings.scan.clone(), self.store.body(), antivirus);
        Ok(RelayIncoming { envelope, connection: connection.clone(), content, header: None })
    }

    async fn chunk(&self, incoming: &mut RelayIncoming, bytes: &[u8]) -> Result<(), Reply> {
        self.settings.limits.content(&incoming.envelope.party, bytes.len(), Instant::now());
        match self.take(incoming, bytes).await {
            Ok(()) => Ok(()),
            Err(denial) => {
                let RelayEnvelope { id, actor, recipients, .. } = &incoming.envelope;
                Err(self.refuse(*id, actor, denial, recipients).await)
            }
        }
    }

    async fn finish(&self, incoming: RelayIncoming) -> Result<Accepted<Durable>, Reply> {
        match self.keep(incoming).await {
            Ok(accepted) => Ok(accepted),
            Err((RelayEnvelope { id, actor, recipients, .. }, denial)) => {
                Err(self.refuse(id, &actor, denial, &recipients).await)
            }
        }
    }

    async fn revoked(&self, peer: &RelayPeer) {
        while peer.still(&self.trust, self.clock.now()).is_ok() {
            tokio::time::sleep(RECHECK).await;
        }
    }
}
