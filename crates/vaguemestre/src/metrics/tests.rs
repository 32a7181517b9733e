//! The figures from end to end: a real store, a real socket, requests byte by byte.

use std::time::Instant;

use delivery::{ScanAddress, ScanSettings, Scanner};
use jiff::Timestamp;
use mssante::dn::DistinguishedName;
use pki::TrustSpace;
use store::{Kind, ManualClock, MasterKey, OpenOptions, Store};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::{
    config::Service,
    control::office::House,
    listeners::{Door, Peers},
    trust::Warden,
};

struct Scene {
    store: Store,
    metrics: Metrics,
    _dir: TempDir,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let store = Store::open(OpenOptions {
            dir: dir.path().join("store"),
            master: MasterKey::create(&dir.path().join("master.key")).unwrap(),
            clock: clock.clone(),
            settings: store::Settings::default(),
            create: Some(Kind::Production),
        })
        .unwrap();
        let certificate = pki::Description {
            subject: "CN=mail.chu-nord.fr".into(),
            names: Vec::new(),
            not_before: Timestamp::UNIX_EPOCH,
            not_after: Timestamp::from_second(1_800_000_000 + 10 * 86_400).unwrap(),
        };
        let address = "127.0.0.1:587".parse().unwrap();
        let door = Door::new(
            Service::Submission,
            address,
            70,
            Peers::new(7, delivery::limits::Rate::new(7, Duration::from_secs(60))),
            String::new(),
        );
        let started = Timestamp::from_second(1_800_000_000 - 60).unwrap();
        let house = House {
            started,
            doors: vec![door],
            certificate: Box::new(move || certificate.clone()),
            relay_certificate: None,
        };
        let tally = Tally::default();
        let ended = smtp::Ended {
            end: smtp::End::Quit,
            authenticated: true,
            accepted: 3,
            refused: 1,
            content_bytes: 9,
            errors: 0,
            auth_failures: 0,
        };
        tally.add(&ended);
        let own = DistinguishedName::parse("CN=mail.chu-nord.fr,C=FR").unwrap();
        let warden = Warden::new(TrustSpace::closed(), clock.clone(), move || own.clone(), Vec::new());
        let figures = Figures {
            store: store.clone(),
            clock,
            house: Arc::new(house),
            warden: Arc::new(warden),
            outbound: Arc::default(),
            scanner: Some(Arc::new(Scanner::new(ScanSettings::new(ScanAddress::Unix(
                "/nonexistent".into(),
            ))))),
            limits: Arc::default(),
            tallies: vec![(Service::Submission, Arc::new(tally))],
        };
        Self { store, metrics: Metrics::new(figures), _dir: dir }
    }

    /// What the listener answers to `request`, until it closes.
    async fn ask(&self, request: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let serving = tokio::spawn(self.metrics.clone().serve(stream));
        client.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
        serving.await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    async fn close(self) {
        let store = self.store;
        tokio::task::spawn_blocking(move || store.close().unwrap()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_are_told_as_open_metrics() {
    let scene = Scene::new();
    let answer = scene.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: application/openmetrics-text"), "{answer}");
    assert!(answer.ends_with("# EOF\n"), "{answer}");
    for line in [
        "vaguemestre_uptime_seconds 60",
        "vaguemestre_certificate_days_left{shown=\"clients\"} 10",
        "vaguemestre_sessions{listener=\"submission\",address=\"127.0.0.1:587\"} 0",
        "vaguemestre_sessions_limit{listener=\"submission\",address=\"127.0.0.1:587\"} 70",
        "vaguemestre_messages_accepted_total{listener=\"submission\"} 3",
        "vaguemestre_messages_refused_total{listener=\"submission\"} 1",
        "vaguemestre_smtp_sessions_ended_total{listener=\"submission\",end=\"quit\"} 1",
        "vaguemestre_connections_refused_total{listener=\"submission\",address=\"127.0.0.1:587\",why=\"peer-rate\"} 0",
        "vaguemestre_limited_total{who=\"person\",limit=\"messages\"} 0",
        "vaguemestre_strangers_refused_total 0",
        "vaguemestre_queue_size 0",
        "vaguemestre_relayed_total 0",
        "vaguemestre_queue_oldest_age_seconds 0",
        "vaguemestre_messages_erased_total 0",
        "vaguemestre_retention_erased_through_seconds 0",
        "vaguemestre_retention_oldest_kept_seconds 0",
        "vaguemestre_retention_held 0",
        "vaguemestre_retention_faults 0",
        "vaguemestre_shedding 0",
        "vaguemestre_disk_full 0",
        "vaguemestre_damaged_files 0",
    ] {
        assert!(answer.lines().any(|found| found.starts_with(line)), "{line} is not in {answer}");
    }
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_and_nothing_else_is_there() {
    let scene = Scene::new();
    let ok = scene.ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(ok.starts_with("HTTP/1.1 200 OK\r\n") && ok.ends_with("\r\n\r\nok\n"), "{ok}");
    for (request, status) in [("GET /", 404), ("GET /metrics/x", 404), ("POST /metrics", 405)] {
        let answer = scene.ask(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_too_long_or_with_too_many_fields_is_refused() {
    let scene = Scene::new();
    let long = format!("GET /metrics HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(2 * REQUEST_OCTETS));
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(REQUEST_FIELDS + 1));
    for request in [long, many] {
        let answer = scene.ask(request.as_bytes()).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_not_waited_for() {
    let mut scene = Scene::new();
    assert_eq!(scene.metrics.patience, (REQUEST_PATIENCE, PATIENCE));
    let (short, long) = (Duration::from_millis(50), Duration::from_secs(3600));
    for patience in [(short, long), (long, short)] {
        scene.metrics.patience = patience;
        let started = Instant::now();
        scene.ask(b"GET /metrics HTT").await;
        assert!(started.elapsed() < Duration::from_secs(10));
    }
    scene.close().await;
}
