//! The relay service on real TLS: what the client presents reaches the policy, and a client that presents nothing is answered in SMTP.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore, ServerConfig, pki_types::PrivateKeyDer, server::WebPkiClientVerifier,
};
use smtp::{Addresses, End, Ended, Limits, Mode, Settings, Stop};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex},
    sync::watch,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::toy::Toy;

mod toy;

/// Plays MAIL over STARTTLS with or without a client certificate; gives the answer, who the policy took the client for, and the end.
async fn mail(presenting: bool) -> (String, String, Ended) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = || PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let chain = || vec![made.cert.der().clone()];
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let roots = Arc::new(roots);
    let verifier = WebPkiClientVerifier::builder(Arc::clone(&roots)).allow_unauthenticated().build().unwrap();
    let server = ServerConfig::builder().with_client_cert_verifier(verifier);
    let acceptor = TlsAcceptor::from(Arc::new(server.with_single_cert(chain(), key()).unwrap()));
    let client = ClientConfig::builder().with_root_certificates(roots);
    let client = match presenting {
        true => client.with_client_auth_cert(chain(), key()).unwrap(),
        false => client.with_no_client_auth(),
    };
    let (mut ours, theirs) = duplex(64 * 1024);
    let address = "192.0.2.1:25".parse().unwrap();
    let (addresses, policy) = (Addresses { peer: address, local: address }, Arc::new(Toy::default()));
    let settings = Arc::new(Settings { hostname: "mail.test".to_owned(), limits: Limits::default() });
    let (_bell, stop) = watch::channel(Stop::Run);
    let session =
        smtp::serve_on(theirs, addresses, Mode::Relay, acceptor, Arc::clone(&policy), settings, stop);
    let session = tokio::spawn(session);
    say(&mut ours, "", "220 ").await;
    say(&mut ours, "EHLO peer\r\n", "250 STARTTLS").await;
    say(&mut ours, "STARTTLS\r\n", "220 ").await;
    let connector = TlsConnector::from(Arc::new(client));
    let mut ours = connector.connect("localhost".try_into().unwrap(), ours).await.unwrap();
    say(&mut ours, "EHLO peer\r\n", "250 REQUIRETLS").await;
    let answer = say(&mut ours, "MAIL FROM:<a@example.test>\r\n", "").await;
    if answer.starts_with("250 ") {
        say(&mut ours, "RCPT TO:<b@example.test>\r\n", "250 ").await;
        say(&mut ours, "DATA\r\n", "354 ").await;
        say(&mut ours, "x\r\n.\r\n", "250 ").await;
    }
    say(&mut ours, "QUIT\r\n", "221 ").await;
    let known = policy.kept.lock().unwrap().first().map(|message| message.peer.clone());
    (answer, known.unwrap_or_default(), session.await.unwrap())
}

/// Sends, and reads up to the end of the last line of a reply, which must start so.
async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, what: &str, expected: &str) -> String {
    stream.write_all(what.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut said = Vec::new();
    loop {
        said.push(stream.read_u8().await.unwrap());
        let text = String::from_utf8_lossy(&said);
        let last = text.strip_suffix("\r\n").and_then(|text| text.rsplit("\r\n").next());
        if let Some(last) = last.filter(|line| line.as_bytes().get(3) == Some(&b' ')) {
            assert!(last.starts_with(expected), "{what}: {text}");
            return text.into_owned();
        }
    }
}

#[tokio::test]
async fn what_the_client_presents_reaches_the_policy() {
    let (answer, known, ended) = mail(true).await;
    assert_eq!(answer, "250 2.1.0 Sender accepted\r\n");
    // the toy calls a peer by the first bytes of its certificate, which is a DER sequence
    assert!(known.starts_with('0'), "{known}");
    assert_eq!((ended.end, ended.accepted, ended.authenticated), (End::Quit, 1, true));
}

#[tokio::test]
async fn who_presents_nothing_reads_so_in_smtp_and_not_in_an_alert() {
    let (answer, known, ended) = mail(false).await;
    assert_eq!(answer, "550-5.7.1 No certificate\r\n550 5.7.1 Pas de certificat\r\n");
    assert_eq!((known.as_str(), ended.end, ended.authenticated), ("", End::Quit, false));
    assert_eq!(ended.auth_failures, 1);
}
