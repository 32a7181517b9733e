//! The report's way, live and told a line a step: submitted over STARTTLS as the doctor, durable, read back over IMAPS
//! from the cardiology box, compared.
//!
//! A mail client like any other: it uses the network, the demonstration's authority and nothing of the daemon's inside.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_imap::{Authenticator, Session};
use futures_util::TryStreamExt;
use jiff::Timestamp;
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
    compare::{Compared, compare},
    people::{CARDIOLOGY, DOCTOR, DOCTOR_MSSANTE, PASSWORD},
    report::{self, Report},
    told::Told,
    world::World,
};

/// The name under which clients of the demonstration reach it.
const SERVER: &str = "localhost";

/// The longest that one step may take before the demonstration says that it failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the journey ended early: the step and what happened, in words.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {why}")]
pub(super) struct JourneyError {
    step: &'static str,
    why: String,
}

fn at<E: std::fmt::Display>(step: &'static str) -> impl FnOnce(E) -> JourneyError {
    move |why| JourneyError { step, why: why.to_string() }
}

type Reader = Session<TlsStream<TcpStream>>;

/// Makes the journey in `world`, telling each step; says first how many messages the box holds. Gives the identifier that
/// ended the 250, under which the journey is traced.
///
/// # Errors
/// The step that failed and why.
pub(super) async fn make(world: &World) -> Result<String, JourneyError> {
    let mut told = Told::default();
    let mut reader = time::timeout(PATIENCE, connect_reader(world)).await.map_err(at("IMAPS"))??;
    let before = reader.examine("INBOX").await.map_err(at("EXAMINE"))?.exists;
    told.note(
        &format!("{CARDIOLOGY} holds {before} message(s) from before"),
        &format!("la boîte contient {before} message(s) d'avant"),
    );
    let report = report::build(Timestamp::now()).map_err(at("report"))?;
    told.note(
        &format!("sending a report of {:.1} MB with PDF and IHE_XDM.zip", report.bytes.len() as f64 / 1e6),
        "envoi d'un compte rendu avec PDF et IHE_XDM.zip",
    );
    let trace =
        time::timeout(PATIENCE, submit(world, &report, &mut told)).await.map_err(at("submission"))??;
    let received = read_back(&mut reader, &report, &mut told).await?;
    let started = Instant::now();
    let Compared { same_fields, rewritten_fields, added_fields, body } =
        compare(&report.bytes, &received, DOCTOR, DOCTOR_MSSANTE).map_err(at("compare"))?;
    told.step(
        "compared",
        "comparé",
        started.elapsed(),
        &format!(
            "{body} octets of body and {same_fields} fields identical; {rewritten_fields} under the MSSanté address \
             (S-3.5), {added_fields} trace fields added"
        ),
    );
    reader.logout().await.map_err(at("LOGOUT"))?;
    Ok(trace)
}

async fn submit(world: &World, report: &Report, told: &mut Told) -> Result<String, JourneyError> {
    let pem = std::fs::read(world.ca()).map_err(at("authority"))?;
    let authority = Certificate::from_pem(&pem).map_err(at("authority"))?;
    let tls = TlsParameters::builder(SERVER.to_owned())
        .certificate_store(CertificateStore::None)
        .add_root_certificate(authority)
        .build_rustls()
        .map_err(at("TLS"))?;
    let hello = ClientId::Domain("poste-un.chu-nord.fr".to_owned());
    let place = (SERVER, world.ports().submission);

    let started = Instant::now();
    let tcp = reach(place.1).await.map_err(at("connect"))?;
    let mut smtp =
        AsyncSmtpConnection::connect_with_transport(Box::new(tcp), &hello).await.map_err(at("connect"))?;
    told.step("connected", "connecté", started.elapsed(), &format!("{SERVER}:{}", place.1));

    let started = Instant::now();
    smtp.starttls(tls, &hello).await.map_err(at("STARTTLS"))?;
    told.step("TLS", "TLS", started.elapsed(), "STARTTLS");

    let started = Instant::now();
    let credentials = Credentials::new(DOCTOR.to_owned(), PASSWORD.to_owned());
    smtp.auth(&[Mechanism::Plain], &credentials).await.map_err(at("AUTH"))?;
    told.step("authenticated", "authentifié", started.elapsed(), DOCTOR);

    let envelope = envelope().map_err(at("envelope"))?;
    let started = Instant::now();
    // lettre ends every message with a line end of its own: ours is left out, so that there is one.
    let content = report.bytes.strip_suffix(b"\r\n").unwrap_or(&report.bytes);
    let reply = smtp.send(&envelope, content).await.map_err(at("submission"))?;
    let text = reply.message().collect::<Vec<_>>().join(" ");
    told.step(
        "submitted, durable",
        "déposé, durable",
        started.elapsed(),
        &format!("{} {text}", reply.code()),
    );
    smtp.quit().await.map_err(at("QUIT"))?;
    Ok(text.split_whitespace().next_back().unwrap_or_default().to_owned())
}

/// A connection that sends what is written at once: the durations told are the server's, not the kernel's waiting.
async fn reach(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((SERVER, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn envelope() -> Result<Envelope, Box<dyn std::error::Error>> {
    Ok(Envelope::new(Some(DOCTOR.parse()?), vec![CARDIOLOGY.parse()?])?)
}

async fn connect_reader(world: &World) -> Result<Reader, JourneyError> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(world.ca()).map_err(at("authority"))?;
    roots.add(authority).map_err(at("authority"))?;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(SERVER).map_err(at("IMAPS"))?;
    let tcp = reach(world.ports().imap_tls).await.map_err(at("IMAPS"))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(at("IMAPS"))?;
    let mut client = async_imap::Client::new(stream);
    client.read_response().await.map_err(at("IMAPS greeting"))?;
    client.authenticate("PLAIN", ActingAs).await.map_err(|(error, _)| error).map_err(at("AUTHENTICATE"))
}

/// SASL PLAIN with the box as authorization identity (RFC 4616, S-1.7).
struct ActingAs;

impl Authenticator for ActingAs {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        format!("{CARDIOLOGY}\0{DOCTOR}\0{PASSWORD}")
    }
}

async fn read_back(reader: &mut Reader, report: &Report, told: &mut Told) -> Result<Vec<u8>, JourneyError> {
    let started = Instant::now();
    let uid = time::timeout(PATIENCE, visible(reader, report)).await.map_err(at("visible"))??;
    told.step("visible", "visible", started.elapsed(), &format!("{CARDIOLOGY}, INBOX, UID {uid}"));

    let started = Instant::now();
    let fetch = async {
        let fetched = reader.uid_fetch(uid.to_string(), "BODY.PEEK[]").await?;
        fetched.try_collect::<Vec<_>>().await
    };
    let fetched = time::timeout(PATIENCE, fetch).await.map_err(at("FETCH"))?.map_err(at("FETCH"))?;
    let message = fetched.iter().find_map(|item| item.body()).ok_or("the server sent no message");
    let message = message.map_err(at("FETCH"))?.to_vec();
    told.step("fetched", "relu", started.elapsed(), &format!("{} octets over IMAPS", message.len()));
    Ok(message)
}

async fn visible(reader: &mut Reader, report: &Report) -> Result<u32, JourneyError> {
    loop {
        reader.noop().await.map_err(at("NOOP"))?;
        let query = format!("HEADER Message-ID \"<{}>\"", report.message_id);
        let uids = reader.uid_search(&query).await.map_err(at("SEARCH"))?;
        if let Some(uid) = uids.into_iter().max() {
            return Ok(uid);
        }
        time::sleep(Duration::from_millis(20)).await;
    }
}
