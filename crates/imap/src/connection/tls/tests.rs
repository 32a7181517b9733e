//! Our side of TLS against rustls' own client, over streams that take and give little at a time.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion,
        pki_types::{PrivateKeyDer, ServerName},
        version::{TLS12, TLS13},
    },
};

use super::*;

/// Both configurations, for these versions only.
fn both(versions: &[&'static SupportedProtocolVersion]) -> (Arc<ServerConfig>, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let certificate = made.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let server = ServerConfig::builder_with_protocol_versions(versions)
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let client = ClientConfig::builder_with_protocol_versions(versions)
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), TlsConnector::from(Arc::new(client)))
}

async fn connected(
    versions: &[&'static SupportedProtocolVersion],
    width: usize,
) -> (Tls<DuplexStream>, TlsStream<DuplexStream>) {
    let (config, connector) = both(versions);
    let (ours, theirs) = duplex(width);
    let name = ServerName::try_from("localhost").unwrap();
    let (server, client) = tokio::join!(Tls::accept(ours, config), connector.connect(name, theirs));
    (server.unwrap(), client.unwrap())
}

/// Bytes that show where they belong.
fn bytes(length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| ((at * at) >> 7) as u8).collect()
}

fn holds_nothing(tls: &Tls<DuplexStream>) -> bool {
    [&tls.incoming, &tls.opened, &tls.outgoing].iter().all(|buffer| buffer.capacity() == 0)
}

#[tokio::test]
async fn all_bytes_go_both_ways_however_little_the_stream_takes() {
    for versions in [&[&TLS12], &[&TLS13]] {
        // What either side says last in a handshake fits: rustls reads nothing before it has sent that.
        for width in [100, 1_000, 1 << 20] {
            let (mut server, mut client) = connected(versions, width).await;
            // More than one write and one record each way.
            let length = 200_000;
            let (up, down) = (bytes(length), bytes(length / 2));
            let serving = async {
                let mut read = vec![0; length];
                server.read_exact(&mut read).await.unwrap();
                server.write_all(&down).await.unwrap();
                server.flush().await.unwrap();
                read
            };
            let asking = async {
                client.write_all(&up).await.unwrap();
                client.flush().await.unwrap();
                let mut read = vec![0; length / 2];
                client.read_exact(&mut read).await.unwrap();
                read
            };
            let (read, answered) = tokio::join!(serving, asking);
            assert!(read == up && answered == down, "{versions:?} {width}");
            assert!(holds_nothing(&server), "{versions:?} {width}");
        }
    }
}

#[tokio::test]
async fn a_session_that_waits_holds_no_buffer() {
    for versions in [&[&TLS12], &[&TLS13]] {
        let (mut server, mut client) = connected(versions, 4096).await;
        client.write_all(b"a NOOP\r\n").await.unwrap();
        client.flush().await.unwrap();
        let mut line = [0; 8];
        server.read_exact(&mut line).await.unwrap();
        let mut more = [0; 1];
        let waiting = poll_fn(|cx| {
            Poll::Ready(Pin::new(&mut server).poll_read(cx, &mut ReadBuf::new(&mut more)).is_pending())
        });
        assert!(waiting.await && line == *b"a NOOP\r\n");
        assert!(holds_nothing(&server));
    }
}

#[tokio::test]
async fn an_end_that_is_said_is_an_end_and_one_that_is_not_is_an_error() {
    for versions in [&[&TLS12], &[&TLS13]] {
        let (mut server, mut client) = connected(versions, 4096).await;
        client.write_all(b"last").await.unwrap();
        client.shutdown().await.unwrap();
        let mut read = Vec::new();
        server.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"last");
        // The other way is open until we say the same.
        server.write_all(b"done").await.unwrap();
        server.shutdown().await.unwrap();
        client.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"lastdone");

        let (mut server, client) = connected(versions, 4096).await;
        drop(client);
        let cut = server.read_to_end(&mut read).await.unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
    }
}

#[tokio::test]
async fn who_speaks_no_tls_or_another_version_is_told_by_an_alert() {
    let (config, _) = both(&[&TLS13]);
    let (ours, mut theirs) = duplex(4096);
    theirs.write_all(b"a LOGIN x@x.fr demonstration\r\n").await.unwrap();
    assert_eq!(Tls::accept(ours, config).await.map(drop).unwrap_err().kind(), io::ErrorKind::InvalidData);

    let (config, _) = both(&[&TLS13]);
    let (_, connector) = both(&[&TLS12]);
    let (ours, theirs) = duplex(4096);
    let name = ServerName::try_from("localhost").unwrap();
    let (server, client) = tokio::join!(Tls::accept(ours, config), connector.connect(name, theirs));
    assert_eq!(server.map(drop).unwrap_err().kind(), io::ErrorKind::InvalidData);
    let told = client.map(drop).unwrap_err().to_string();
    assert!(told.contains("alert"), "{told}");
}

#[tokio::test]
async fn a_record_that_was_altered_ends_the_session() {
    for versions in [&[&TLS12], &[&TLS13]] {
        let (mut server, client) = connected(versions, 4096).await;
        let (mut wire, _session) = client.into_inner();
        // A record of application data that nobody sealed.
        wire.write_all(&[23, 3, 3, 0, 32]).await.unwrap();
        wire.write_all(&[7; 32]).await.unwrap();
        let failed = server.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::InvalidData);
        assert!(server.write_all(b"nothing goes after that").await.is_err());
    }
}

/// TLS 1.3 changes its keys on the way if the client asks for it (RFC 8446 §4.6.3).
#[tokio::test]
async fn new_keys_on_the_way_change_nothing() {
    let (mut server, mut client) = connected(&[&TLS13], 4096).await;
    for round in 0..3_u8 {
        client.get_mut().1.refresh_traffic_keys().unwrap();
        client.write_all(&[round]).await.unwrap();
        client.flush().await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), round);
        server.write_all(&[round]).await.unwrap();
        server.flush().await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), round);
    }
}

/// A message of a handshake in records of one byte each takes five bytes more for each: what waits for its end is bounded.
#[tokio::test]
async fn a_handshake_in_crumbs_ends_before_it_fills_memory() {
    let (config, _) = both(&[&TLS13]);
    let (ours, mut theirs) = duplex(4096);
    let crumbs = async move {
        // a ClientHello of 65,000 bytes, which never ends
        let record = |byte: u8| [22, 3, 1, 0, 1, byte];
        for byte in [1, 0, 0xfd, 0xe8].into_iter().chain(std::iter::repeat_n(0, 60_000)) {
            if theirs.write_all(&record(byte)).await.is_err() {
                return;
            }
        }
        std::future::pending::<()>().await;
    };
    let accepted = tokio::select! {
        accepted = Tls::accept(ours, config) => accepted.map(drop),
        () = crumbs => unreachable!("the handshake goes on"),
    };
    assert_eq!(accepted.unwrap_err().kind(), io::ErrorKind::InvalidData);
}
