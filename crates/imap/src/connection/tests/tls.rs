//! Real TLS, from the first byte and by STARTTLS.

use std::sync::Arc;

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, duplex},
    sync::watch,
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        pki_types::{PrivateKeyDer, ServerName},
    },
};

use super::{super::serve_on, FakeBackend, settings};
use crate::{Ended, Mode, Stop};

fn both_ends() -> (TlsAcceptor, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let certificate = made.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let server =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client)))
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, said: &str, wanted: &[&str]) {
    stream.write_all(said.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    for start in wanted {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert!(line.starts_with(start), "{said:?}: {line:?} instead of {start:?}");
    }
}

/// Serves one connection; the sender must live as long as it.
fn serve(
    mode: Mode,
    tls: TlsAcceptor,
) -> (tokio::io::DuplexStream, tokio::task::JoinHandle<Ended>, watch::Sender<Stop>) {
    let (ours, theirs) = duplex(4096);
    let (stop, stopped) = watch::channel(Stop::Run);
    let served = tokio::spawn(async move {
        let backend = FakeBackend::new(settings());
        serve_on(theirs, mode, std::net::Ipv4Addr::LOCALHOST.into(), tls, &backend, stopped).await
    });
    (ours, served, stop)
}

const WELCOME: &str = "a OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+";

#[tokio::test]
async fn tls_from_the_first_byte() {
    let (acceptor, connector) = both_ends();
    let (stream, served, _stop) = serve(Mode::Implicit, acceptor);
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = BufReader::new(connector.connect(name, stream).await.unwrap());
    converse(&mut stream, "", &["* OK [CAPABILITY IMAP4rev1 IMAP4rev2 SASL-IR LITERAL- ID AUTH=PLAIN]"])
        .await;
    converse(&mut stream, "a LOGIN x@x.fr demonstration\r\n", &[WELCOME]).await;
    converse(&mut stream, "b NOOP\r\nc LOGOUT\r\n", &["* OK x@x.fr NOOP", "b OK", "* BYE", "c OK"]).await;
    assert_eq!(served.await.unwrap(), Ended::Logout);
}

#[tokio::test]
async fn starttls_begins_anew_without_a_greeting() {
    let (acceptor, connector) = both_ends();
    let (stream, served, _stop) = serve(Mode::StartTls, acceptor);
    let mut stream = BufReader::new(stream);
    converse(&mut stream, "", &["* OK [CAPABILITY IMAP4rev1 IMAP4rev2 ID STARTTLS LOGINDISABLED]"]).await;
    converse(&mut stream, "a STARTTLS\r\n", &["a OK begin TLS now"]).await;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = BufReader::new(connector.connect(name, stream.into_inner()).await.unwrap());
    let capability = "* CAPABILITY IMAP4rev1 IMAP4rev2 SASL-IR LITERAL- ID AUTH=PLAIN";
    converse(&mut stream, "a CAPABILITY\r\n", &[capability, "a OK"]).await;
    converse(&mut stream, "a AUTHENTICATE PLAIN AHhAeC5mcgBkZW1vbnN0cmF0aW9u\r\n", &[WELCOME]).await;
    converse(&mut stream, "c LOGOUT\r\n", &["* BYE", "c OK"]).await;
    assert_eq!(served.await.unwrap(), Ended::Logout);
}

#[tokio::test]
async fn what_is_no_handshake_ends_the_connection() {
    let (acceptor, _) = both_ends();
    let (mut stream, served, _stop) = serve(Mode::Implicit, acceptor);
    stream.write_all(b"a LOGIN x@x.fr demonstration\r\n").await.unwrap();
    assert_eq!(served.await.unwrap(), Ended::Tls);
}
