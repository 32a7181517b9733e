//! A policy in memory for the tests: what it says depends on a few words in what it is given.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::{
    cell::Cell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use smtp::{
    Accepted, Connection, Credentials, MailFrom, Policy, Recipient, Reply, Service, TlsInfo, machine::Step,
};
use tokio::sync::Notify;

/// Remembers what it accepted.
#[derive(Default)]
pub struct Toy {
    /// Messages that got a 250.
    pub kept: Mutex<Vec<Message>>,
    /// The size of each piece of content.
    pub chunks: Mutex<Vec<usize>>,
    /// Whoever logged in loses the right to when this is notified.
    pub revocation: Arc<Notify>,
    /// `finish` waits for this when the content says WAIT.
    pub commit: Arc<Notify>,
    /// How often it was asked about the certificate `early`.
    pub asked: AtomicU32,
}

/// A message on its way or kept.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub from: MailFromText,
    pub to: Vec<String>,
    /// What delivery reports were asked for, as the machine read it.
    pub reports: Vec<String>,
    pub content: Vec<u8>,
    pub peer: String,
    pub helo: String,
}

pub type MailFromText = Option<String>;

/// Not `Sync` on purpose: the driver must not ask for that.
pub struct Envelope(Cell<Message>);

/// Only [`Toy::finish`] makes one.
pub struct Durable(());

impl Policy for Toy {
    type Peer = String;
    type Envelope = Envelope;
    type Incoming = Message;
    type Durable = Durable;

    async fn authenticate(&self, connection: &Connection, credentials: Credentials) -> Result<String, Reply> {
        let clear = matches!(connection.service, Service::Connector(door) if door.clear);
        assert!(connection.tls.is_some() || clear);
        let Credentials::Plain { authzid, authcid, password, .. } = credentials;
        match (authcid.as_str(), password.as_slice()) {
            ("busy", _) => Err(Reply::new(454, "4.7.0", ["Busy"])),
            ("gone", _) => Err(Reply::new(421, "4.7.0", ["Go away"])),
            (_, b"secret") => Ok(authzid.map_or(authcid.clone(), |box_| format!("{box_}*{authcid}"))),
            _ => Err(Reply::new(535, "5.7.8", ["Wrong user or password"])),
        }
    }

    async fn known_by_certificate(&self, connection: &Connection) -> Result<String, Reply> {
        match connection.service {
            Service::Connector(door) if door.login => {
                return Err(Reply::new(530, "5.7.0", ["Log in first"]));
            }
            Service::Connector(door) if door.clear => return Ok("local".to_owned()),
            service => assert_ne!(service, Service::Submission),
        }
        let certificates = &connection.tls.as_ref().unwrap().certificates;
        match certificates.first().map(AsRef::as_ref) {
            None => Err(Reply::new(550, "5.7.1", ["No certificate", "Pas de certificat"])),
            Some(b"revoked") => Err(Reply::new(550, "5.7.1", ["Revoked"])),
            Some(b"gone") => Err(Reply::new(421, "4.7.0", ["Go away"])),
            // no list at first, then there is one
            Some(b"early") if self.asked.fetch_add(1, Ordering::Relaxed) == 0 => {
                Err(Reply::new(451, "4.7.0", ["No list yet"]))
            }
            Some(leaf) => Ok(String::from_utf8_lossy(leaf).chars().take(8).collect()),
        }
    }

    async fn mail(
        &self,
        connection: &Connection,
        peer: Option<&String>,
        from: MailFrom,
    ) -> Result<Envelope, Reply> {
        match from.path.as_deref() {
            Some("stranger@example.test") => {
                return Err(Reply::new(550, "5.7.1", ["Not yours", "Pas a vous"]));
            }
            Some("bye@example.test") => return Err(Reply::new(421, "4.3.2", ["Go away"])),
            Some("confused@example.test") => return Err(Reply::new(250, "2.0.0", ["This is no refusal"])),
            _ => {}
        }
        let (peer, helo) = (peer.cloned().unwrap_or_default(), connection.helo.clone());
        let reports = vec![format!("{:?} {:?}", from.ret, from.envid)];
        Ok(Envelope(Cell::new(Message { from: from.path, peer, helo, reports, ..Message::default() })))
    }

    async fn rcpt(&self, _: &Connection, envelope: &mut Envelope, to: Recipient) -> Result<(), Reply> {
        tokio::task::yield_now().await;
        let report = format!("{:?} {:?}", to.notify, to.orcpt);
        let to = to.path;
        if to.starts_with("unknown@") {
            return Err(Reply::new(550, "5.1.1", [format!("No such recipient: {to}")]));
        }
        envelope.0.get_mut().to.push(to);
        envelope.0.get_mut().reports.push(report);
        Ok(())
    }

    async fn data(&self, _: &Connection, envelope: Envelope) -> Result<Message, Reply> {
        let message = envelope.0.into_inner();
        match message.from.as_deref() {
            Some("nodata@example.test") => Err(Reply::new(451, "4.3.0", ["Not now"])),
            _ => Ok(message),
        }
    }

    async fn chunk(&self, incoming: &mut Message, bytes: &[u8]) -> Result<(), Reply> {
        assert!((1..=smtp::BLOCK).contains(&bytes.len()));
        self.chunks.lock().unwrap().push(bytes.len());
        incoming.content.extend_from_slice(bytes);
        if has(&incoming.content, "VIRUS") {
            return Err(Reply::new(554, "5.6.0", ["I do not like this content"]));
        }
        Ok(())
    }

    async fn finish(&self, incoming: Message) -> Result<Accepted<Durable>, Reply> {
        if has(&incoming.content, "WAIT") {
            self.commit.notified().await;
        }
        if has(&incoming.content, "LOST") {
            return Err(Reply::new(451, "4.3.0", ["Could not be kept"]));
        }
        let mut kept = self.kept.lock().unwrap();
        kept.push(incoming);
        Ok(Accepted { durable: Durable(()), id: format!("id-{}", kept.len()) })
    }

    async fn revoked(&self, _: &String) {
        self.revocation.notified().await;
    }
}

fn has(content: &[u8], word: &str) -> bool {
    content.windows(word.len()).any(|window| window == word.as_bytes())
}

/// Puts the machine's question to the policy.
pub async fn answer(policy: &Toy, question: Step<Toy>) -> Step<Toy> {
    match question {
        Step::Authenticate(asked, credentials) => {
            let answer = policy.authenticate(asked.connection(), credentials).await;
            asked.answer(answer)
        }
        Step::Identify(asked) => {
            let answer = policy.known_by_certificate(asked.connection()).await;
            asked.answer(answer)
        }
        Step::Mail(asked, from) => {
            let (connection, peer) = asked.context();
            let answer = policy.mail(connection, peer, from).await;
            asked.answer(answer)
        }
        Step::Rcpt(mut asked, to) => {
            let (connection, envelope) = asked.context();
            let answer = policy.rcpt(connection, envelope, to).await;
            asked.answer(answer)
        }
        Step::Data(asked, envelope) => {
            let answer = policy.data(asked.connection(), envelope).await;
            asked.answer(answer)
        }
        Step::Chunk(mut asked) => {
            let (incoming, bytes) = asked.context();
            let answer = policy.chunk(incoming, bytes).await;
            asked.answer(answer)
        }
        Step::Finish(asked, incoming) => {
            let answer = policy.finish(incoming).await;
            asked.answer(answer)
        }
        other => other,
    }
}

/// A connection to this service; in TLS if it starts so.
pub fn connection(service: Service) -> Connection {
    Connection {
        peer: "192.0.2.1:40000".parse().unwrap(),
        local: "192.0.2.2:587".parse().unwrap(),
        tls: (service == Service::SubmissionTls).then(|| tls("")),
        helo: String::new(),
        extended: false,
        service,
        session: "test".to_owned(),
    }
}

/// Some TLS session, in which the client presented a certificate of this text, or none.
pub fn tls(certificate: &str) -> TlsInfo {
    let certificates =
        if certificate.is_empty() { vec![] } else { vec![certificate.as_bytes().to_vec().into()] };
    TlsInfo { version: "TLSv1.3".to_owned(), cipher: "TLS_AES_256_GCM_SHA384".to_owned(), certificates }
}
