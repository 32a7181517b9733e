//! Kept data that is damaged: what cannot leave ends in its time, and its sender hears of it.

use std::path::Path;

use jiff::SignedDuration;
use rocksdb::{DB, IteratorMode, Options};

use crate::{peers::Peer, world::*};

/// Scribbles over every header that a closed store keeps.
fn headers(engine: &Path) {
    let options = Options::default();
    let names = DB::list_cf(&options, engine).unwrap();
    let db = DB::open_cf(&options, engine, names).unwrap();
    let index = db.cf_handle("index").unwrap();
    let rows: Vec<_> = db.iterator_cf(&index, IteratorMode::Start).map(Result::unwrap).collect();
    let headers: Vec<_> = rows.iter().filter(|(key, _)| key.first() == Some(&b'h')).collect();
    assert!(!headers.is_empty());
    for (key, value) in headers {
        let mut value = value.to_vec();
        *value.last_mut().unwrap() ^= 1;
        db.put_cf(&index, key, value).unwrap();
    }
}

#[tokio::test]
async fn a_header_that_does_not_open_waits_its_time_and_ends_in_a_report() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    let lifetime = Some(SignedDuration::from_mins(10));
    let to = format!("a@{SUD}");
    world.send(Letter { lifetime, ..Letter::to(&[&to]) }).await;
    let world = world.opened_again(headers);
    let relay = world.relay();
    world.until("an attempt", |world| world.queue()[0].attempts == 1).await;
    let last = world.queue().remove(0).last.unwrap();
    assert!(last.contains("unreadable"), "{last}");
    world.clock.advance(SignedDuration::from_mins(10));
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    let report = world.reports().remove(0);
    assert!(report.contains("Action: failed") && report.contains(&to), "{report}");
    assert!(peer.inbox.taken().is_empty());
    world.end(relay).await;
}
