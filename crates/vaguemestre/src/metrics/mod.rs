//! Figures for collectors, over plain HTTP: `/metrics` in the OpenMetrics text format and `/healthz`.
//!
//! `figures` gathers them at each scrape, `tally` counts what ended sessions did, this file serves them with every bound
//! that strangers need. Must never tell the name of a person, an address or content (M-11).

mod figures;
mod queue;
mod tally;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, time};
use tracing::{debug, error};

pub(crate) use self::{figures::Figures, tally::Tally};

/// Connections at once on each address: collectors are few, and each asks once.
pub(crate) const CONNECTIONS: usize = 16;

/// The longest request head, in octets: a GET has little to say.
const REQUEST_OCTETS: usize = 8 * 1024;

/// The most header fields of a request.
const REQUEST_FIELDS: usize = 32;

/// How long a client may take to send its request.
const REQUEST_PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection may last: one request, one answer.
const PATIENCE: Duration = Duration::from_secs(10);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the listener serves.
#[derive(Clone)]
pub(crate) struct Metrics {
    router: Router,
    /// How long a client may take to send its request, and a connection to end.
    patience: (Duration, Duration),
}

impl Metrics {
    /// Serves `figures`.
    pub(crate) fn new(figures: Figures) -> Self {
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(health))
            .with_state(Arc::new(figures));
        Self { router, patience: (REQUEST_PATIENCE, PATIENCE) }
    }

    /// One connection: one request, one answer, then it is closed.
    pub(crate) async fn serve(self, stream: TcpStream) {
        let (request, whole) = self.patience;
        let mut http = http1::Builder::new();
        http.keep_alive(false)
            .max_buf_size(REQUEST_OCTETS)
            .max_headers(REQUEST_FIELDS)
            .timer(TokioTimer::new())
            .header_read_timeout(request);
        let service = TowerToHyperService::new(self.router);
        match time::timeout(whole, http.serve_connection(TokioIo::new(stream), service)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "a metrics connection ended early"),
            Err(_) => debug!("a metrics connection took too long and is closed"),
        }
    }
}

async fn metrics(State(figures): State<Arc<Figures>>) -> Response {
    match figures.text().await {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            error!(%error, "the figures cannot be gathered");
            (StatusCode::SERVICE_UNAVAILABLE, "the figures cannot be gathered: the log says why\n")
                .into_response()
        }
    }
}

/// Whether the daemon answers and its store takes mail.
async fn health(State(figures): State<Arc<Figures>>) -> Response {
    match figures.refuses_mail() {
        None => "ok\n".into_response(),
        Some(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests;
