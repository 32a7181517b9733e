//! What a round leaves out because it is damaged: it is named in the proof and in the log, and everything else goes on.
//!
//! Numbers only, never names.

use std::collections::BTreeSet;

use crate::{AccountId, BoxId, Result};

/// Boxes and accounts that are named; of others only how many there are.
const NAMED: usize = 10;

/// What was left out so far.
#[derive(Debug, Default)]
pub(crate) struct Skipped {
    boxes: BTreeSet<BoxId>,
    accounts: BTreeSet<AccountId>,
}

impl Skipped {
    /// What a look at a box gave; none if the box is damaged, which is kept in mind.
    ///
    /// # Errors
    /// Whatever is no damage.
    pub(crate) fn of_box<T>(&mut self, id: BoxId, looked: Result<T>) -> Result<Option<T>> {
        match looked {
            Err(error) if error.is_damage() => {
                if self.boxes.insert(id) && self.boxes.len() <= NAMED {
                    tracing::error!(mailbox = id.0, %error, "a box is left out: it is damaged");
                }
                Ok(None)
            }
            looked => looked.map(Some),
        }
    }

    /// The same of an account.
    ///
    /// # Errors
    /// Whatever is no damage.
    pub(crate) fn of_account<T>(&mut self, id: AccountId, looked: Result<T>) -> Result<Option<T>> {
        match looked {
            Err(error) if error.is_damage() => {
                if self.accounts.insert(id) && self.accounts.len() <= NAMED {
                    tracing::error!(account = id.0, %error, "an account is left out: it is damaged");
                }
                Ok(None)
            }
            looked => looked.map(Some),
        }
    }

    /// Whether a box was left out.
    pub(crate) fn has_box(&self, id: BoxId) -> bool {
        self.boxes.contains(&id)
    }

    /// Whether nothing was.
    pub(crate) fn is_empty(&self) -> bool {
        self.boxes.is_empty() && self.accounts.is_empty()
    }

    /// Takes over what another look left out.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.boxes.extend(other.boxes);
        self.accounts.extend(other.accounts);
    }

    /// What a proof says of it: one line for boxes, one for accounts.
    pub(crate) fn faults(&self) -> Vec<String> {
        let boxes = self.boxes.iter().map(|id| id.0).collect::<Vec<_>>();
        let accounts = self.accounts.iter().map(|id| id.0).collect::<Vec<_>>();
        [("boxes", boxes), ("accounts", accounts)]
            .into_iter()
            .filter(|(_, numbers)| !numbers.is_empty())
            .map(|(what, numbers)| {
                let named: Vec<String> = numbers.iter().take(NAMED).map(u64::to_string).collect();
                format!("{} {what} are damaged and were left out: {}", numbers.len(), named.join(", "))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreError;

    #[test]
    fn what_is_damaged_is_named_and_other_failures_are_not_swallowed() {
        let mut skipped = Skipped::default();
        assert_eq!(skipped.of_box(BoxId(3), Ok(7)), Ok(Some(7)));
        assert_eq!(skipped.of_box::<()>(BoxId(3), Err(StoreError::Busy)), Err(StoreError::Busy));
        assert!(skipped.is_empty());
        for number in 1..=12 {
            assert_eq!(skipped.of_box::<()>(BoxId(number), Err(StoreError::Corrupt("message"))), Ok(None));
        }
        assert_eq!(skipped.of_account::<()>(AccountId(5), Err(StoreError::Corrupt("account"))), Ok(None));
        assert_eq!(
            skipped.faults(),
            [
                "12 boxes are damaged and were left out: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
                "1 accounts are damaged and were left out: 5",
            ]
        );
    }
}
