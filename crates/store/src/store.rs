//! The door: opening, reading, writing, watching.

use mssante::{Profile, State};
use tokio::sync::watch;

use crate::{
    Account, AccountId, Appended, BodyWriter, BoxId, BoxInfo, Copied, CredentialId, Delivered, Delivery, Entry,
    FlagChange, Incoming, Kind, ModSeq, OpenError, OpenOptions, Reader, Result, SpecialUse, Statistics, Trace, Uid,
    prove::{Fault, ProofReport},
};

/// Everything that is kept. Cheap to clone.
#[derive(Clone)]
pub struct Store {}

#[allow(unused_variables, missing_docs, clippy::missing_errors_doc, clippy::unused_async)]
impl Store {
    pub fn open(options: OpenOptions) -> std::result::Result<Self, OpenError> { todo!() }
    pub fn kind(&self) -> Kind { todo!() }
    pub fn close(self) -> Result<()> { todo!() }
    pub fn prove(&self) -> std::result::Result<ProofReport, Vec<Fault>> { todo!() }
    pub async fn read<T: Send + 'static>(&self, f: impl FnOnce(&Reader<'_>) -> Result<T> + Send + 'static) -> Result<T> { todo!() }
    pub fn reader(&self) -> Reader<'_> { todo!() }
    pub async fn create_account(&self, profile: Profile, state: State, openers: Vec<AccountId>, trace: Trace) -> Result<Account> { todo!() }
    pub async fn update_account(&self, account: Account, trace: Trace) -> Result<Account> { todo!() }
    pub async fn remove_account(&self, account: AccountId, trace: Trace) -> Result<()> { todo!() }
    pub async fn create_password(&self, account: AccountId, name: String, secret: &[u8], trace: Trace) -> Result<CredentialId> { todo!() }
    pub async fn revoke_password(&self, account: AccountId, credential: CredentialId, trace: Trace) -> Result<bool> { todo!() }
    pub async fn create_box(&self, account: AccountId, name: &str, special_use: Option<SpecialUse>) -> Result<BoxInfo> { todo!() }
    pub async fn delete_box(&self, id: BoxId) -> Result<()> { todo!() }
    pub async fn rename_box(&self, id: BoxId, name: &str) -> Result<()> { todo!() }
    pub async fn subscribe(&self, account: AccountId, name: &str, on: bool) -> Result<()> { todo!() }
    pub fn body(&self) -> BodyWriter { todo!() }
    pub async fn deliver(&self, delivery: Delivery) -> Result<Delivered> { todo!() }
    pub async fn append(&self, to: BoxId, message: Incoming, trace: Option<Trace>) -> Result<Appended> { todo!() }
    pub async fn store_flags(&self, id: BoxId, uids: Vec<Uid>, change: FlagChange) -> Result<Vec<Entry>> { todo!() }
    pub async fn expunge(&self, id: BoxId, which: Option<Vec<Uid>>) -> Result<Vec<Uid>> { todo!() }
    pub async fn copy(&self, from: BoxId, uids: Vec<Uid>, to: BoxId) -> Result<Copied> { todo!() }
    pub async fn move_(&self, from: BoxId, uids: Vec<Uid>, to: BoxId) -> Result<Copied> { todo!() }
    pub async fn trace(&self, trace: Trace) -> Result<()> { todo!() }
    pub fn watch(&self, id: BoxId) -> watch::Receiver<ModSeq> { todo!() }
    pub fn watch_account(&self, id: AccountId) -> watch::Receiver<u64> { todo!() }
    pub fn is_shedding(&self) -> bool { todo!() }
    pub fn statistics(&self) -> Statistics { todo!() }
}
