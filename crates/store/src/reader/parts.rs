//! The parts of one message, found by one look at where it lies.
//!
//! May use: a snapshot, the keys of days. Must never hold more of a body than one chunk.

use bytes::Bytes;
use message::IndexRecord;

use super::{Reader, mailbox::there};
use crate::{BodyReader, BoxId, Result, StoreError, Uid, keys, records::Reference, rows::messages};

/// Longest body that a look into memory opens.
const OPENED_AT_ONCE: u64 = 16 << 10;

/// Which parts of a message are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// What listings show of it.
    pub index: bool,
    /// Its header.
    pub header: bool,
    /// Its body.
    pub body: bool,
}

/// The parts of a message that were asked for.
#[derive(Default)]
pub struct Parts {
    /// What listings show of it.
    pub index: Option<IndexRecord>,
    /// Its header: its variant, blank line included.
    pub header: Option<Bytes>,
    /// Its body, to be read.
    pub body: Option<BodyReader>,
}

#[allow(clippy::missing_errors_doc, reason = "said once, at the type")]
impl Reader<'_> {
    /// Parts of a message, all that were asked for; none if the message is gone.
    pub fn parts(&self, id: BoxId, uid: Uid, asked: Asked) -> Result<Option<Parts>> {
        let Some(reference) = messages::reference(self.view(), id, uid)? else { return Ok(None) };
        there(self.parts_of(&reference, asked))
    }

    /// What [`BodyReader::chunk`] gives, as this snapshot has it; none if that is not in memory and this reader must not look
    /// further, or if it is much.
    pub fn chunk_at_hand(&self, body: &BodyReader, offset: u64) -> Result<Option<Bytes>> {
        if self.view().is_near() && body.len() > OPENED_AT_ONCE {
            return Ok(None);
        }
        match body.chunk_in(self.view(), offset) {
            Err(StoreError::Busy) if self.view().forgive() => Ok(None),
            chunk => chunk.map(Some),
        }
    }

    fn parts_of(&self, reference: &Reference, asked: Asked) -> Result<Parts> {
        let Reference { body, variant, .. } = *reference;
        let mut parts = Parts::default();
        if asked.index {
            let plain = self.sealed_record(body, &keys::index(body, variant))?;
            let index = IndexRecord::decode(&plain).map_err(|_| StoreError::Corrupt("index record"))?;
            parts.index = Some(index);
        }
        if asked.header {
            parts.header = Some(self.sealed_record(body, &keys::header(body, variant))?.into());
        }
        if asked.body {
            parts.body = Some(self.body_of(body)?);
        }
        Ok(parts)
    }
}
