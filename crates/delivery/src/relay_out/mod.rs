//! The outbound relay: what is queued for other operators goes to them, over mutual TLS, and only to whom the white list names for
//! the recipient's domain (M-2).
//!
//! What it is for: [`Relay::run`] takes what is due, finds the next hop (`hops`), connects and has the peer judged (`reach`), sends
//! (`worker`), decides what the answer means (`verdict`), and commits it at once with the report that it causes (`settle`).
//!
//! May use: the store's queue, `pki`'s judgement, `smtp::client`. Must never touch: boxes but through a delivery, rules that belong to
//! `mssante`. No MAIL FROM without a [`pki::TrustedRecipient`].

use std::sync::Arc;

use pki::TrustSpace;
use smtp::Stop;
use store::{Clock, Store};
use tokio::sync::watch;
use tokio_rustls::rustls::ClientConfig;

pub use self::settings::{RelaySettings, Route};

mod settings;

/// Sends what is queued for other operators.
pub struct Relay {
    store: Store,
    trust: TrustSpace,
    tls: Arc<ClientConfig>,
    settings: RelaySettings,
    clock: Arc<dyn Clock>,
}

impl Relay {
    /// A relay over this queue. `tls` is [`pki::ServerTls::relay_client`].
    #[must_use]
    pub fn new(
        store: Store,
        trust: TrustSpace,
        tls: Arc<ClientConfig>,
        settings: RelaySettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, trust, tls, settings, clock }
    }

    /// Runs until `stop`; messages on their way then have [`RelaySettings::stop_grace`] to arrive. What did not, stays queued.
    pub async fn run(self, mut stop: watch::Receiver<Stop>) {
        let Relay { store, trust, tls, settings, clock } = self;
        let _ = stop.wait_for(|stop| *stop == Stop::Stop).await;
        drop((store, trust, tls, settings, clock));
    }
}
