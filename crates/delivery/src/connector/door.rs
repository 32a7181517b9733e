//! The policy of a connector's listeners: who is at the door, and for whom it speaks at MAIL. What follows is submission's.
//!
//! May use: the store's word on passwords, `pki`'s on certificates, [`SubmissionPolicy`]. Must never touch: the content.

use std::{future::pending, sync::Arc, time::Duration};

use jiff::Timestamp;
use mssante::Address;
use pki::ConnectorPeer;
use smtp::{Accepted, Connection, Credentials, MailFrom, Policy, Reply};
use store::{Account, Action, Durable, Outcome, StoreError, Trace, TraceId};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Connector, Visitor, replies};
use crate::{
    envelope::{self, By, Envelope},
    incoming::Incoming,
    limits::Party,
    lookup,
    policy::SubmissionPolicy,
    record::{self, Actor, pair},
    replies::{self as common, Denial},
    sender,
};

/// How often an open session asks whether its password still holds: rights that end, end sessions within 5 seconds (S-1.5).
const RECHECK: Duration = Duration::from_secs(2);

/// A wrong password is answered no sooner, whatever is wrong with it (M-5).
const DENIAL_FLOOR: Duration = Duration::from_millis(500);

/// Decides for the listeners of one connector, and keeps what it hands over.
pub struct ConnectorPolicy {
    desk: Arc<SubmissionPolicy>,
    connector: Arc<Connector>,
    /// Who came to a socket of this machine.
    visitor: Option<Visitor>,
}

/// How a connector made itself known.
#[derive(Debug, Clone)]
pub enum ConnectorClient {
    /// By its certificate.
    Certificate(ConnectorPeer),
    /// By the password that was made then.
    Password(Timestamp),
    /// As a user of this machine.
    Local(Visitor),
}

impl ConnectorPolicy {
    /// A policy for `connector`, whose mail is treated at `desk`.
    #[must_use]
    pub fn new(desk: Arc<SubmissionPolicy>, connector: Arc<Connector>) -> Self {
        Self { desk, connector, visitor: None }
    }

    /// The policy for one who came to a socket of this machine.
    #[must_use]
    pub fn visited_by(&self, visitor: Visitor) -> Self {
        let (desk, connector) = (Arc::clone(&self.desk), Arc::clone(&self.connector));
        Self { desk, connector, visitor: Some(visitor) }
    }

    /// Whether that is the connector and its password.
    async fn verified(&self, name: &str, password: &[u8]) -> Result<ConnectorClient, Denial> {
        if !self.connector.login || name != &*self.connector.name {
            return Err(replies::login_denied());
        }
        let (name, secret) = (Arc::clone(&self.connector.name), zeroize::Zeroizing::new(password.to_vec()));
        let found = self.desk.store.read(move |reader| reader.verify_connector(&name, &secret)).await;
        match found {
            Ok(Some(made)) => Ok(ConnectorClient::Password(made)),
            Ok(None) => Err(replies::login_denied()),
            Err(error) => {
                tracing::error!(%error, "the login of a connector cannot be judged");
                Err(common::login_unavailable())
            }
        }
    }

    /// Who the client is without a login.
    fn known(&self, connection: &Connection) -> Result<ConnectorClient, Denial> {
        match (self.visitor, &connection.tls) {
            (Some(visitor), _) if self.connector.admits(visitor) => Ok(ConnectorClient::Local(visitor)),
            (Some(_), _) if !self.connector.login => Err(replies::not_admitted()),
            (None, Some(tls)) if !(tls.certificates.is_empty() && self.connector.login) => {
                let judged = self.connector.pins.peer(&tls.certificates);
                judged.map(ConnectorClient::Certificate).map_err(|fault| replies::not_pinned(&fault))
            }
            (visitor, tls) => Err(replies::login_first(visitor.is_none() && tls.is_some())),
        }
    }

    /// The account that MAIL names, and the reverse-path; neither for the null one.
    async fn sender(&self, from: &MailFrom) -> Result<(Option<Account>, Option<Address>), Denial> {
        sender::check_size(from, &self.desk.settings)?;
        let Some(path) = from.path.as_deref() else { return Ok((None, None)) };
        let address = Address::parse(path).map_err(|error| common::bad_sender(path, error))?;
        let found = lookup::account(&self.desk.store, &address).await?.map(|found| found.account);
        let account = found
            .filter(|account| self.connector.serves(&account.profile))
            .ok_or_else(|| replies::not_spoken_for("MAIL FROM", &address, &self.connector.name))?;
        let path = sender::envelope_sender(&account, from, &self.desk.settings)?;
        Ok((Some(account), path))
    }

    fn actor(&self, account: Option<&Account>, connection: &Connection) -> Actor {
        Actor::connector(&self.connector.name, account.map(|account| account.id), connection)
    }

    /// Who is not known is refused, and traced as far as strangers are.
    async fn turn_away(&self, connection: &Connection, denial: Denial) -> Reply {
        let actor = self.actor(None, connection);
        let strangers = &self.desk.settings.limits.strangers;
        record::stranger(&self.desk.store, self.desk.clock.now(), &actor, denial, strangers).await
    }

    /// Each way in is traced.
    async fn note(&self, connection: &Connection, how: &str) -> Result<(), StoreError> {
        let at = self.desk.clock.now();
        let detail = vec![pair("service", "connector"), pair("mechanism", how)];
        let trace = self.actor(None, connection).trace(TraceId::new(at), at, Action::Login, detail);
        self.desk.store.trace(Trace { outcome: Outcome::Done, ..trace }).await
    }
}

impl Policy for ConnectorPolicy {
    type Peer = ConnectorClient;
    type Envelope = Envelope;
    type Incoming = Incoming;
    type Durable = Durable;

    async fn authenticate(
        &self,
        connection: &Connection,
        credentials: Credentials,
    ) -> Result<ConnectorClient, Reply> {
        let said_from = Instant::now() + DENIAL_FLOOR;
        let Credentials::Plain { authcid, password, .. } = credentials;
        let verified = self.verified(&authcid, &password).await;
        match verified {
            Ok(client) => match self.note(connection, "password").await {
                Ok(()) => Ok(client),
                Err(error) => {
                    tracing::error!(%error, "a login of a connector cannot be traced and is not granted");
                    Err(common::login_unavailable().reply())
                }
            },
            Err(denial) => {
                let reply = self.turn_away(connection, denial).await;
                sleep_until(said_from).await;
                Err(reply)
            }
        }
    }

    async fn known_by_certificate(&self, connection: &Connection) -> Result<ConnectorClient, Reply> {
        let denial = match self.known(connection) {
            Ok(client) => {
                let how = match client {
                    ConnectorClient::Local(_) => "socket",
                    _ => "certificate",
                };
                return match self.note(connection, how).await {
                    Ok(()) => Ok(client),
                    Err(error) => Err(Denial::from(error).reply()),
                };
            }
            Err(mut denial) => {
                let chain =
                    connection.tls.as_ref().map(|tls| tls.certificates.as_slice()).unwrap_or_default();
                denial.facts.extend(pki::presented(chain));
                denial
            }
        };
        Err(self.turn_away(connection, denial).await)
    }

    async fn mail(
        &self,
        connection: &Connection,
        peer: Option<&ConnectorClient>,
        from: MailFrom,
    ) -> Result<Envelope, Reply> {
        let client = peer.ok_or_else(|| common::login_first().reply())?;
        let id = TraceId::new(self.desk.clock.now());
        let party = Party::connector(&self.connector.name);
        if let Err(limited) = self.desk.settings.limits.message(&party, Instant::now()) {
            let actor = self.actor(None, connection);
            return Err(record::limited(&self.desk.store, self.desk.clock.now(), id, &actor, limited).await);
        }
        let (account, sender) = match self.sender(&from).await {
            Ok(found) => found,
            Err(denial) => {
                return Err(self.desk.refuse(id, &self.actor(None, connection), denial, &[]).await);
            }
        };
        let logged_in = matches!(client, ConnectorClient::Password(_));
        Ok(Envelope {
            id,
            actor: self.actor(account.as_ref(), connection),
            account: account.map(Arc::new),
            by: By::Connector { connector: Arc::clone(&self.connector), logged_in },
            party,
            sender,
            smtputf8: from.smtputf8,
            binary: from.body == smtp::Body::Binary,
            require_tls: from.require_tls,
            ret: from.ret.map(envelope::ret),
            envid: from.envid,
            recipients: Vec::new(),
        })
    }

    async fn rcpt(
        &self,
        connection: &Connection,
        envelope: &mut Envelope,
        to: smtp::Recipient,
    ) -> Result<(), Reply> {
        self.desk.rcpt(connection, envelope, to).await
    }

    async fn data(&self, connection: &Connection, envelope: Envelope) -> Result<Incoming, Reply> {
        self.desk.data(connection, envelope).await
    }

    async fn chunk(&self, incoming: &mut Incoming, bytes: &[u8]) -> Result<(), Reply> {
        self.desk.chunk(incoming, bytes).await
    }

    async fn finish(&self, incoming: Incoming) -> Result<Accepted<Durable>, Reply> {
        self.desk.finish(incoming).await
    }

    /// A password ends when it is taken back or replaced; what the configuration says holds while the daemon runs.
    async fn revoked(&self, peer: &ConnectorClient) {
        let ConnectorClient::Password(made) = *peer else { return pending().await };
        loop {
            sleep(RECHECK).await;
            let name = Arc::clone(&self.connector.name);
            match self.desk.store.read(move |reader| reader.connector_password(&name)).await {
                Ok(Some(known)) if known == made => {}
                Err(StoreError::Busy) => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::error!(%error, "the password of a connector cannot be read: its session ends");
                    return;
                }
            }
        }
    }
}
