//! Reads: everything seen through one snapshot. Blocking; [`crate::Store::read`] runs them off the runtime's threads.

use std::marker::PhantomData;

use bytes::Bytes;
use message::IndexRecord;
use mssante::Address;

use crate::{
    Account, AccountId, BodyReader, BoxId, BoxInfo, Changes, Credential, CredentialId, Entry, ModSeq, Result, Trace,
    TraceId, Uid,
};

/// One snapshot of the store. Blocking.
///
/// Every method gives `Corrupt` if what it reads does not open, `Engine` if the engine fails.
#[allow(clippy::missing_errors_doc)]
pub struct Reader<'store>(PhantomData<&'store ()>);

impl Reader<'_> {
    /// The account, if there is one.
    pub fn account(&self, _id: AccountId) -> Result<Option<Account>> {
        todo!()
    }
    /// The account that has this login or MSSanté address.
    pub fn account_by_address(&self, _address: &Address) -> Result<Option<Account>> {
        todo!()
    }
    /// At most `limit` accounts after `after`, ascending.
    pub fn accounts(&self, _after: Option<AccountId>, _limit: usize) -> Result<Vec<Account>> {
        todo!()
    }
    /// Application passwords of an account, without secrets, oldest first.
    pub fn credentials(&self, _account: AccountId) -> Result<Vec<Credential>> {
        todo!()
    }
    /// Which application password of the account this is, if any. Keyed hash, compared in constant time (S-7.3).
    pub fn verify_password(&self, _account: AccountId, _secret: &[u8]) -> Result<Option<CredentialId>> {
        todo!()
    }
    /// Boxes of an account, by name.
    pub fn boxes(&self, _account: AccountId) -> Result<Vec<BoxInfo>> {
        todo!()
    }
    /// The box of that name; INBOX without case.
    pub fn box_by_name(&self, _account: AccountId, _name: &str) -> Result<Option<BoxInfo>> {
        todo!()
    }
    /// The box, if it exists.
    pub fn box_info(&self, _id: BoxId) -> Result<Option<BoxInfo>> {
        todo!()
    }
    /// Every message of the box, ascending.
    pub fn messages(&self, _id: BoxId) -> Result<Vec<Entry>> {
        todo!()
    }
    /// Messages with UIDs from `from` to `to`, both included, ascending.
    pub fn entries(&self, _id: BoxId, _from: Uid, _to: Uid) -> Result<Vec<Entry>> {
        todo!()
    }
    /// One message.
    pub fn entry(&self, _id: BoxId, _uid: Uid) -> Result<Option<Entry>> {
        todo!()
    }
    /// What changed since a mod-sequence (RFC 7162). `NotFound` if there is no such box.
    pub fn changes(&self, _id: BoxId, _since: ModSeq) -> Result<Changes> {
        todo!()
    }
    /// The journey that brought a message here, if one did (S-4.5).
    pub fn origin(&self, _id: BoxId, _uid: Uid) -> Result<Option<TraceId>> {
        todo!()
    }
    /// Index record of a message.
    pub fn index(&self, _id: BoxId, _uid: Uid) -> Result<Option<IndexRecord>> {
        todo!()
    }
    /// Header of a message: its variant, blank line included.
    pub fn header(&self, _id: BoxId, _uid: Uid) -> Result<Option<Bytes>> {
        todo!()
    }
    /// Body of a message.
    pub fn body(&self, _id: BoxId, _uid: Uid) -> Result<Option<BodyReader>> {
        todo!()
    }
    /// Traces of a journey, in the order they were written.
    pub fn traces(&self, _id: &TraceId) -> Result<Vec<Trace>> {
        todo!()
    }
    /// Whether a message with this Message-ID was carried for the account in the last 15 months (S-3.9).
    pub fn carried(&self, _account: AccountId, _message_id: &str) -> Result<bool> {
        todo!()
    }
}
