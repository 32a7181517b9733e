//! The way to a host: straight or by a proxy, in clear or in TLS. What is said on it is `get`'s affair.

use std::{io, sync::Arc, time::Duration};

use http_body_util::Empty;
use hyper::{
    Method, StatusCode,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header::{HOST, PROXY_AUTHORIZATION},
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time,
};
use tokio_rustls::TlsConnector;

use crate::{
    fault::FetchFault,
    proxy::Proxy,
    url::{Url, bracketed},
};

/// How long one address may take to answer a connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// The most addresses of a host that are tried.
const ADDRESSES: usize = 8;
/// The longest head of an answer, in octets.
const HEAD_OCTETS: usize = 64 << 10;
/// The most fields of a head.
const HEAD_FIELDS: usize = 128;

/// A request has no body.
pub(crate) type Nothing = Empty<Bytes>;

/// A connection on which one request can be made.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Nothing>,
    /// Whether a proxy reads the request, which is then asked for the whole address.
    pub(crate) by_proxy: bool,
}

impl Connection {
    /// Opens one to the host of `url`.
    pub(crate) async fn open(
        url: &Url,
        proxy: Option<&Proxy>,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, FetchFault> {
        match (proxy, url.is_secure()) {
            (None, false) => Self::speak(TokioIo::new(connect(url.host(), url.port()).await?), false).await,
            (None, true) => Self::encrypted(connect(url.host(), url.port()).await?, url, tls).await,
            (Some(proxy), false) => {
                Self::speak(TokioIo::new(connect(&proxy.host, proxy.port).await?), true).await
            }
            (Some(proxy), true) => Self::encrypted(tunnel(url, proxy).await?, url, tls).await,
        }
    }

    async fn encrypted<S>(stream: S, url: &Url, tls: &Arc<ClientConfig>) -> Result<Self, FetchFault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let name = ServerName::try_from(url.host().to_owned()).map_err(|_| FetchFault::Tls {
            host: url.host().to_owned(),
            why: "no certificate can bear that name".to_owned(),
        })?;
        let connector = TlsConnector::from(Arc::clone(tls));
        let stream =
            connector.connect(name, stream).await.map_err(|error| FetchFault::tls(url.host(), &error))?;
        Self::speak(TokioIo::new(stream), false).await
    }

    async fn speak<T>(io: TokioIo<T>, by_proxy: bool) -> Result<Self, FetchFault>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, driver) = handshake(io).await?;
        // It ends with the sender, or with the stream.
        tokio::spawn(async move { drop(driver.await) });
        Ok(Self { sender, by_proxy })
    }
}

async fn handshake<T>(
    io: TokioIo<T>,
) -> Result<(SendRequest<Nothing>, http1::Connection<TokioIo<T>, Nothing>), FetchFault>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    http1::Builder::new()
        .max_buf_size(HEAD_OCTETS)
        .max_headers(HEAD_FIELDS)
        .handshake(io)
        .await
        .map_err(|error| FetchFault::http(&error))
}

/// Each address in turn: a host with a dead IPv6 address must not look dead.
async fn connect(host: &str, port: u16) -> Result<TcpStream, FetchFault> {
    let failed = |error: &io::Error| FetchFault::Connect { host: host.to_owned(), why: error.to_string() };
    let addresses = lookup_host((host, port)).await.map_err(|error| failed(&error))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
    for address in addresses.take(ADDRESSES) {
        match time::timeout(CONNECT_TIME, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "it does not answer"),
        }
    }
    Err(failed(&last))
}

/// A way through the proxy (RFC 9110 §9.3.6).
async fn tunnel(url: &Url, proxy: &Proxy) -> Result<TokioIo<Upgraded>, FetchFault> {
    let stream = connect(&proxy.host, proxy.port).await?;
    let (mut sender, driver) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move { drop(driver.with_upgrades().await) });
    let authority = url.authority(true);
    let mut request =
        hyper::Request::builder().method(Method::CONNECT).uri(&authority).header(HOST, &authority);
    if let Some(value) = proxy.authorization() {
        request = request.header(PROXY_AUTHORIZATION, value);
    }
    let request = request.body(Nothing::new()).map_err(|error| FetchFault::Protocol(error.to_string()))?;
    let answer = sender.send_request(request).await.map_err(|error| FetchFault::http(&error))?;
    if answer.status() != StatusCode::OK {
        return Err(FetchFault::Proxy {
            proxy: format!("{}:{}", bracketed(&proxy.host), proxy.port),
            code: answer.status().as_u16(),
        });
    }
    let upgraded = hyper::upgrade::on(answer).await.map_err(|error| FetchFault::http(&error))?;
    Ok(TokioIo::new(upgraded))
}
