//! A mail client for the demonstration: submits over STARTTLS with a password, reads over IMAPS as a person acting as a box.
//!
//! Uses public mail libraries and the demonstration's authority. Must never use the daemons' own protocol code: what it
//! shows is what any client sees.

use std::{io, sync::Arc, time::Instant};

use async_imap::{Authenticator, Session};
use futures_util::TryStreamExt;
use lettre::{
    address::Envelope,
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
        extension::ClientId,
    },
};
use tokio::{net::TcpStream, time};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::{
    people::{DOCTOR, PASSWORD},
    told::Told,
    world::Site,
};

/// The name under which clients of the demonstration reach it.
const SERVER: &str = "localhost";

/// Why the client could not go on: the step and what happened, in words.
#[derive(Debug)]
pub(super) struct ClientError {
    pub(super) step: &'static str,
    pub(super) why: String,
}

fn at<E: std::fmt::Display>(step: &'static str) -> impl FnOnce(E) -> ClientError {
    move |why| ClientError { step, why: why.to_string() }
}

/// A connection that sends what is written at once: the durations told are the server's, not the kernel's waiting.
async fn reach(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((SERVER, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A submission session of the doctor.
pub(super) struct Sender(AsyncSmtpConnection);

impl Sender {
    /// Connects to `site`, starts TLS and logs in, telling each step.
    pub(super) async fn connect(site: &Site, told: &mut Told) -> Result<Self, ClientError> {
        let pem = std::fs::read(&site.ca).map_err(at("authority"))?;
        let authority = Certificate::from_pem(&pem).map_err(at("authority"))?;
        let tls = TlsParameters::builder(SERVER.to_owned())
            .certificate_store(CertificateStore::None)
            .add_root_certificate(authority)
            .build_rustls()
            .map_err(at("TLS"))?;
        let hello = ClientId::Domain("poste-un.chu-nord.fr".to_owned());
        let port = site.ports.submission;

        let started = Instant::now();
        let tcp = reach(port).await.map_err(at("connect"))?;
        let mut smtp = AsyncSmtpConnection::connect_with_transport(Box::new(tcp), &hello)
            .await
            .map_err(at("connect"))?;
        let place = format!("{SERVER}:{port} ({})", site.operator.id);
        told.step("connected", "connecté", started.elapsed(), &place);

        let started = Instant::now();
        smtp.starttls(tls, &hello).await.map_err(at("STARTTLS"))?;
        told.step("TLS", "TLS", started.elapsed(), "STARTTLS");

        let started = Instant::now();
        let credentials = Credentials::new(DOCTOR.to_owned(), PASSWORD.to_owned());
        smtp.auth(&[Mechanism::Plain], &credentials).await.map_err(at("AUTH"))?;
        told.step("authenticated", "authentifié", started.elapsed(), DOCTOR);
        Ok(Self(smtp))
    }

    /// Sends `message` to `to`; gives the reply to it.
    pub(super) async fn send(&mut self, to: &str, message: &[u8]) -> Result<String, ClientError> {
        let from = DOCTOR.parse().map_err(at("envelope"))?;
        let to = to.parse().map_err(at("envelope"))?;
        let envelope = Envelope::new(Some(from), vec![to]).map_err(at("envelope"))?;
        // lettre ends every message with a line end of its own: ours is left out, so that there is one.
        let content = message.strip_suffix(b"\r\n").unwrap_or(message);
        let reply = self.0.send(&envelope, content).await.map_err(at("submission"))?;
        let text = reply.message().collect::<Vec<_>>().join(" ");
        Ok(format!("{} {text}", reply.code()))
    }

    /// Says good-bye.
    pub(super) async fn quit(mut self) -> Result<(), ClientError> {
        self.0.quit().await.map(drop).map_err(at("QUIT"))
    }
}

/// An IMAP session with the INBOX of a box open for looking.
pub(super) struct Reader(Session<TlsStream<TcpStream>>);

/// Logs in at `site` as `person` acting as `mailbox`.
pub(super) async fn read_as(
    site: &Site,
    person: &'static str,
    mailbox: &'static str,
) -> Result<Reader, ClientError> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(&site.ca).map_err(at("authority"))?;
    roots.add(authority).map_err(at("authority"))?;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(SERVER).map_err(at("IMAPS"))?;
    let tcp = reach(site.ports.imap_tls).await.map_err(at("IMAPS"))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(at("IMAPS"))?;
    let mut client = async_imap::Client::new(stream);
    client.read_response().await.map_err(at("IMAPS greeting"))?;
    let login = ActingAs { person, mailbox };
    let session = client.authenticate("PLAIN", login).await;
    session.map(Reader).map_err(|(error, _)| error).map_err(at("AUTHENTICATE"))
}

impl Reader {
    /// Opens the INBOX for looking; gives how many messages it holds.
    pub(super) async fn count(&mut self) -> Result<u32, ClientError> {
        Ok(self.0.examine("INBOX").await.map_err(at("EXAMINE"))?.exists)
    }

    /// Waits until the message is there; gives its UID.
    pub(super) async fn visible(&mut self, message_id: &str) -> Result<u32, ClientError> {
        let query = format!("HEADER Message-ID \"<{message_id}>\"");
        loop {
            self.0.noop().await.map_err(at("NOOP"))?;
            let uids = self.0.uid_search(&query).await.map_err(at("SEARCH"))?;
            if let Some(uid) = uids.into_iter().max() {
                return Ok(uid);
            }
            time::sleep(time::Duration::from_millis(20)).await;
        }
    }

    /// The whole message.
    pub(super) async fn fetch(&mut self, uid: u32) -> Result<Vec<u8>, ClientError> {
        let fetched = self.0.uid_fetch(uid.to_string(), "BODY.PEEK[]").await.map_err(at("FETCH"))?;
        let fetched: Vec<_> = fetched.try_collect().await.map_err(at("FETCH"))?;
        let message = fetched.iter().find_map(|item| item.body()).ok_or("the server sent no message");
        Ok(message.map_err(at("FETCH"))?.to_vec())
    }

    /// Says good-bye.
    pub(super) async fn quit(mut self) -> Result<(), ClientError> {
        self.0.logout().await.map_err(at("LOGOUT"))
    }
}

/// SASL PLAIN with the box as authorization identity (RFC 4616, S-1.7).
struct ActingAs {
    person: &'static str,
    mailbox: &'static str,
}

impl Authenticator for ActingAs {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        format!("{}\0{}\0{PASSWORD}", self.mailbox, self.person)
    }
}
