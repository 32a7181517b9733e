//! Names that are subscribed to though no box has them any more: deleting a box must not unsubscribe (RFC 3501 §6.3.6). While there
//! is a box of the name, the mark is in its record, and here is nothing.
//!
//! Must never touch: boxes.

use crate::{
    Result, StoreError,
    committer::txn::Txn,
    engine::{Family, View},
    ids::AccountId,
    keys,
    rows::boxes,
};

/// Most names without a box that an account stays subscribed to; a box deleted beyond takes its subscription along.
pub(crate) const SUBSCRIPTIONS_LEFT: usize = 500;

/// Keeps the name of a box that was deleted.
pub(crate) fn keep(txn: &mut Txn<'_>, account: AccountId, name: &str) -> Result<()> {
    if boxes::left_subscriptions(txn, &txn.core.keys, account)?.len() >= SUBSCRIPTIONS_LEFT {
        return Ok(());
    }
    let key = boxes::subscription_key(&txn.core.keys, account, name);
    let sealed = txn.core.keys.seal_value(&key, name.as_bytes());
    txn.put(Family::Accounts, key, sealed.map_err(|error| StoreError::Engine(error.to_string()))?);
    Ok(())
}

/// Forgets a name, because a box has it again or nobody wants it any more; whether it was kept.
pub(crate) fn forget(txn: &mut Txn<'_>, account: AccountId, name: &str) -> Result<bool> {
    let key = boxes::subscription_key(&txn.core.keys, account, name);
    let kept = txn.get(Family::Accounts, &key)?.is_some();
    if kept {
        txn.delete(Family::Accounts, key);
    }
    Ok(kept)
}

/// Forgets all of an account that is removed.
pub(crate) fn forget_all(txn: &mut Txn<'_>, account: AccountId) -> Result<()> {
    let mut left = vec![];
    let (from, until) = keys::under(&keys::subscriptions(account));
    txn.scan(Family::Accounts, &from, &until, &mut |key, _| {
        left.push(key.to_vec());
        Ok(true)
    })?;
    left.into_iter().for_each(|key| txn.delete(Family::Accounts, key));
    Ok(())
}
