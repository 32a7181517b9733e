//! Reads: everything seen through one snapshot. Blocking; [`crate::Store::read`] runs them off the runtime's threads,
//! [`crate::Store::look`] does so where they ask for more than lies in memory.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use jiff::Timestamp;
use mssante::Address;

use crate::{
    Account, AccountId, Credential, CredentialId, Result, StoreError, Trace, TraceId, Usage,
    core::Core,
    day::Day,
    engine::{Family, Snapshot, View, Visit},
    ids::BoxId,
    keyring::KeyKind,
    keys, ops,
    ops::quota,
    records,
    rows::{
        accounts, boxes,
        sight::{self, Marks, Sight},
    },
    seal::StoreKey,
};

mod listings;
mod mailbox;
mod parts;
mod queue;
mod salvage;
mod traces;

pub use parts::{Asked, Parts};
pub use queue::{DuePage, LaneInfo};
pub use salvage::Salvaged;

/// Keys that a look into memory may ask for: some hundred microseconds of a runtime's thread.
const KEYS_AT_ONCE: u32 = 256;

/// One snapshot of the store. Blocking, unless it reads memory alone ([`crate::Store::look`]).
///
/// Every method gives `Corrupt` if what it reads does not open, `Engine` if the engine fails.
pub struct Reader<'store> {
    core: &'store Arc<Core>,
    view: Sighted,
}

#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl<'store> Reader<'store> {
    pub(crate) fn new(core: &'store Arc<Core>) -> Self {
        Self { core, view: Sighted { snapshot: core.engine.snapshot(), marks: OnceLock::new() } }
    }

    /// One that reads what lies in memory, and so little that a runtime's thread may do it. Once it [`Reader::missed`], what
    /// it told is worth nothing.
    pub(crate) fn in_memory(core: &'store Arc<Core>) -> Self {
        let snapshot = core.engine.snapshot_in_memory(KEYS_AT_ONCE);
        Self { core, view: Sighted { snapshot, marks: OnceLock::new() } }
    }

    /// Whether it was asked for more than it may read.
    pub(crate) fn missed(&self) -> bool {
        self.view.missed()
    }

    /// The account, if there is one.
    pub fn account(&self, id: AccountId) -> Result<Option<Account>> {
        accounts::account(&self.view, &self.core.keys, id)
    }

    /// The account that has this login or MSSanté address.
    pub fn account_by_address(&self, address: &Address) -> Result<Option<Account>> {
        let hash = accounts::address_hash(&self.core.keys, address);
        match accounts::address(&self.view, &hash)? {
            Some(known) if known.live => self.account(known.account),
            _ => Ok(None),
        }
    }

    /// At most `limit` accounts after `after`, ascending.
    pub fn accounts(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>> {
        let mut found = vec![];
        let mut from = keys::account(after.unwrap_or(AccountId(0)));
        from.push(0);
        let (_, until) = keys::under(b"a");
        self.view.scan(Family::Accounts, &from, &until, &mut |key, sealed| {
            if found.len() >= limit {
                return Ok(false);
            }
            let id = AccountId(keys::last_u64(key).ok_or(StoreError::Corrupt("account key"))?);
            found.push(accounts::open_account(&self.core.keys, id, key, sealed)?);
            Ok(true)
        })?;
        Ok(found)
    }

    /// The accounts that list this person among those who open them (S-1.7), ascending. Whether they may open them now is
    /// another question.
    pub fn openings(&self, person: AccountId) -> Result<Vec<AccountId>> {
        accounts::openings(&self.view, person)
    }

    /// Application passwords of an account, without secrets, oldest first.
    pub fn credentials(&self, account: AccountId) -> Result<Vec<Credential>> {
        let known = accounts::credentials(&self.view, &self.core.keys, account)?;
        let plain = |(id, record): (CredentialId, records::CredentialRecord)| Credential {
            id,
            account,
            name: record.name,
            created: record.created,
        };
        Ok(known.into_iter().map(plain).collect())
    }

    /// When the password of a hospital's own server (S-3.10) was made; none if it has none.
    pub fn connector_password(&self, connector: &str) -> Result<Option<Timestamp>> {
        let record = ops::connectors::password(&self.view, &self.core.keys, connector)?;
        Ok(record.map(|record| record.created))
    }

    /// Whether that is the connector's password, as [`Reader::connector_password`] then tells it. Keyed hash, compared in constant
    /// time; one hash is made for a connector that has none (M-5).
    pub fn verify_connector(&self, connector: &str, secret: &[u8]) -> Result<Option<Timestamp>> {
        let hash = ops::connectors::name_hash(&self.core.keys, connector);
        let shown = self.core.keys.credential_mac(&ops::connectors::context(&hash), secret);
        let record = ops::connectors::password(&self.view, &self.core.keys, connector)?;
        Ok(record.filter(|record| StoreKey::same_mac(&shown, &record.mac)).map(|record| record.created))
    }

    /// Which application password of the account this is, if any. Keyed hash, compared in constant time; every one is
    /// compared (S-7.3), and one hash is made for an account that has none or does not exist (M-5).
    pub fn verify_password(&self, account: AccountId, secret: &[u8]) -> Result<Option<CredentialId>> {
        let shown = self.core.keys.credential_mac(&accounts::credential_context(account), secret);
        let mut matching = None;
        for (id, record) in accounts::credentials(&self.view, &self.core.keys, account)? {
            if StoreKey::same_mac(&shown, &record.mac) {
                matching = Some(id);
            }
        }
        Ok(matching)
    }

    /// Traces of a journey, in the order they were written.
    pub fn traces(&self, id: &TraceId) -> Result<Vec<Trace>> {
        let mut steps = vec![];
        let (from, until) = keys::under(&keys::journey(id));
        self.view.scan(Family::Traces, &from, &until, &mut |key, _| {
            let day = keys::part(key, 17).map(u32::from_be_bytes).ok_or(StoreError::Corrupt("trace key"))?;
            let number = keys::last_u64(key).ok_or(StoreError::Corrupt("trace key"))?;
            steps.push((Day::from_number(day), number));
            Ok(true)
        })?;
        let mut found = Vec::with_capacity(steps.len());
        for (day, number) in steps {
            let key = keys::trace(day, number);
            let Some(sealed) = self.view.get(Family::Traces, &key)? else { continue };
            found.push(self.open_trace(day, &key, &sealed)?);
        }
        Ok(found)
    }

    /// What an account has in all its boxes; nothing if there is no such account.
    pub fn usage(&self, account: AccountId) -> Result<Usage> {
        let used = sight::usage(&self.view, account)?;
        Ok(Usage { messages: used.messages, bytes: used.bytes })
    }

    /// Whether a message with this Message-ID was carried for the account in the last 15 months (S-3.9).
    pub fn carried(&self, account: AccountId, message_id: &str) -> Result<bool> {
        let hash = accounts::carried_hash(&self.core.keys, account, message_id);
        ops::carried::was(&self.view, self.now(), &hash)
    }

    /// Whether the account ended its conversation with this patient in the last 15 months, and wrote nothing else to them since (S-5.2).
    pub fn conversation_ended(&self, account: AccountId, patient: &Address) -> Result<bool> {
        let hash = accounts::conversation_hash(&self.core.keys, account, patient);
        ops::conversations::has_ended(&self.view, self.now(), &hash)
    }

    /// The first day on which the account received or sent a message with this Message-ID, as far as the last 15 months
    /// tell: an APPEND of it is filed there ([`crate::Store::body_of`], S-4.3).
    pub fn first_reception(&self, account: AccountId, message_id: &str) -> Result<Option<Day>> {
        let hash = accounts::carried_hash(&self.core.keys, account, message_id);
        ops::carried::first_reception(&self.view, self.now(), &hash)
    }

    /// How much an account may have, by its own quota where it has one, else by the store's settings.
    pub fn allowance(&self, account: &Account) -> Usage {
        quota::allowance(account, &self.core.settings)
    }

    /// Whether an account has as much as it may have: nobody may write to it now (M-12).
    pub fn is_full(&self, account: &Account) -> Result<bool> {
        let (usage, most) = (self.usage(account.id)?, self.allowance(account));
        Ok(usage.messages >= most.messages || usage.bytes >= most.bytes)
    }

    /// The last day whose messages are gone.
    pub(crate) fn erased(&self) -> Result<Day> {
        Ok(self.view.marks()?.erased)
    }

    fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    pub(crate) fn open_trace(&self, day: Day, key: &[u8], sealed: &[u8]) -> Result<Trace> {
        let day_key = self.core.reading_key(KeyKind::Trace, day)?;
        let plain = day_key.open_record(key, sealed).map_err(|_| StoreError::Corrupt("trace"))?;
        records::decode(&plain, "trace")
    }

    pub(crate) fn view(&self) -> &Sighted {
        &self.view
    }

    pub(crate) fn core(&self) -> &Core {
        self.core
    }

    /// The boxes of an account, by identifier.
    pub(crate) fn box_ids(&self, account: AccountId) -> Result<Vec<BoxId>> {
        boxes::of_account(&self.view, account)
    }
}

/// A snapshot that knows what is gone in it.
pub(crate) struct Sighted {
    snapshot: Snapshot,
    marks: OnceLock<Marks>,
}

impl Deref for Sighted {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

impl View for Sighted {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.snapshot.get(family, key)
    }

    fn scan(&self, family: Family, from: &[u8], until: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.snapshot.scan(family, from, until, visit)
    }
}

impl Sight for Sighted {
    fn marks(&self) -> Result<Marks> {
        if let Some(marks) = self.marks.get() {
            return Ok(*marks);
        }
        let marks = Marks::from(&sight::counters(&self.snapshot)?);
        Ok(*self.marks.get_or_init(|| marks))
    }
}
