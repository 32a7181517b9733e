//! Conversations with patients that a professional ended (S-5.2). Only a keyed hash of account and patient's address is kept, for as long
//! as Message-IDs that were carried.

use jiff::Timestamp;

use super::carried::months;
use crate::{
    Result,
    committer::txn::Txn,
    engine::{Family, View},
    housekeeping::month,
    keys::{self, Hash},
};

/// What a delivery says of a conversation, hashed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HashedConversation {
    pub(crate) hash: Hash,
    pub(crate) ended: bool,
}

/// Remembers that it ended this month, or that it goes on.
pub(crate) fn note(txn: &mut Txn<'_>, now: Timestamp, conversation: HashedConversation) -> Result<()> {
    let HashedConversation { hash, ended } = conversation;
    if ended {
        txn.put(Family::Accounts, keys::ended(month(now), &hash), Vec::new());
        return Ok(());
    }
    for month in months(now) {
        let key = keys::ended(month, &hash);
        if txn.get(Family::Accounts, &key)?.is_some() {
            txn.delete(Family::Accounts, key);
        }
    }
    Ok(())
}

/// Whether it ended in the last fifteen months, and nobody went on with it since.
pub(crate) fn has_ended(view: &impl View, now: Timestamp, hash: &Hash) -> Result<bool> {
    for month in months(now) {
        if view.get(Family::Accounts, &keys::ended(month, hash))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use mssante::Address;

    use crate::{
        AccountId, Conversation, Delivery, Store,
        common::{World, delivery, hours},
    };

    fn patient() -> Address {
        Address::parse("269054958815780@patient.mssante.fr").unwrap()
    }

    fn said(world: &World, store: &Store, account: AccountId, ended: bool) {
        world.run(async {
            let message = delivery(store, world.clock_now(), 1, b"x\r\n", &[account]).await;
            let conversations = vec![Conversation { account, patient: patient(), ended }];
            store.deliver(Delivery { conversations, ..message }).await.unwrap();
        });
    }

    #[test]
    fn an_end_holds_for_one_account_until_it_goes_on_or_is_forgotten() {
        let world = World::new();
        let store = world.open();
        let [one, two] = ["un", "deux"].map(|name| world.account(&store, name).id);
        let ended = |account| store.reader().conversation_ended(account, &patient()).unwrap();
        said(&world, &store, one, false);
        assert!(!ended(one));
        said(&world, &store, one, true);
        assert!(ended(one) && !ended(two));
        world.clock.advance(hours(24 * 40));
        said(&world, &store, one, true);
        said(&world, &store, one, false);
        assert!(!ended(one), "in whichever month it was said");
        said(&world, &store, one, true);
        for _ in 0..14 {
            world.clock.advance(hours(24 * 30));
            said(&world, &store, two, false);
            assert!(ended(one));
        }
        world.clock.advance(hours(24 * 62));
        said(&world, &store, two, false);
        assert!(!ended(one), "fifteen months later");
        world.close(store);
    }
}
