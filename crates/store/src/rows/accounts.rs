//! Accounts, addresses, application passwords.

use mssante::Address;

use crate::{
    Result, StoreError,
    account::Account,
    engine::{Family, View},
    ids::{AccountId, BoxId, CredentialId},
    keys::{self, Hash},
    records::{self, AccountRecord, AddressRecord, CredentialRecord, UsageRecord},
    seal::StoreKey,
};

pub(crate) fn address_hash(keys: &StoreKey, address: &Address) -> Hash {
    keys.lookup_hash("address", address.key().as_bytes())
}

/// Hash under which a Message-ID carried for an account is found.
pub(crate) fn carried_hash(keys: &StoreKey, account: AccountId, message_id: &str) -> Hash {
    let mut data = account.0.to_be_bytes().to_vec();
    data.extend_from_slice(message_id.trim().as_bytes());
    keys.lookup_hash("carried", &data)
}

/// Hash under which the conversation of an account with a patient is found.
pub(crate) fn conversation_hash(keys: &StoreKey, account: AccountId, patient: &Address) -> Hash {
    let mut data = account.0.to_be_bytes().to_vec();
    data.extend_from_slice(patient.key().as_bytes());
    keys.lookup_hash("conversation", &data)
}

pub(crate) fn account(view: &impl View, keys: &StoreKey, id: AccountId) -> Result<Option<Account>> {
    let key = keys::account(id);
    view.get(Family::Accounts, &key)?.map(|sealed| open_account(keys, id, &key, &sealed)).transpose()
}

pub(crate) fn open_account(keys: &StoreKey, id: AccountId, key: &[u8], sealed: &[u8]) -> Result<Account> {
    let plain = keys.open_value(key, sealed).map_err(|_| StoreError::Corrupt("account"))?;
    AccountRecord::decode(id, &plain)
}

pub(crate) fn address(view: &impl View, hash: &Hash) -> Result<Option<AddressRecord>> {
    view.get(Family::Accounts, &keys::address(hash))?
        .map(|bytes| records::decode(&bytes, "address"))
        .transpose()
}

/// The INBOX of an account; none if there is no such account.
pub(crate) fn inbox(view: &impl View, id: AccountId) -> Result<Option<BoxId>> {
    view.get(Family::Accounts, &keys::inbox(id))?.map(|bytes| records::box_id(&bytes)).transpose()
}

/// What an account has in all its boxes.
pub(crate) fn usage(view: &impl View, id: AccountId) -> Result<UsageRecord> {
    let bytes = view.get(Family::Accounts, &keys::usage(id))?;
    bytes.map_or(Ok(UsageRecord::default()), |bytes| records::decode(&bytes, "usage"))
}

/// The application passwords of an account, oldest first.
pub(crate) fn credentials(
    view: &impl View,
    keys: &StoreKey,
    account: AccountId,
) -> Result<Vec<(CredentialId, CredentialRecord)>> {
    let mut found = vec![];
    let (from, until) = keys::under(&keys::credentials(account));
    view.scan(Family::Accounts, &from, &until, &mut |key, sealed| {
        let id = keys::last_u64(key).ok_or(StoreError::Corrupt("credential key"))?;
        let plain = keys.open_value(key, sealed).map_err(|_| StoreError::Corrupt("credential"))?;
        found.push((CredentialId(id), records::decode(&plain, "credential")?));
        Ok(true)
    })?;
    Ok(found)
}

/// The accounts that list this person among their openers, ascending (S-1.7).
pub(crate) fn openings(view: &impl View, person: AccountId) -> Result<Vec<AccountId>> {
    let mut found = vec![];
    let (from, until) = keys::under(&keys::openings(person));
    view.scan(Family::Accounts, &from, &until, &mut |key, _| {
        found.push(AccountId(keys::last_u64(key).ok_or(StoreError::Corrupt("opening key"))?));
        Ok(true)
    })?;
    Ok(found)
}

/// What ties the hash of a secret to its account: one hash is compared with each of its credentials, and an account
/// without any, or that does not exist, costs the same hash (M-5).
pub(crate) fn credential_context(account: AccountId) -> [u8; 8] {
    account.0.to_be_bytes()
}
