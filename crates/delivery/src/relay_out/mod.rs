//! The outbound relay: what is queued for other operators goes to them, over mutual TLS, and only to whom the white list names for
//! the recipient's domain (M-2).
//!
//! What it is for: [`Relay::run`] takes what is due (`scheduler`, `lanes`, `late`), finds the next hop (`hops`), connects and has the peer judged
//! (`ways`), sends (`worker`, `message`, `content`), decides what the answer means (`attempt`, `verdict`), and commits it at once with the report
//! that it causes (`settle`, `notice`, `texts`).
//!
//! May use: the store's queue, `pki`'s judgement, `smtp::client`. Must never touch: boxes but through a delivery, rules that belong to
//! `mssante`. No RCPT TO without a [`pki::TrustedRecipient`].

use std::sync::Arc;

use pki::TrustSpace;
use smtp::Stop;
use store::{Clock, Store};
use tokio::{sync::watch, time::sleep};
use tokio_rustls::rustls::ClientConfig;

pub use self::{
    bounce::Bouncer,
    hops::{Dns, Lookup, NameError, Names},
    settings::{ConnectorServer, RelaySettings, Route, Server, ServerPlace, SmartHost},
    statistics::{Outcomes, RelayStatistics, operator_of},
};
use self::{lanes::Lanes, scheduler::Scheduler, shunned::Shunned};

mod attempt;
mod bounce;
mod content;
mod hops;
mod lanes;
mod late;
mod message;
mod notice;
mod scheduler;
mod settings;
mod settle;
mod shunned;
mod statistics;
mod texts;
mod verdict;
mod ways;
mod worker;

/// Sends what is queued for other operators.
pub struct Relay(Shared);

/// What all parts of a relay use.
struct Shared {
    store: Store,
    trust: TrustSpace,
    tls: Arc<ClientConfig>,
    settings: RelaySettings,
    clock: Arc<dyn Clock>,
    names: Arc<dyn Names>,
    lanes: Lanes,
    shunned: Shunned,
    statistics: Arc<RelayStatistics>,
}

impl Relay {
    /// A relay over this queue. `tls` is [`pki::ServerTls::relay_client`], `names` is [`Dns::system`].
    #[must_use]
    pub fn new(
        store: Store,
        trust: TrustSpace,
        tls: Arc<ClientConfig>,
        names: Arc<dyn Names>,
        settings: RelaySettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (lanes, shunned) = (Lanes::new(&settings), Shunned::new(settings.shun));
        let statistics = Arc::default();
        Self(Shared { store, trust, tls, settings, clock, names, lanes, shunned, statistics })
    }

    /// What gives messages of its queue back to their senders.
    #[must_use]
    pub fn bouncer(&self) -> Bouncer {
        Bouncer::new(self.0.store.clone(), self.0.settings.clone())
    }

    /// Its numbers, which go on being counted.
    #[must_use]
    pub fn statistics(&self) -> Arc<RelayStatistics> {
        Arc::clone(&self.0.statistics)
    }

    /// Runs until `stop`; messages on their way then have [`RelaySettings::stop_grace`] to arrive. What did not, stays queued.
    ///
    /// A defect that ends the scheduler does not end the relay: it begins again, which is told of in the log and in
    /// [`RelayStatistics::restarts`].
    pub async fn run(self, stop: watch::Receiver<Stop>) {
        let shared = Arc::new(self.0);
        loop {
            // its workers go with it, and give back what they hold
            let ended = tokio::spawn(Scheduler::new(Arc::clone(&shared)).run(stop.clone())).await;
            let Err(error) = ended else { return };
            shared.statistics.restarted();
            tracing::error!(%error, "the scheduler of the outgoing queue fell: it begins again");
            sleep(shared.settings.settle_pause).await;
        }
    }
}
