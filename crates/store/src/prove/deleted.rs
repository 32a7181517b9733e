//! What was deleted and is not cleared away yet: removed accounts still have boxes, deleted boxes hold bodies, an
//! unfinished COPY knows what it made.

use crate::{
    Result, StoreError,
    engine::{Family, View},
    ids::{AccountId, BoxId, Uid},
    keys,
    prove::Proof,
    records::{self, CopyingRun, DeletedBox},
    rows::{boxes, messages},
};

impl Proof<'_> {
    pub(super) fn deleted(&mut self) -> Result<()> {
        for (key, _) in self.rows(&keys::removed_accounts())? {
            let id = AccountId(keys::last_u64(&key).ok_or(StoreError::Corrupt("removed account"))?);
            self.removed_account(id)?;
        }
        for (key, value) in self.rows(&keys::deleted_boxes())? {
            let id = BoxId(keys::last_u64(&key).ok_or(StoreError::Corrupt("deleted box"))?);
            self.deleted_box(id, records::decode(&value, "deleted box")?)?;
        }
        for (key, value) in self.rows(&keys::all_copying())? {
            let first = keys::last_uid(&key).ok_or(StoreError::Corrupt("copy mark"))?;
            self.copying(first, records::decode(&value, "copy mark")?)?;
        }
        Ok(())
    }

    fn removed_account(&mut self, id: AccountId) -> Result<()> {
        self.report.clearing += 1;
        let gone = self.reader.account(id)?.is_none();
        self.expect(gone, || format!("account {id}"), "it is said to be removed, and is there");
        for mailbox in self.reader.box_ids(id)? {
            self.mailbox(id, mailbox)?;
        }
        Ok(())
    }

    fn deleted_box(&mut self, id: BoxId, deleted: DeletedBox) -> Result<()> {
        self.report.clearing += 1;
        self.deleted.insert(id);
        let view = self.reader.view();
        let gone = boxes::state(view, id)?.is_none() && !self.boxes.contains(&id);
        self.expect(gone, || format!("box {id}"), "it is said to be deleted, and is there");
        let Some(next) = deleted.released.checked_add(1).and_then(Uid::new) else { return Ok(()) };
        messages::references(view, id, next, &mut |_, reference| {
            if reference.body.day <= self.erased {
                return Ok(true);
            }
            let (references, variants) = self.bodies.entry(reference.body).or_default();
            *references += 1;
            variants.insert(reference.variant);
            Ok(true)
        })
    }

    fn copying(&mut self, first: Uid, run: CopyingRun) -> Result<()> {
        self.report.clearing += 1;
        // Its box may have been deleted meanwhile.
        let next = boxes::state(self.reader.view(), run.to)?.map(|state| state.uid_next);
        let made = first <= run.last && next.is_none_or(|next| run.last < next);
        self.expect(made, || format!("box {}", run.to), "a copy is said to have made what never was there");
        Ok(())
    }

    fn rows(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut rows = vec![];
        let (from, until) = keys::under(prefix);
        self.reader.view().scan(Family::Accounts, &from, &until, &mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            Ok(true)
        })?;
        Ok(rows)
    }
}
