//! Puts many messages into a folder quickly: several sessions, each with many APPENDs under way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::World;

/// Sessions that append at once: the server makes their messages durable together.
const SESSIONS: usize = 8;

/// Messages that a session sends before it reads their answers.
const UNDER_WAY: usize = 50;

/// Appends messages 0 to `count` to a folder of `user`, in no order between sessions.
pub fn fill(world: &World, user: &str, folder: &str, count: usize, message: impl Fn(usize) -> String + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..SESSIONS {
            scope.spawn(|| {
                let mut imap = world.imap_as(user);
                loop {
                    let first = next.fetch_add(UNDER_WAY, Ordering::Relaxed);
                    let some = first..(first + UNDER_WAY).min(count);
                    if some.is_empty() {
                        return;
                    }
                    let tags: Vec<_> = some.map(|n| imap.begin_append(folder, &message(n))).collect();
                    for tag in tags {
                        let (_, tagged) = imap.finish(&tag);
                        assert!(tagged.starts_with("OK"), "{tagged}");
                    }
                }
            });
        }
    });
}
