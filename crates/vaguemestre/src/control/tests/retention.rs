//! Retention and the clock over the control socket.

use store::{Action, KeepPlan, TraceId};

use super::*;
use crate::control::protocol::retention::RetentionView;

async fn show(daemon: &Daemon) -> RetentionView {
    match daemon.ask(Request::RetentionShow {}).await {
        Answer::Retention(view) => *view,
        _ => panic!("another answer"),
    }
}

#[tokio::test]
async fn retention_is_shown_with_its_latest_proof() {
    let daemon = Daemon::start(me());
    let before = show(&daemon).await;
    assert!(before.proof.is_none() && before.erased_through.is_none());
    daemon.store.keep(&KeepPlan::default()).await.unwrap();
    let after = show(&daemon).await;
    // The test's day is 2027-01-15.
    assert_eq!(after.erased_through.as_deref(), Some("2026-10-14"));
    assert_eq!(after.traces_erased_through.as_deref(), Some("2026-07-14"));
    assert_eq!(after.proof.unwrap().faults, Vec::<String>::new());
    assert!(!after.held && !after.tidying);
    daemon.stop().await;
}

#[tokio::test]
async fn the_clock_is_accepted_with_the_administrators_name() {
    let daemon = Daemon::start(me());
    let Answer::ClockAccepted { trace, .. } = daemon.ask(Request::ClockAccept {}).await else { panic!() };
    let id: TraceId = trace.parse().unwrap();
    let traces = daemon.store.reader().traces(&id).unwrap();
    assert_eq!(traces.len(), 1);
    assert_eq!(traces[0].action, Action::Administer);
    assert!(traces[0].detail.contains(&("administrator".into(), "claire".into())));
    assert!(traces[0].detail.contains(&("request".into(), "clock-accept".into())));
    daemon.stop().await;
}
