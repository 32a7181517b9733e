//! Fetches one document over HTTP or HTTPS, within bounds: what the agency publishes for machines (the white list, M-1) and
//! what its authorities publish (revocation lists, M-4).
//!
//! A client for few and well-known addresses: one connection a request, conditional requests (RFC 9110 §13), few redirects that
//! never lead from HTTPS to anything else, a bound on size and time, and a proxy where a hospital has one. It may use sockets and
//! the TLS configuration that it is given. It knows nothing of certificates, lists or trust: whoever asked judges what came.

mod connection;
mod fault;
mod get;
mod proxy;
mod url;

pub use self::{
    fault::FetchFault,
    get::{Answer, Client, Document, MAX_REDIRECTS, Request, Validators},
    proxy::{Proxy, ProxyError},
    url::{MAX_URL_OCTETS, Url, UrlError},
};
