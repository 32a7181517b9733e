//! The courier: fetches the white list (M-1) and the authorities' revocation lists (M-4) and offers them to the trust space,
//! which judges them. One courier, one request at a time: the authorities' host turns away who asks too fast (B.3.5).
//!
//! May use `fetch` and the trust space. Mail never waits for it; it must never decide what is good.

mod source;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fetch::{Answer, Client, Request, Url};
use jiff::Timestamp;
use pki::{
    CrlEvent, CrlFile, CrlNote, CrlPoint, MAX_CRL_BYTES, MAX_LIST_BYTES, Refreshed, ServerTls, TrustSpace,
};
use store::Clock;
use tokio::{
    sync::{mpsc, oneshot},
    task, time,
};
use tracing::{debug, error, info, warn};

use self::source::{Known, Source, What};
use super::Warden;
use crate::{config, exit::Failure};

/// The time for a white list: some megabytes on a slow line.
const LIST_TIME: Duration = Duration::from_secs(300);
/// The time for a revocation list.
const CRL_TIME: Duration = Duration::from_secs(60);
/// The rest between two requests that nobody waits for.
const PAUSE: Duration = Duration::from_secs(1);
/// The most things that are fetched.
const MAX_SOURCES: usize = 65;
/// The most refreshes that wait for their answer.
const WAITING: usize = 16;
/// How long it rests while no certificate names any place: one that comes into force may.
const NOTHING_REST: Duration = Duration::from_secs(60);
/// The longest rest: the clock may be set meanwhile.
const LONG_REST: Duration = Duration::from_secs(3600);
/// What the hosts are told of who asks.
const AGENT: &str = concat!("vaguemestre/", env!("CARGO_PKG_VERSION"));

/// Who fetches. It works while [`Courier::run`] is polled.
pub(crate) struct Courier {
    warden: Arc<Warden>,
    clock: Arc<dyn Clock>,
    settings: config::Fetching,
    /// What other operators are shown: it names where its authority publishes what it revokes.
    own: ServerTls,
    client: Client,
    sources: Vec<Source>,
    /// What was kept of an earlier run, by address.
    kept: BTreeMap<String, Known>,
    /// Whether it has looked for what there is to fetch.
    looked: bool,
    errands: mpsc::Receiver<Errand>,
}

/// Somebody who waits for a round of everything.
type Errand = oneshot::Sender<Refreshed>;

/// The way to ask for a round; without a courier there is nobody to ask.
#[derive(Clone)]
pub(crate) struct Bell(mpsc::Sender<Errand>);

impl Bell {
    /// Has everything fetched now; what that changed. None when nobody fetches any more.
    pub(crate) async fn ring(&self) -> Option<Refreshed> {
        let (sender, answer) = oneshot::channel();
        self.0.send(sender).await.ok()?;
        answer.await.ok()
    }
}

impl Courier {
    /// The courier of `warden`'s space and the bell that calls for it; none where nothing is to be fetched.
    ///
    /// # Errors
    /// The authorities of the list's host cannot be read.
    pub(crate) fn new(
        warden: &Arc<Warden>,
        clock: Arc<dyn Clock>,
        settings: config::Fetching,
        own: ServerTls,
    ) -> Result<Option<(Self, Bell)>, Failure> {
        if settings.list_url.is_none() && !settings.crls {
            return Ok(None);
        }
        let tls = pki::list_client(warden.space(), settings.list_anchors.as_deref())
            .map_err(|error| Failure::failed(format!("[trust] list_anchors: {error}")))?;
        let client = Client { proxy: settings.proxy.clone(), tls, agent: AGENT.to_owned() };
        let kept = warden.space().fetched();
        // it only saves requests: what cannot be read is fetched again
        let kept = kept.and_then(|kept| serde_json::from_slice(&kept).ok()).unwrap_or_default();
        let (bell, errands) = mpsc::channel(WAITING);
        let warden = Arc::clone(warden);
        let courier =
            Self { warden, clock, settings, own, client, sources: Vec::new(), kept, looked: false, errands };
        Ok(Some((courier, Bell(bell))))
    }

    /// Fetches what is due, and everything when the bell rings, for as long as it is polled. `changed` is called with what
    /// changed without anybody waiting for it.
    pub(crate) async fn run<F: Future<Output = ()>>(mut self, changed: impl Fn(Refreshed) -> F) {
        loop {
            let rest = self.rest();
            let errand = tokio::select! {
                errand = self.errands.recv() => match errand {
                    Some(errand) => Some(errand),
                    None => return,
                },
                () = time::sleep(rest) => None,
            };
            let Some(errand) = errand else {
                let refreshed = self.round(false).await;
                changed(refreshed).await;
                continue;
            };
            // whoever rang meanwhile is answered by the same round
            let mut waiting = vec![errand];
            while let Ok(errand) = self.errands.try_recv() {
                waiting.push(errand);
            }
            let refreshed = self.round(true).await;
            for errand in waiting {
                // who went away needs no answer
                let _ = errand.send(refreshed.clone());
            }
        }
    }

    /// Until the next thing is due.
    fn rest(&self) -> Duration {
        let now = self.clock.now();
        if !self.looked {
            return Duration::ZERO;
        }
        let next = self.sources.iter().map(|source| source.next().unwrap_or(now)).min();
        let rest = next.map(|next| Duration::try_from(next.duration_since(now)).unwrap_or_default());
        // never a busy loop, whatever the clock does
        rest.unwrap_or(NOTHING_REST).clamp(PAUSE, LONG_REST)
    }

    /// Fetches what is due, or everything; revocation lists first, since the list's signer needs them. What that changed.
    async fn round(&mut self, everything: bool) -> Refreshed {
        let mut refreshed = Refreshed::default();
        self.looked = true;
        self.gather().await;
        for source in &mut self.sources {
            if everything {
                source.ask_now();
            }
        }
        let mut asked = false;
        // what a round brings may tell of further places
        while let Some(at) = self.due() {
            if asked && !everything {
                time::sleep(PAUSE).await;
            }
            asked = true;
            refreshed = refreshed.and(self.attempt(at).await);
            self.warden.note_sources(self.sources.iter().map(Source::view).collect());
            self.gather().await;
        }
        if asked {
            self.keep().await;
        }
        self.warden.report(refreshed)
    }

    /// The next source to be asked: the white list last.
    fn due(&self) -> Option<usize> {
        let now = self.clock.now();
        let due = self.sources.iter().enumerate().filter(|(_, source)| source.is_due(now));
        due.min_by_key(|(_, source)| source.what == What::List).map(|(at, _)| at)
    }

    /// Finds what there is to fetch: certificates that came into force name places of their own.
    async fn gather(&mut self) {
        let mut wanted: Vec<(What, Url, Duration)> = Vec::new();
        if let Some(url) = &self.settings.list_url {
            wanted.push((What::List, url.clone(), self.settings.list_refresh));
        }
        if self.settings.crls {
            let period = self.settings.crl_refresh;
            let named = self.named().await;
            let mut crls: Vec<(What, Url, Duration)> = Vec::new();
            for point in named {
                match Url::parse(&point.url) {
                    Ok(url) => crls.push((What::Crl(Some(point.issuer)), url, period)),
                    Err(error) => debug!(url = point.url, %error, "a certificate names a place that is none"),
                }
            }
            let configured = self.settings.crl_urls.iter().map(|url| (What::Crl(None), url.clone(), period));
            for crl in configured {
                if crls.iter().all(|(_, url, _)| *url != crl.1) {
                    crls.push(crl);
                }
            }
            wanted.extend(crls);
        }
        wanted.truncate(MAX_SOURCES);
        self.sources.retain(|source| wanted.iter().any(|(_, url, _)| *url == source.url));
        for (what, url, period) in wanted {
            if self.sources.iter().all(|source| source.url != url) {
                let mut source = Source::new(what, url, period);
                source.known = self.kept.get(&source.url.to_string()).cloned();
                self.sources.push(source);
            }
        }
    }

    /// Where certificates say that revocation lists are.
    async fn named(&self) -> Vec<CrlPoint> {
        let (space, own) = (self.warden.space().clone(), self.own.clone());
        // it waits for whoever reads files
        task::spawn_blocking(move || space.crl_points(&own.chain())).await.unwrap_or_default()
    }

    /// Asks for one thing and offers what came.
    async fn attempt(&mut self, at: usize) -> Refreshed {
        let Some(source) = self.sources.get(at).cloned() else { return Refreshed::default() };
        let (most, time) = match source.what {
            What::List => (u64::try_from(MAX_LIST_BYTES).unwrap_or(u64::MAX), LIST_TIME),
            What::Crl(_) => (MAX_CRL_BYTES, CRL_TIME),
        };
        // a host's "unchanged" is worth something only of what is in force
        let known = self.in_force(&source).await;
        let validators = known.as_ref().map(|known| &known.validators);
        let fetched = self.client.fetch(Request { url: &source.url, known: validators, most, time }).await;
        let (outcome, refreshed) = match fetched {
            Ok(answer) => self.offer(&source, known, answer).await,
            Err(fault) => (Err((fault.to_string(), fault.retry_after())), Refreshed::default()),
        };
        let now = self.clock.now();
        let first = self.sources.get(at).is_none_or(|source| source.view().error.is_none());
        if let Some(source) = self.sources.get_mut(at) {
            match outcome {
                Ok(known) => {
                    source.known = known;
                    source.succeed(now, fastrand::f64());
                    debug!(url = %source.url, "fetched");
                }
                Err((why, patience)) => {
                    // once is enough for the log; `trust status` says how often
                    if first {
                        warn!(url = %source.url, why, "what the trust space needs could not be fetched");
                    }
                    source.fail(now, why, patience, fastrand::f64());
                }
            }
        }
        refreshed
    }

    /// What was fetched last, if it is in force still.
    async fn in_force(&self, source: &Source) -> Option<Known> {
        let (known, what) = (source.known.clone()?, source.what.clone());
        let space = self.warden.space().clone();
        // a digest of some megabytes takes its time
        let looked = task::spawn_blocking(move || match what {
            What::List => (space.list_id().as_ref() == Some(&known.digest)).then_some(known),
            What::Crl(_) => space.current().revocations().contains(&known.digest).then_some(known),
        });
        looked.await.ok().flatten()
    }

    /// Offers what came to the trust space: what is known from now on, or why it is not taken.
    async fn offer(&self, source: &Source, known: Option<Known>, answer: Answer) -> (Taken, Refreshed) {
        let (space, clock) = (self.warden.space().clone(), Arc::clone(&self.clock));
        let (what, url) = (source.what.clone(), source.url.to_string());
        let offered = task::spawn_blocking(move || match (what, answer) {
            (What::List, Answer::Unchanged) => {
                let id = known.as_ref().map(|known| known.digest.clone()).unwrap_or_default();
                (Ok(known), space.confirm_list(&id, clock.now()))
            }
            (What::Crl(_), Answer::Unchanged) => {
                let overdue = known.as_ref().and_then(|known| overdue(&space, &known.digest, clock.now()));
                (overdue.map_or(Ok(known), |why| Err((why, None))), Refreshed::default())
            }
            (What::List, Answer::Document(document)) => {
                let known = Known { digest: pki::digest(&document.bytes), validators: document.validators };
                let (taken, refreshed) = space.offer_list(&url, document.bytes, clock.now());
                (taken.map(|()| Some(known)).map_err(|fault| (fault.to_string(), None)), refreshed)
            }
            (What::Crl(_), Answer::Document(document)) => {
                let known = Known { digest: pki::digest(&document.bytes), validators: document.validators };
                let (taken, refreshed) = crl(&space, url, document.bytes, document.kind, clock.as_ref());
                let overdue = overdue(&space, &known.digest, clock.now());
                let taken = taken.and_then(|()| overdue.map_or(Ok(Some(known)), |why| Err((why, None))));
                (taken, refreshed)
            }
        });
        offered.await.unwrap_or_else(|error| {
            error!(%error, "what was fetched could not be judged; what was in force stays");
            (
                Err(("it could not be judged: the daemon's log says more".to_owned(), None)),
                Refreshed::default(),
            )
        })
    }

    /// Keeps what hosts said of their documents, so that a restart does not fetch them all again.
    async fn keep(&mut self) {
        let known =
            self.sources.iter().filter_map(|source| Some((source.url.to_string(), source.known.clone()?)));
        let known: BTreeMap<_, _> = known.collect();
        if known == self.kept {
            return;
        }
        let space = self.warden.space().clone();
        let Ok(bytes) = serde_json::to_vec(&known) else { return };
        self.kept = known;
        match task::spawn_blocking(move || space.keep_fetched(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                info!(%error, "what hosts said of their lists cannot be kept: a restart asks again");
            }
            Err(error) => error!(%error, "what hosts said of their lists was not kept"),
        }
    }
}

/// What a host that publishes too late is told of with; none where its list's successor is not due yet.
fn overdue(space: &TrustSpace, digest: &str, now: Timestamp) -> Option<String> {
    let trust = space.current();
    let crl = trust.revocations().lists().find(|crl| pki::digest(crl.der()) == digest)?;
    let due = crl.next_update();
    (now > due).then(|| format!("the host has no newer list than the one whose successor was due on {due}"))
}

/// What is known from now on, or why nothing is, with how long the host wants to be left alone.
type Taken = Result<Option<Known>, (String, Option<Duration>)>;

/// Offers a revocation list. A page of the host is told as what it is (B.3.5).
fn crl(
    space: &TrustSpace,
    url: String,
    bytes: Vec<u8>,
    kind: Option<String>,
    clock: &dyn Clock,
) -> (Result<(), (String, Option<Duration>)>, Refreshed) {
    let (notes, refreshed) = space.offer_crls(&[CrlFile { name: url, bytes }], clock.now());
    let unusable = |note: &&CrlNote| {
        !matches!(
            note.event,
            CrlEvent::Accepted { .. } | CrlEvent::Unchanged { .. } | CrlEvent::Shrunk { .. }
        )
    };
    let taken = match notes.iter().find(unusable) {
        None => Ok(()),
        Some(note) => {
            let kind = kind.map(|kind| format!(" (the host calls it {kind})")).unwrap_or_default();
            Err((format!("{}{kind}", note.what()), None))
        }
    };
    (taken, refreshed)
}
