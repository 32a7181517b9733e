//! The queue over the control socket.

use jiff::SignedDuration;
use store::{
    BodyKind, Delivery, Outgoing, OutgoingRecipient, Priority, QueueId, Settlement, TraceId, Variant, Way,
};

use super::*;
use crate::control::protocol::queue::{QUEUE_IDS, QUEUE_PAGE, QueuedView, Which};

const NOW: i64 = 1_800_000_000;

/// A message that leaves for these people; gives its journey.
async fn send(store: &Store, to: &[String]) -> TraceId {
    let message = b"Message-ID: <1@chu-nord.fr>\r\n\r\nbonjour\r\n";
    let mut scanner = message::Scanner::new(message::Limits::default());
    scanner.feed(message).unwrap();
    let scanned = scanner.finish().unwrap();
    let mut body = store.body();
    body.write(&message[scanned.header.len()..]).await.unwrap();
    let now = Timestamp::from_second(NOW).unwrap();
    let id = TraceId::new(now);
    let recipient = |to: &String| OutgoingRecipient {
        address: address(to),
        notify: None,
        original: Some(format!("rfc822;{to}")),
    };
    let outgoing = Outgoing {
        way: Way::Peers,
        reverse_path: Some(address("medecin.un@chu-nord.mssante.fr")),
        sender: None,
        variant: 0,
        smtputf8: false,
        body: BodyKind::SevenBit,
        require_tls: false,
        priority: Priority::Usual,
        envid: None,
        ret: None,
        expires: now + SignedDuration::from_hours(120),
        recipients: to.iter().map(recipient).collect(),
    };
    let index = message::index(&scanned.header, &scanned);
    let delivery = Delivery {
        id,
        body: body.finish().await.unwrap(),
        variants: vec![Variant { header: scanned.header.clone(), index }],
        copies: vec![],
        outgoing: vec![outgoing],
        traces: vec![],
        carried: vec![],
        once: None,
        conversations: Vec::new(),
    };
    store.deliver(delivery).await.unwrap();
    id
}

/// Every entry waits an hour after a failed attempt.
async fn defer(store: &Store) {
    let due = Timestamp::from_second(NOW + 3600).unwrap();
    let entries = store.read(|reader| reader.queue_list(None, usize::MAX)).await.unwrap();
    let later = |id: QueueId| {
        let last = "451 4.7.1 come back".to_owned();
        (id, Settlement::Later { due, last, distrusted_since: None, delay_told: false })
    };
    store.settle(entries.into_iter().map(|queued| later(queued.id)).collect(), None, vec![]).await.unwrap();
}

fn list(domain: Option<&str>, message: Option<String>) -> Request {
    Request::QueueList { after: None, domain: domain.map(|text| Domain::parse(text).unwrap()), message }
}

fn entries(answer: Answer) -> Vec<QueuedView> {
    match answer {
        Answer::Queue { entries, next: None } => entries,
        Answer::Refused(refused) => panic!("{}", refused.message),
        _ => panic!("another answer, or not all"),
    }
}

async fn retry(daemon: &Daemon, which: Which) -> u64 {
    match daemon.ask(Request::QueueRetry { which, after: None }).await {
        Answer::Retried { entries, next: None } => entries,
        Answer::Refused(refused) => panic!("{}", refused.message),
        _ => panic!("another answer"),
    }
}

fn people(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_listed_by_domain_and_by_message() {
    let daemon = Daemon::start(me());
    assert_eq!(entries(daemon.ask(list(None, None)).await).len(), 0);
    let first = send(&daemon.store, &people(&["a@sud.mssante.fr", "b@est.mssante.fr"])).await;
    send(&daemon.store, &people(&["c@sud.mssante.fr"])).await;
    defer(&daemon.store).await;
    let names = |answer| entries(answer).into_iter().map(|entry| entry.recipient).collect::<Vec<_>>();
    let all = ["a@sud.mssante.fr", "b@est.mssante.fr", "c@sud.mssante.fr"];
    assert_eq!(names(daemon.ask(list(None, None)).await), all);
    assert_eq!(names(daemon.ask(list(Some("sud.mssante.fr"), None)).await), [all[0], all[2]]);
    assert_eq!(names(daemon.ask(list(None, Some(first.to_string()))).await), all[..2]);
    assert_eq!(names(daemon.ask(list(Some("est.mssante.fr"), Some(first.to_string()))).await), [all[1]]);
    let (kind, text) = refused(daemon.ask(list(None, Some("garbage".into()))).await);
    assert!(kind == RefusedKind::Refused && text.contains("26 characters"), "{text}");

    let shown = entries(daemon.ask(list(None, None)).await).remove(0);
    let Answer::Queued(one) = daemon.ask(Request::QueueShow { id: shown.id }).await else { panic!() };
    assert_eq!((one.attempts, one.last.as_deref()), (1, Some("451 4.7.1 come back")));
    assert_eq!((one.message, one.size), (first.to_string(), 40));
    assert_eq!(one.original.as_deref(), Some("rfc822;a@sud.mssante.fr"));
    let (_, text) = refused(daemon.ask(Request::QueueShow { id: 77 }).await);
    assert!(text.contains("77") && text.contains("queue list"), "{text}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_makes_due_what_it_names_and_nothing_else() {
    let daemon = Daemon::start(me());
    send(&daemon.store, &people(&["a@sud.mssante.fr", "b@est.mssante.fr", "c@sud.mssante.fr"])).await;
    defer(&daemon.store).await;
    let now = Timestamp::from_second(NOW).unwrap();
    let due = || async {
        let due = daemon.store.read(move |reader| reader.queue_due(now, None, 9)).await.unwrap();
        due.into_iter().map(|queued| queued.recipient.local().to_owned()).collect::<Vec<_>>().join("")
    };
    let ids: Vec<u64> = entries(daemon.ask(list(None, None)).await).iter().map(|entry| entry.id).collect();
    let missing = Which::Ids(vec![ids[0], 1_000_000]);
    let (_, text) = refused(daemon.ask(Request::QueueRetry { which: missing, after: None }).await);
    assert!(text.contains("1000000") && text.contains("nothing was changed"), "{text}");
    assert_eq!(due().await, "");
    assert_eq!(retry(&daemon, Which::Ids(vec![ids[1], ids[1]])).await, 1);
    assert_eq!(due().await, "b");
    assert_eq!(retry(&daemon, Which::Domain(Domain::parse("sud.mssante.fr").unwrap())).await, 2);
    assert_eq!(due().await, "abc");
    defer(&daemon.store).await;
    assert_eq!(retry(&daemon, Which::All).await, 3);
    assert_eq!(due().await, "abc");
    assert_eq!(retry(&daemon, Which::Domain(Domain::parse("nord.mssante.fr").unwrap())).await, 0);
    let many = Which::Ids((0..=QUEUE_IDS as u64).collect());
    let (_, text) = refused(daemon.ask(Request::QueueRetry { which: many, after: None }).await);
    assert!(text.contains("1000 entries"), "{text}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_is_traced_in_the_messages_journey_with_the_administrators_name() {
    let daemon = Daemon::start(me());
    let journey = send(&daemon.store, &people(&["a@sud.mssante.fr", "b@est.mssante.fr"])).await;
    let ids: Vec<u64> = entries(daemon.ask(list(None, None)).await).iter().map(|entry| entry.id).collect();
    let (_, text) = refused(daemon.ask(Request::QueueRemove { ids: vec![ids[0], 5_000] }).await);
    assert!(text.contains("5000"), "{text}");
    assert_eq!(entries(daemon.ask(list(None, None)).await).len(), 2);
    let Answer::QueueRemoved(removed) = daemon.ask(Request::QueueRemove { ids: vec![ids[0]] }).await else {
        panic!()
    };
    assert_eq!((removed[0].id, &removed[0].message), (ids[0], &journey.to_string()));
    assert_eq!(entries(daemon.ask(list(None, None)).await).len(), 1);
    let Answer::Traces(steps) = daemon.ask(Request::Trace { id: journey.to_string() }).await else {
        panic!()
    };
    let step = steps.last().unwrap();
    assert_eq!((step.action.as_str(), step.outcome.as_str()), ("queue-remove", "done"));
    for pair in [("administrator", "claire"), ("to", "a@sud.mssante.fr"), ("report", "none")] {
        assert!(step.detail.contains(&(pair.0.to_owned(), pair.1.to_owned())), "{pair:?}");
    }
    daemon.ask(Request::QueueRemove { ids: vec![ids[1]] }).await;
    assert_eq!(entries(daemon.ask(list(None, None)).await).len(), 0);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patients_number_is_masked_in_the_queue_and_in_the_journey() {
    const NUMBER: &str = "269054958815780";
    let daemon = Daemon::start(me());
    let journey = send(&daemon.store, &people(&[&format!("{NUMBER}@patient.mssante.fr")])).await;
    let due = Timestamp::from_second(NOW + 3600).unwrap();
    let last = format!("451 4.2.1 <{NUMBER}@patient.mssante.fr> ({NUMBER}) come back");
    let queued = daemon.store.read(|reader| reader.queue_list(None, 1)).await.unwrap().remove(0);
    let detail = vec![("to".to_owned(), queued.recipient.to_string()), ("last".to_owned(), last.clone())];
    let later = Settlement::Later { due, last, distrusted_since: None, delay_told: false };
    let attempt = store::Trace {
        id: journey,
        at: due,
        action: store::Action::Administer,
        person: None,
        acting_as: None,
        peer: None,
        outcome: store::Outcome::Done,
        detail,
    };
    daemon.store.settle(vec![(queued.id, later)], None, vec![attempt]).await.unwrap();
    let shown = serde_json::to_string(&daemon.ask(list(None, None)).await).unwrap();
    assert!(!shown.contains(NUMBER) && shown.contains("come back"), "{shown}");
    daemon.ask(Request::QueueRemove { ids: vec![queued.id.get()] }).await;
    let steps = serde_json::to_string(&daemon.ask(Request::Trace { id: journey.to_string() }).await).unwrap();
    assert!(steps.contains("queue-remove") && steps.contains("come back"), "{steps}");
    assert!(!steps.contains(NUMBER) && steps.contains("***@patient.mssante.fr"), "{steps}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_queue_comes_in_pages() {
    let daemon = Daemon::start(me());
    let many: Vec<String> = (0..QUEUE_PAGE).map(|number| format!("p{number}@sud.mssante.fr")).collect();
    send(&daemon.store, &many).await;
    send(&daemon.store, &people(&["last@est.mssante.fr"])).await;
    let domain = Some(Domain::parse("est.mssante.fr").unwrap());
    let request = |after| Request::QueueList { after, domain: domain.clone(), message: None };
    let Answer::Queue { entries: none, next } = daemon.ask(request(None)).await else { panic!() };
    assert!(none.is_empty() && next.is_some(), "all of the first page is left out, and there is more");
    assert_eq!(entries(daemon.ask(request(next)).await)[0].recipient, "last@est.mssante.fr");
    let first = Request::QueueRetry { which: Which::All, after: None };
    let Answer::Retried { entries: some, next } = daemon.ask(first).await else { panic!() };
    assert_eq!(some, QUEUE_PAGE as u64);
    let Answer::Retried { entries: rest, next: None } =
        daemon.ask(Request::QueueRetry { which: Which::All, after: next }).await
    else {
        panic!()
    };
    assert_eq!(rest, 1);
    daemon.stop().await;
}
