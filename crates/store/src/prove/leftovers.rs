//! Leftovers: nothing belongs to a box or an account that is gone, no body is half written.

use crate::{
    Result, StoreError,
    engine::{Family, View},
    ids::{AccountId, BoxId},
    keys,
    prove::{Activity, Proof, count},
};

impl Proof<'_> {
    /// Expects that no body is being written, unless the store is in use.
    pub(super) fn leftovers(&mut self) -> Result<()> {
        let unfinished = count(self.reader.view(), Family::Accounts, b"x")?;
        let expected = unfinished == 0 || self.now == Activity::Running;
        self.expect(expected, || "bodies".into(), "bodies are being written, or were left unfinished");
        for prefix in [b"f", b"g", b"q", b"v", b"w", b"y"] {
            self.of_known_boxes(Family::Index, prefix, |id, proof| proof.boxes.contains(&id))?;
        }
        self.of_known_boxes(Family::Index, b"e", |id, proof| {
            proof.boxes.contains(&id) || proof.deleted.contains(&id)
        })?;
        for prefix in [b"b", b"s", b"z"] {
            self.of_known_boxes(Family::Accounts, prefix, |id, proof| proof.boxes.contains(&id))?;
        }
        let names = count(self.reader.view(), Family::Accounts, b"n")?;
        let lists = count(self.reader.view(), Family::Accounts, b"l")?;
        let boxes = self.boxes.len();
        self.expect(
            names == boxes && lists == boxes,
            || "boxes".into(),
            "names or lists name boxes that are gone",
        );
        let inboxes = count(self.reader.view(), Family::Accounts, b"i")? as u64;
        self.expect(inboxes == self.report.accounts, || "accounts".into(), "an INBOX belongs to no account");
        self.usage_of_known_accounts()
    }

    fn usage_of_known_accounts(&mut self) -> Result<()> {
        let (from, until) = keys::under(b"u");
        let mut strangers = 0;
        let view = self.reader.view();
        let mut accounts = vec![];
        view.scan(Family::Accounts, &from, &until, &mut |key, _| {
            accounts.push(AccountId(keys::last_u64(key).ok_or(StoreError::Corrupt("usage key"))?));
            Ok(true)
        })?;
        for account in accounts {
            let removed = view.get(Family::Accounts, &keys::removed_account(account))?.is_some();
            let known = removed || view.get(Family::Accounts, &keys::account(account))?.is_some();
            strangers += usize::from(!known);
        }
        self.expect(strangers == 0, || "accounts".into(), "usage is counted for no account");
        Ok(())
    }

    fn of_known_boxes(
        &mut self,
        family: Family,
        prefix: &[u8],
        known: fn(BoxId, &Self) -> bool,
    ) -> Result<()> {
        let (from, until) = keys::under(prefix);
        let mut strangers = vec![];
        self.reader.view().scan(family, &from, &until, &mut |key, _| {
            let id = keys::part(key, 1).map(|bytes| BoxId(u64::from_be_bytes(bytes)));
            if !id.is_some_and(|id| known(id, self)) {
                strangers.push(id);
            }
            Ok(strangers.len() < 10)
        })?;
        for id in strangers {
            self.fault(format!("{} {id:?}", family.name()), "it belongs to no box");
        }
        Ok(())
    }
}
