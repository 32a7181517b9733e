//! One GET and its answer, within bounds (RFC 9110): what was fetched before is asked for only if it changed.

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt as _;
use hyper::{
    Response, StatusCode,
    body::Incoming,
    header::{
        ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HOST, HeaderMap, HeaderName,
        IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, PROXY_AUTHORIZATION, RETRY_AFTER,
        USER_AGENT,
    },
};
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use tokio::time;
use tracing::debug;

use crate::{
    connection::{Connection, Nothing},
    fault::FetchFault,
    proxy::Proxy,
    url::{Url, UrlError},
};

/// The most redirects that are followed.
pub const MAX_REDIRECTS: usize = 3;
/// The longest field of a head that is kept or shown, in octets.
const FIELD_OCTETS: usize = 256;
/// The longest wait that a host is believed to mean.
const LONGEST_RETRY: Duration = Duration::from_secs(24 * 3600);

/// Who fetches: by which way, and as whom.
#[derive(Clone)]
pub struct Client {
    /// The way out, where there is one.
    pub proxy: Option<Proxy>,
    /// What `https` hosts are judged by.
    pub tls: Arc<ClientConfig>,
    /// What the hosts are told of who asks (`User-Agent`).
    pub agent: String,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Where it is.
    pub url: &'a Url,
    /// What is there already: an unchanged document is not sent again.
    pub known: Option<&'a Validators>,
    /// The most bytes of the document.
    pub most: u64,
    /// The time for all of it, redirects included.
    pub time: Duration,
}

/// What an answer said of its document, by which it is recognised the next time (RFC 9110 §8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// Where the document really was: it means nothing elsewhere.
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The host confirms what is known (304).
    Unchanged,
    /// The document.
    Document(Document),
}

/// A document, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it is, by its Content-Type.
    pub kind: Option<String>,
    /// How it is recognised the next time.
    pub validators: Validators,
}

impl Client {
    /// Fetches a document.
    ///
    /// # Errors
    /// [`FetchFault`] tells why there is none. A fault of one moment may be over at the next.
    pub async fn fetch(&self, request: Request<'_>) -> Result<Answer, FetchFault> {
        let fetched = time::timeout(request.time, self.follow(request)).await;
        fetched.unwrap_or(Err(FetchFault::TooSlow(request.time.as_secs())))
    }

    async fn follow(&self, request: Request<'_>) -> Result<Answer, FetchFault> {
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let known = request.known.filter(|known| known.url == url.to_string());
            let response = self.ask(&url, known).await?;
            let status = response.status();
            match status {
                StatusCode::OK => return document(response, &url, request.most).await.map(Answer::Document),
                StatusCode::NOT_MODIFIED if known.is_some() => return Ok(Answer::Unchanged),
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => {
                    let next = leads(&url, response.headers())?;
                    debug!(from = %url, to = %next, "redirected");
                    url = next;
                }
                _ => {
                    return Err(FetchFault::Status {
                        code: status.as_u16(),
                        kind: field(response.headers(), &CONTENT_TYPE),
                        retry_after: retry_after(response.headers()),
                    });
                }
            }
        }
        Err(FetchFault::TooManyRedirects)
    }

    async fn ask(&self, url: &Url, known: Option<&Validators>) -> Result<Response<Incoming>, FetchFault> {
        let mut connection = Connection::open(url, self.proxy.as_ref(), &self.tls).await?;
        let target = if connection.by_proxy { url.to_string() } else { url.path().to_owned() };
        let mut request = hyper::Request::get(target)
            .header(HOST, url.authority(false))
            .header(USER_AGENT, &self.agent)
            .header(ACCEPT_ENCODING, "identity");
        if let Some(known) = known {
            for (name, value) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.modified)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
        }
        if let Some(value) =
            self.proxy.as_ref().filter(|_| connection.by_proxy).and_then(Proxy::authorization)
        {
            request = request.header(PROXY_AUTHORIZATION, value);
        }
        let request =
            request.body(Nothing::new()).map_err(|error| FetchFault::Protocol(error.to_string()))?;
        connection.sender.send_request(request).await.map_err(|error| FetchFault::http(&error))
    }
}

/// Where a redirect leads: never out of HTTPS.
fn leads(from: &Url, head: &HeaderMap) -> Result<Url, FetchFault> {
    let location = head.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let refused =
        |why: UrlError| FetchFault::Redirect { location: location.chars().take(FIELD_OCTETS).collect(), why };
    let next = from.follow(location).map_err(refused)?;
    if from.is_secure() && !next.is_secure() { Err(FetchFault::Downgrade(next)) } else { Ok(next) }
}

/// The whole body, never more than `most` bytes of it.
async fn document(response: Response<Incoming>, url: &Url, most: u64) -> Result<Document, FetchFault> {
    let (head, mut body) = response.into_parts();
    if let Some(coding) = field(&head.headers, &CONTENT_ENCODING).filter(|coding| coding != "identity") {
        return Err(FetchFault::Coded(coding));
    }
    let announced = field(&head.headers, &CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(FetchFault::TooLarge(most));
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| FetchFault::http(&error))?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() as u64 + data.len() as u64 > most {
                return Err(FetchFault::TooLarge(most));
            }
            bytes.extend_from_slice(data);
        }
    }
    let validators = Validators {
        url: url.to_string(),
        etag: field(&head.headers, &ETAG),
        modified: field(&head.headers, &LAST_MODIFIED),
    };
    Ok(Document { bytes, kind: field(&head.headers, &CONTENT_TYPE), validators })
}

/// A field that can be shown and sent back; none where it is longer than any that makes sense.
fn field(head: &HeaderMap, name: &HeaderName) -> Option<String> {
    let text = head.get(name)?.to_str().ok()?;
    (text.len() <= FIELD_OCTETS).then(|| text.to_owned())
}

/// In seconds (RFC 9110 §10.2.3); the date form is not read: nothing here needs it to the day.
fn retry_after(head: &HeaderMap) -> Option<Duration> {
    let seconds = field(head, &RETRY_AFTER)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY))
}
