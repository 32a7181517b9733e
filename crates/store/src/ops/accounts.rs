//! Accounts and application passwords: made, changed, removed.

use mssante::{Address, Profile, State};

use crate::{
    Result, StoreError,
    account::{Account, CREDENTIAL_NAME_BYTES, CREDENTIALS_PER_ACCOUNT, OPENERS_PER_ACCOUNT, Quota},
    committer::txn::Txn,
    engine::{Family, View},
    error::{Conflict, Limit},
    ids::{AccountId, CredentialId},
    keys,
    ops::{
        boxes, openings, subscriptions,
        traces::{self, SealedTrace},
    },
    records::{self, AccountRecord, AddressRecord, CredentialRecord, UsageRecord},
    rows::accounts,
};

/// Makes an account and its first boxes.
pub(crate) fn create(
    txn: &mut Txn<'_>,
    profile: Profile,
    state: State,
    openers: Vec<AccountId>,
    trace: SealedTrace,
) -> Result<Account> {
    let id = txn.next_account();
    let openers = check_openers(txn, id, openers)?;
    for address in addresses(&profile) {
        claim(txn, id, address)?;
    }
    let quota = Quota::default();
    let account = Account { id, profile, state, openers, quota, created: txn.core.clock.now(), version: 1 };
    put(txn, &account)?;
    openings::change(txn, id, &[], &account.openers);
    boxes::create_first(txn, id)?;
    traces::put(txn, trace);
    // Instants are kept to the microsecond: give what a later read gives.
    accounts::account(txn, &txn.core.keys, id)?.ok_or(StoreError::Corrupt("account"))
}

/// Changes an account that nobody changed since it was read. Addresses it loses are never given to another.
pub(crate) fn update(txn: &mut Txn<'_>, mut account: Account, trace: SealedTrace) -> Result<Account> {
    let kept = accounts::account(txn, &txn.core.keys, account.id)?.ok_or(StoreError::NotFound)?;
    if kept.version != account.version {
        return Err(StoreError::Conflict(Conflict::Version));
    }
    account.openers = check_openers(txn, account.id, account.openers)?;
    account.created = kept.created;
    account.version += 1;
    for address in addresses(&kept.profile) {
        release(txn, account.id, address)?;
    }
    for address in addresses(&account.profile) {
        claim(txn, account.id, address)?;
    }
    put(txn, &account)?;
    openings::change(txn, account.id, &kept.openers, &account.openers);
    txn.account_changed(account.id);
    traces::put(txn, trace);
    Ok(account)
}

/// Removes an account and its application passwords; its addresses stay taken for good (S-1.3). As many of its boxes go
/// with it as a short operation may remove; the others go behind. Accounts it opened keep its number in their list: it is
/// never given again and opens nothing.
pub(crate) fn remove(txn: &mut Txn<'_>, id: AccountId, trace: SealedTrace) -> Result<()> {
    let kept = accounts::account(txn, &txn.core.keys, id)?.ok_or(StoreError::NotFound)?;
    for address in addresses(&kept.profile) {
        release(txn, id, address)?;
    }
    for (credential, _) in accounts::credentials(txn, &txn.core.keys, id)? {
        txn.delete(Family::Accounts, keys::credential(id, credential));
    }
    openings::change(txn, id, &kept.openers, &[]);
    txn.delete(Family::Accounts, keys::account(id));
    txn.delete(Family::Accounts, keys::inbox(id));
    txn.put(Family::Accounts, keys::removed_account(id), vec![]);
    subscriptions::forget_all(txn, id)?;
    remove_boxes(txn, id)?;
    txn.account_changed(id);
    traces::put(txn, trace);
    Ok(())
}

/// The first removed account from a number on that has boxes still.
pub(crate) fn first_removed(view: &impl View, from: u64) -> Result<Option<u64>> {
    boxes::first_number(view, &keys::removed_account(AccountId(from)), &keys::removed_accounts())
}

/// Removes some of the boxes of a removed account; false if those were all.
pub(crate) fn clear(txn: &mut Txn<'_>, id: AccountId) -> Result<bool> {
    let key = keys::removed_account(id);
    if txn.get(Family::Accounts, &key)?.is_some() {
        remove_boxes(txn, id)?;
    }
    Ok(txn.get(Family::Accounts, &key)?.is_some())
}

fn remove_boxes(txn: &mut Txn<'_>, id: AccountId) -> Result<()> {
    for (mailbox, record) in boxes::all(txn, id)? {
        if txn.is_long() {
            return Ok(());
        }
        boxes::remove(txn, mailbox, &record)?;
    }
    txn.delete(Family::Accounts, keys::usage(id));
    txn.delete(Family::Accounts, keys::removed_account(id));
    Ok(())
}

/// Keeps the keyed hash of a new application password.
pub(crate) fn create_password(
    txn: &mut Txn<'_>,
    account: AccountId,
    name: String,
    secret: &[u8],
    trace: SealedTrace,
) -> Result<CredentialId> {
    accounts::inbox(txn, account)?.ok_or(StoreError::NotFound)?;
    let known = accounts::credentials(txn, &txn.core.keys, account)?;
    if known.len() >= CREDENTIALS_PER_ACCOUNT || name.len() > CREDENTIAL_NAME_BYTES {
        return Err(StoreError::Limit(Limit::Credentials));
    }
    let id = txn.next_credential();
    let mac = txn.core.keys.credential_mac(&accounts::credential_context(account), secret);
    let record = CredentialRecord { name, created: txn.core.clock.now(), mac };
    let key = keys::credential(account, id);
    seal_into(txn, key, &records::encode(&record)?)?;
    traces::put(txn, trace);
    Ok(id)
}

/// Forgets an application password; false if there was none.
pub(crate) fn revoke_password(
    txn: &mut Txn<'_>,
    account: AccountId,
    id: CredentialId,
    trace: SealedTrace,
) -> Result<bool> {
    let known = accounts::credentials(txn, &txn.core.keys, account)?;
    if !known.iter().any(|(known, _)| *known == id) {
        return Ok(false);
    }
    txn.delete(Family::Accounts, keys::credential(account, id));
    txn.account_changed(account);
    traces::put(txn, trace);
    Ok(true)
}

/// Counts messages and bytes that came to the boxes of an account, or went if negative.
pub(crate) fn count_usage(txn: &mut Txn<'_>, id: AccountId, messages: i64, bytes: i64) -> Result<()> {
    if messages == 0 && bytes == 0 {
        return Ok(());
    }
    let usage = accounts::usage(txn, id)?;
    let counted = usage.messages.checked_add_signed(messages).zip(usage.bytes.checked_add_signed(bytes));
    let (messages, bytes) = counted.ok_or(StoreError::Corrupt("usage"))?;
    txn.put(Family::Accounts, keys::usage(id), records::encode(&UsageRecord { messages, bytes })?);
    Ok(())
}

fn addresses(profile: &Profile) -> impl Iterator<Item = &Address> {
    std::iter::once(&profile.login).chain(&profile.mssante)
}

fn check_openers(txn: &Txn<'_>, id: AccountId, mut openers: Vec<AccountId>) -> Result<Vec<AccountId>> {
    openers.sort_unstable();
    openers.dedup();
    if openers.len() > OPENERS_PER_ACCOUNT {
        return Err(StoreError::Limit(Limit::Openers));
    }
    for &opener in &openers {
        if opener == id || accounts::inbox(txn, opener)?.is_none() {
            return Err(StoreError::Conflict(Conflict::Opener));
        }
    }
    Ok(openers)
}

fn claim(txn: &mut Txn<'_>, id: AccountId, address: &Address) -> Result<()> {
    let hash = accounts::address_hash(&txn.core.keys, address);
    if accounts::address(txn, &hash)?.is_some_and(|known| known.account != id) {
        return Err(StoreError::Taken(address.clone()));
    }
    let record = AddressRecord { account: id, live: true };
    txn.put(Family::Accounts, keys::address(&hash), records::encode(&record)?);
    Ok(())
}

fn release(txn: &mut Txn<'_>, id: AccountId, address: &Address) -> Result<()> {
    let hash = accounts::address_hash(&txn.core.keys, address);
    let record = AddressRecord { account: id, live: false };
    txn.put(Family::Accounts, keys::address(&hash), records::encode(&record)?);
    Ok(())
}

fn put(txn: &mut Txn<'_>, account: &Account) -> Result<()> {
    seal_into(txn, keys::account(account.id), &AccountRecord::encode(account)?)
}

fn seal_into(txn: &mut Txn<'_>, key: Vec<u8>, plain: &[u8]) -> Result<()> {
    let sealed =
        txn.core.keys.seal_value(&key, plain).map_err(|error| StoreError::Engine(error.to_string()))?;
    txn.put(Family::Accounts, key, sealed);
    Ok(())
}
