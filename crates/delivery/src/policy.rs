//! The policy of the submission service: what SMTP asks, this room answers (S-1.5, S-1.7, S-3.1 to S-3.9).
//!
//! May use: every module beside it. Must never touch: the wire; it gives replies as values.

use std::sync::Arc;

use identity::{Attempt, AuthError, Authenticator, Principal};
use mssante::route;
use pki::TrustSpace;
use smtp::{Accepted, Connection, Credentials, MailFrom, Policy, Reply};
use store::{Clock, Durable, Store, TraceId};
use tokio::time::Instant;

use crate::{
    arriving::{Arrived, Arriving},
    connector,
    deliver::{self, Complete},
    dkim::DkimSigner,
    envelope::{self, By, Envelope},
    incoming::Incoming,
    judge::{self, Judged},
    limits::{Limited, Party},
    lookup,
    recipients::{self, Recipient},
    record::{self, Actor},
    replies::{self, Denial},
    scan::{Scan, Scanner},
    sender,
    settings::Settings,
};

/// Decides for the submission service, and keeps what it accepts: copies in local boxes and entries in the outgoing
/// queue, at once.
pub struct SubmissionPolicy {
    pub(crate) store: Store,
    authenticator: Arc<Authenticator>,
    trust: TrustSpace,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    antivirus: Option<Arc<Scanner>>,
    dkim: Option<Arc<DkimSigner>>,
}

impl SubmissionPolicy {
    /// A policy over this store; `trust` says what the trust space is at each moment (M-9).
    #[must_use]
    pub fn new(
        store: Store,
        authenticator: Arc<Authenticator>,
        trust: TrustSpace,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, authenticator, trust, settings, clock, antivirus: None, dkim: None }
    }

    /// The same, signing what leaves for other operators (RFC 6376).
    #[must_use]
    pub fn signed_by(self, signer: Arc<DkimSigner>) -> Self {
        Self { dkim: Some(signer), ..self }
    }

    /// The same, showing every message to this scanner before it is kept.
    #[must_use]
    pub fn scanned_by(self, scanner: Arc<Scanner>) -> Self {
        Self { antivirus: Some(scanner), ..self }
    }

    async fn place(&self, to: smtp::Recipient, envelope: &Envelope) -> Result<Recipient, Denial> {
        let smtp::Recipient { path, notify, orcpt: original } = to;
        let address = recipients::parse(&path, &self.settings.domains)
            .map_err(|error| replies::bad_recipient(&path, error))?;
        if !address.is_ascii() && !envelope.smtputf8 {
            return Err(replies::utf8_needed());
        }
        let found = lookup::account(&self.store, &address).await?;
        let account = found.as_ref().map(|found| &found.account);
        let trust = self.trust.current();
        let place = recipients::place(&address, account, trust.list(), &self.settings);
        route::recipient(&envelope.route_sender(), &address, place, &self.settings.route)?;
        judge::relaying(&address, place, &trust, self.clock.now())?;
        let home = account.map(|account| self.settings.connectors.home(&account.profile)).unwrap_or_default();
        if home.has_box {
            lookup::check_room(found.as_ref(), &address)?;
        }
        let account = account.map(|account| account.id);
        Ok(Recipient { account, address, place, home, notify, original })
    }

    async fn take(&self, incoming: &mut Incoming, bytes: &[u8]) -> Result<(), Denial> {
        let Some(body) = incoming.content.scan(bytes)? else { return Ok(()) };
        if incoming.judged.is_none() {
            incoming.judged = Some(self.judged(incoming.content.header(), &incoming.envelope).await?);
        }
        incoming.content.write(body).await
    }

    async fn judged(&self, header: &[u8], envelope: &Envelope) -> Result<Judged, Denial> {
        let trust = self.trust.current();
        judge::judge(header, envelope, (&trust, self.clock.now()), &self.store, &self.settings).await
    }

    async fn keep(&self, incoming: Incoming) -> Result<Accepted<Durable>, (Envelope, Denial)> {
        let Incoming { envelope, connection, content, judged } = incoming;
        let kept = async {
            let Arrived { scanned, digest, eight_bit, body, antivirus, body_digest } =
                content.finish().await?;
            let judged = match judged {
                Some(judged) => judged,
                None => self.judged(&scanned.header, &envelope).await?,
            };
            if scanned.attachments_decoded > self.settings.attachment_bytes {
                return Err(replies::attachments_too_large(self.settings.attachment_bytes));
            }
            let message = Complete {
                envelope: &envelope,
                connection: &connection,
                judged: &judged,
                scanned: &scanned,
                content: digest.as_ref(),
                antivirus,
                dkim: self.dkim.as_deref().zip(body_digest.as_ref().map(AsRef::as_ref)),
                eight_bit,
                at: self.clock.now(),
            };
            deliver::deliver(message, body, &self.store, &self.settings).await
        };
        match kept.await {
            Ok((durable, id)) => Ok(Accepted { durable, id: id.to_string() }),
            Err(denial) => Err((envelope, denial)),
        }
    }

    async fn limited(&self, id: TraceId, actor: &Actor, limited: Limited) -> Reply {
        record::limited(&self.store, self.clock.now(), id, actor, limited).await
    }

    /// Traces and logs a refusal, and gives what the client is told. `recipients` are those that it concerns.
    pub(crate) async fn refuse(
        &self,
        id: TraceId,
        actor: &Actor,
        denial: Denial,
        recipients: &[Recipient],
    ) -> Reply {
        record::refuse(&self.store, self.clock.now(), id, actor, denial, recipients).await
    }
}

impl Policy for SubmissionPolicy {
    type Peer = Principal;
    type Envelope = Envelope;
    type Incoming = Incoming;
    type Durable = Durable;

    async fn authenticate(
        &self,
        connection: &Connection,
        credentials: Credentials,
    ) -> Result<Principal, Reply> {
        let Credentials::Plain { authzid, authcid, password, mechanism } = credentials;
        let attempt = Attempt {
            authcid,
            authzid,
            password,
            peer: connection.peer.ip(),
            service: identity::Service::Submission,
            mechanism: match mechanism {
                smtp::Mechanism::Plain => identity::Mechanism::Plain,
                smtp::Mechanism::Login => identity::Mechanism::Login,
            },
        };
        let denial = match self.authenticator.authenticate(attempt).await {
            Ok(principal) => return Ok(principal),
            Err(AuthError::Denied) => replies::login_denied(),
            Err(AuthError::Throttled { retry_after }) => replies::login_throttled(retry_after),
            Err(AuthError::Unavailable) => replies::login_unavailable(),
        };
        Err(denial.reply())
    }

    async fn mail(
        &self,
        connection: &Connection,
        peer: Option<&Principal>,
        from: MailFrom,
    ) -> Result<Envelope, Reply> {
        let principal = peer.ok_or_else(|| replies::login_first().reply())?;
        let id = TraceId::new(self.clock.now());
        let actor = Actor::new(principal, connection);
        let account = principal.acting_as();
        let party = Party::account(account.id, &account.profile);
        if let Err(limited) = self.settings.limits.message(&party, Instant::now()) {
            return Err(self.limited(id, &actor, limited).await);
        }
        match sender::envelope_sender(account, &from, &self.settings) {
            Ok(sender) => Ok(Envelope {
                id,
                account: Some(Arc::new(principal.acting_as().clone())),
                by: By::Client,
                actor,
                party,
                sender,
                smtputf8: from.smtputf8,
                binary: from.body == smtp::Body::Binary,
                require_tls: from.require_tls,
                ret: from.ret.map(envelope::ret),
                envid: from.envid,
                recipients: Vec::new(),
            }),
            Err(denial) => Err(self.refuse(id, &actor, denial, &[]).await),
        }
    }

    async fn rcpt(&self, _: &Connection, envelope: &mut Envelope, to: smtp::Recipient) -> Result<(), Reply> {
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

    async fn data(&self, connection: &Connection, envelope: Envelope) -> Result<Incoming, Reply> {
        if let Err(error) = self.store.takes_mail() {
            let Envelope { id, actor, recipients, .. } = &envelope;
            return Err(self.refuse(*id, actor, error.into(), recipients).await);
        }
        let (scan, body) = (self.settings.scan.clone(), self.store.body());
        let antivirus = self.antivirus.clone().map(Scan::new);
        let content = Arriving::new(scan, body, antivirus);
        let content = if self.dkim.is_some() { content.with_body_digest() } else { content };
        Ok(Incoming { envelope, connection: connection.clone(), content, judged: None })
    }

    async fn chunk(&self, incoming: &mut Incoming, bytes: &[u8]) -> Result<(), Reply> {
        self.settings.limits.content(&incoming.envelope.party, bytes.len(), Instant::now());
        match self.take(incoming, bytes).await {
            Ok(()) => Ok(()),
            Err(denial) => {
                let Envelope { id, actor, recipients, .. } = &incoming.envelope;
                Err(self.refuse(*id, actor, denial, recipients).await)
            }
        }
    }

    async fn finish(&self, incoming: Incoming) -> Result<Accepted<Durable>, Reply> {
        match self.keep(incoming).await {
            Ok(accepted) => Ok(accepted),
            Err((Envelope { id, actor, recipients, .. }, denial)) => {
                Err(self.refuse(id, &actor, denial, &recipients).await)
            }
        }
    }

    async fn revoked(&self, peer: &Principal) {
        peer.revoked().await;
    }
}
