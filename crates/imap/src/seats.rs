//! How many sessions a person has at once, over all listeners (I-9). A device that opens one after the other without closing
//! any must not keep everybody else out.
//! Plain counting. Must never hold its lock across an await.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use store::AccountId;

/// The sessions that are open.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    taken: Mutex<HashMap<AccountId, usize>>,
}

impl Seats {
    /// One more session of this person, unless there are `most` already.
    pub(crate) fn take(self: &Arc<Self>, person: AccountId, most: usize) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(person).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Seat { seats: Arc::clone(self), person })
    }
}

/// One session's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    person: AccountId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.person) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_so_many_seats_and_gives_them_back() {
        let seats = Arc::new(Seats::default());
        let [one, two] = [1, 2].map(AccountId::new);
        let first = seats.take(one, 2).unwrap();
        let _second = seats.take(one, 2).unwrap();
        assert!(seats.take(one, 2).is_none());
        let other = seats.take(two, 2).unwrap();
        drop(first);
        assert!(seats.take(one, 2).is_some());
        drop(other);
        assert_eq!(seats.taken.lock().unwrap().len(), 1);
    }
}
