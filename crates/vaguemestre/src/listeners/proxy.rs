//! Whose connection it is: the peer's own, or that of whom a trusted load balancer hands on (PROXY protocol, version 2).
//!
//! Reads the header and not one byte more: TLS or SMTP stands behind it. Must never believe anybody but the configured networks.

use std::{io, net::SocketAddr, time::Duration};

use smtp::Addresses;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time,
};

use super::proxy_header::{self, Fault, Header, PREFIX, REST};

/// How long a balancer may take to say for whom it connects: it says that first, and at once.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Why a connection of a trusted balancer is closed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error("it sent {0}: switch the PROXY protocol version 2 on there, or take it out of proxy_from")]
    Fault(Fault),
    #[error("no PROXY header within {} s: switch the PROXY protocol on there, or take it out of proxy_from", PATIENCE.as_secs())]
    TooSlow,
    #[error("the connection broke within the PROXY header: {0}")]
    Broken(#[from] io::Error),
}

/// The two ends of the connection that a balancer hands on; its own where it speaks for itself. Waits no longer than `patience`.
pub(super) async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    own: Addresses,
    patience: Duration,
) -> Result<Addresses, ProxyError> {
    match time::timeout(patience, header(stream)).await {
        Err(_) => Err(ProxyError::TooSlow),
        Ok(Err(error)) => Err(error),
        Ok(Ok(Header::Itself)) => Ok(own),
        Ok(Ok(Header::Client { client: peer, to: local })) => Ok(Addresses { peer, local }),
    }
}

async fn header<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Header, ProxyError> {
    let mut prefix = [0; PREFIX];
    stream.read_exact(&mut prefix).await?;
    let length = proxy_header::rest(&prefix).map_err(ProxyError::Fault)?;
    let mut bytes = vec![0; length.min(REST)];
    stream.read_exact(&mut bytes).await?;
    proxy_header::parse(&prefix, &bytes).map_err(ProxyError::Fault)
}

/// The addresses of a connection as the system has it.
pub(super) fn own(peer: SocketAddr, local: SocketAddr) -> Addresses {
    Addresses { peer, local }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::{super::proxy_header::tests::of_client, *};

    const LONG: Duration = Duration::from_secs(60);

    fn ends() -> Addresses {
        own("10.0.0.1:5000".parse().unwrap(), "10.0.0.2:465".parse().unwrap())
    }

    #[tokio::test]
    async fn what_follows_the_header_is_left_for_the_session() {
        let (mut ours, mut theirs) = tokio::io::duplex(1024);
        ours.write_all(&[of_client(), b"EHLO".to_vec()].concat()).await.unwrap();
        let addresses = read(&mut theirs, ends(), LONG).await.unwrap();
        assert_eq!((addresses.peer.to_string(), addresses.local.port()), ("192.0.2.7:40000".to_owned(), 465));
        let mut rest = [0; 4];
        theirs.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"EHLO");
    }

    #[tokio::test]
    async fn who_says_nothing_or_not_all_is_not_waited_for() {
        for sent in [0, 1, 15, 16, 27] {
            let (mut ours, mut theirs) = tokio::io::duplex(1024);
            ours.write_all(&of_client()[..sent]).await.unwrap();
            let short = Duration::from_millis(20);
            assert!(matches!(read(&mut theirs, ends(), short).await, Err(ProxyError::TooSlow)), "{sent}");
            let (mut ours, mut theirs) = tokio::io::duplex(1024);
            ours.write_all(&of_client()[..sent]).await.unwrap();
            drop(ours);
            assert!(matches!(read(&mut theirs, ends(), LONG).await, Err(ProxyError::Broken(_))), "{sent}");
        }
    }

    #[tokio::test]
    async fn who_sends_something_else_is_told_apart_at_once() {
        let (mut ours, mut theirs) = tokio::io::duplex(1024);
        ours.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\x00").await.unwrap();
        let refused = read(&mut theirs, ends(), LONG).await.unwrap_err();
        assert!(matches!(refused, ProxyError::Fault(Fault::NotProxy)), "{refused}");
        assert!(refused.to_string().contains("proxy_from"), "{refused}");
    }
}
