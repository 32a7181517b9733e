//! The password of a hospital's own server (S-3.10): one for each connector, kept as a keyed hash, as those of people are (S-7.3).
//!
//! May use: the transaction, the store key. Must never touch: accounts; a connector has none.

use super::traces::{self, SealedTrace};
use crate::{
    Result, StoreError,
    committer::txn::Txn,
    engine::{Family, View},
    keys,
    records::{self, CredentialRecord},
    seal::StoreKey,
};

/// What ties the hash of a secret to its connector; no account's context is as long.
pub(crate) fn context(hash: &keys::Hash) -> Vec<u8> {
    [b"connector ".as_slice(), hash].concat()
}

/// Under what a connector's rows lie: its name is in no key (M-11).
pub(crate) fn name_hash(keys: &StoreKey, name: &str) -> keys::Hash {
    keys.lookup_hash("connector", name.as_bytes())
}

/// The record of a connector's password.
pub(crate) fn password(view: &impl View, keys: &StoreKey, name: &str) -> Result<Option<CredentialRecord>> {
    let key = keys::connector(&name_hash(keys, name));
    let Some(sealed) = view.get(Family::Accounts, &key)? else { return Ok(None) };
    let plain = keys.open_value(&key, &sealed).map_err(|_| StoreError::Corrupt("connector"))?;
    records::decode(&plain, "connector").map(Some)
}

/// Keeps the keyed hash of a connector's password, in place of the one that it had.
pub(crate) fn set_password(txn: &mut Txn<'_>, name: String, secret: &[u8], trace: SealedTrace) -> Result<()> {
    let hash = name_hash(&txn.core.keys, &name);
    let mac = txn.core.keys.credential_mac(&context(&hash), secret);
    let plain = records::encode(&CredentialRecord { name, created: txn.core.clock.now(), mac })?;
    let key = keys::connector(&hash);
    let sealed =
        txn.core.keys.seal_value(&key, &plain).map_err(|error| StoreError::Engine(error.to_string()))?;
    txn.put(Family::Accounts, key, sealed);
    traces::put(txn, trace);
    Ok(())
}

/// Forgets a connector's password; false if it had none.
pub(crate) fn revoke_password(txn: &mut Txn<'_>, name: &str, trace: SealedTrace) -> Result<bool> {
    let key = keys::connector(&name_hash(&txn.core.keys, name));
    if txn.get(Family::Accounts, &key)?.is_none() {
        return Ok(false);
    }
    txn.delete(Family::Accounts, key);
    traces::put(txn, trace);
    Ok(true)
}
