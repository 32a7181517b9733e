//! Readers wait for one another, and never for a caller that does something else meanwhile.

use std::{sync::mpsc, task::Poll, time::Duration};

use crate::common::*;
use store::{Settings, StoreError};

/// A session that asks whether its rights stand leaves that question for a command of its own: whatever is given to the
/// question while nobody looks at it must not be what the command waits for.
#[test]
fn a_read_nobody_looks_at_holds_no_one_up() {
    let mut world = World::new();
    world.settings = Settings { readers: 1, ..world.settings };
    let store = world.open();
    world.run(async {
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let busy = store.read(move |_| {
            let _ = started.send(());
            released.recv().map_err(|_| StoreError::Busy)
        });
        let question = store.read(|_| Ok("stands"));
        let (mut busy, mut question) = (Box::pin(busy), Box::pin(question));
        std::future::poll_fn(|cx| {
            assert!(busy.as_mut().poll(cx).is_pending() && question.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        has_started.await.unwrap();
        release.send(()).unwrap();
        busy.await.unwrap();
        let command = tokio::time::timeout(Duration::from_secs(20), store.read(|_| Ok("done"))).await;
        assert_eq!(command.expect("nobody holds the only reader"), Ok("done"));
        assert_eq!(question.await, Ok("stands"));
    });
    world.close(store);
}
