//! What leaves: the queue against a plain map.

use jiff::Timestamp;
use store::{QueueId, Settlement, StoreError};

use super::{
    plain::{Message, Waiting},
    run::Run,
};
use crate::common::*;

const PEOPLE: [&str; 3] = ["a", "b", "c"];

impl Run {
    pub(super) fn send(&mut self, size: usize, here: bool, to: usize) {
        let (message, now, to) = (self.message(size), self.world.clock_now(), &PEOPLE[..to]);
        self.world.run(async {
            let copies = if here { vec![self.plain.accounts[0].id] } else { vec![] };
            let body = body_bytes(message.number, size);
            let mut delivery = delivery(self.store(), now, message.number, &body, &copies).await;
            delivery.outgoing = vec![outgoing(now, to)];
            self.store().deliver(delivery).await.unwrap();
        });
        if here {
            self.inbox(0).add(message.clone());
        }
        let last = self.plain.entries.last().copied();
        let new = self.store().reader().queue_list(last, 9).unwrap();
        assert_eq!(new.len(), to.len());
        for (queued, &to) in new.iter().zip(to) {
            self.plain.entries.push(queued.id);
            let waiting = Waiting { message: message.clone(), to, due: now, attempts: 0 };
            self.plain.queue.insert(queued.id, waiting);
        }
    }

    pub(super) fn settle(&mut self, picks: &[(usize, u8)], report: bool) {
        if self.plain.entries.is_empty() {
            return;
        }
        let mut after = self.plain.queue.clone();
        let mut possible = true;
        let mut entries = vec![];
        for &(pick, how) in picks {
            // The latest most often: the others are mostly gone.
            let id = self.plain.entries[self.plain.entries.len().saturating_sub(1 + pick)];
            let due = self.world.clock_now() + hours(i64::from(how) - 3);
            possible &= after.contains_key(&id);
            entries.push((id, settlement(how, due)));
            match (how, after.get_mut(&id)) {
                (0 | 1, _) => drop(after.remove(&id)),
                (_, Some(waiting)) => {
                    waiting.due = due;
                    waiting.attempts += u32::from(how > 2);
                }
                (_, None) => {}
            }
        }
        let told = self.message(50);
        let result = self.world.run(async {
            let (body, to) = (body_bytes(told.number, told.size), [self.plain.accounts[0].id]);
            let letter = delivery(self.store(), self.world.clock_now(), told.number, &body, &to).await;
            self.store().settle(entries, report.then_some(letter), vec![]).await
        });
        if !possible {
            return assert_eq!(result.unwrap_err(), StoreError::NotFound);
        }
        result.unwrap();
        self.plain.queue = after;
        if report {
            self.inbox(0).add(told);
        }
    }

    /// The store's queue is the model's.
    pub(super) fn compare_queue(&self) {
        let (reader, queue) = (self.store().reader(), &self.plain.queue);
        let all = reader.queue_list(None, usize::MAX).unwrap();
        assert!(all.iter().map(|queued| queued.id).eq(queue.keys().copied()));
        for queued in &all {
            let Waiting { message, to, due, attempts } = &queue[&queued.id];
            assert_eq!((&queued.recipient, queued.attempts, queued.due), (&remote(to), *attempts, *due));
            let Message { number, size, .. } = *message;
            assert_eq!(read_queued(self.store(), queued.id), (header(number), body_bytes(number, size)));
        }
        assert_eq!(reader.queue_size().unwrap(), queue.len() as u64);
        assert_eq!(first_due(self.store()), queue.values().map(|waiting| waiting.due).min());
        for now in (-3..4).map(|shift| self.world.clock_now() + hours(shift)) {
            let due = due(self.store(), now);
            let mut expected: Vec<(Timestamp, QueueId)> =
                queue.iter().filter(|(_, w)| w.due <= now).map(|(id, w)| (w.due, *id)).collect();
            expected.sort_unstable();
            assert!(due.iter().map(|queued| queued.id).eq(expected.into_iter().map(|(_, id)| id)));
        }
    }
}

fn settlement(how: u8, due: Timestamp) -> Settlement {
    match how {
        0 | 1 => Settlement::Gone,
        2 => Settlement::Due(due),
        _ => Settlement::Later {
            due,
            last: format!("451 {how}"),
            distrusted_since: None,
            delay_told: how == 4,
        },
    }
}
