//! What an account may have in its boxes (M-12): asked before a client adds to them. Deliveries are not asked: a full box is
//! refused at RCPT, and what was accepted there is kept.

use crate::{
    Result, StoreError,
    account::{Account, Usage},
    committer::txn::Txn,
    ids::AccountId,
    records::UsageRecord,
    rows::{accounts, sight},
    settings::Settings,
};

/// How much an account may have: its own quota, and where it says nothing the settings'.
pub(crate) fn allowance(account: &Account, settings: &Settings) -> Usage {
    Usage {
        messages: account.quota.messages.unwrap_or(settings.account_messages),
        bytes: account.quota.bytes.unwrap_or(settings.account_bytes),
    }
}

/// Refuses what an account has no room for.
///
/// # Errors
/// `Quota`; `NotFound` if there is no such account.
pub(crate) fn check(txn: &Txn<'_>, id: AccountId, messages: u64, bytes: u64) -> Result<()> {
    let account = accounts::account(txn, &txn.core.keys, id)?.ok_or(StoreError::NotFound)?;
    let most = allowance(&account, &txn.core.settings);
    let fits = |has: UsageRecord| {
        has.messages.saturating_add(messages) <= most.messages
            && has.bytes.saturating_add(bytes) <= most.bytes
    };
    // What is erased counts until its box is tidied: boxes are looked at only where that may matter.
    if fits(accounts::usage(txn, id)?) || fits(sight::usage(txn, id)?) {
        Ok(())
    } else {
        Err(StoreError::Quota)
    }
}
