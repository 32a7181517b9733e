//! Strangers: every key is of a sort that [`crate::keys`] lays out, and whom it names is there. Chunks are counted with
//! their bodies.

use crate::{
    Result, StoreError,
    engine::{Family, View},
    ids::AccountId,
    keys,
    prove::{Proof, count},
    records::{self, AddressRecord},
};

/// Families whose keys are looked at one by one.
const LOOKED_AT: [Family; 4] = [Family::Accounts, Family::Index, Family::Traces, Family::Queue];

impl Proof<'_> {
    pub(super) fn strangers(&mut self) -> Result<()> {
        for family in LOOKED_AT {
            let mut unknown = 0_u64;
            self.reader.view().scan(family, &[], &[0xff; 40], &mut |key, _| {
                unknown += u64::from(!keys::is_known(family, key));
                Ok(true)
            })?;
            let problem = format!("rows of no known sort: {unknown}");
            self.expect(unknown == 0, || family.name().into(), &problem);
        }
        self.addresses()?;
        self.openings()?;
        self.subscriptions()?;
        self.credentials()
    }

    /// An address that is live belongs to an account that is there, and each account has as many as it says.
    fn addresses(&mut self) -> Result<()> {
        let (from, until) = keys::under(b"d");
        let (mut live, mut lost) = (0_u64, 0_u64);
        let view = self.reader.view();
        view.scan(Family::Accounts, &from, &until, &mut |_, value| {
            let AddressRecord { account, live: used } = records::decode(value, "address")?;
            let there = view.get(Family::Accounts, &keys::account(account))?.is_some();
            live += u64::from(used);
            lost += u64::from(used && !there);
            Ok(true)
        })?;
        let named = self.addresses;
        self.expect(lost == 0, || "accounts".into(), "an address leads to an account that is gone");
        self.expect(
            live == named + lost,
            || "accounts".into(),
            "an address leads to an account that lacks it",
        );
        Ok(())
    }

    /// A person finds the accounts that list them, and no others.
    fn openings(&mut self) -> Result<()> {
        let rows = count(self.reader.view(), Family::Accounts, b"O")? as u64;
        let named = self.openings;
        self.expect(rows == named, || "accounts".into(), "somebody finds an account that does not list them");
        Ok(())
    }

    /// A name that is subscribed to and that no box has belongs to an account that is there.
    fn subscriptions(&mut self) -> Result<()> {
        let rows = count(self.reader.view(), Family::Accounts, b"S")? as u64;
        let named = self.subscriptions;
        self.expect(rows == named, || "accounts".into(), "a subscription belongs to no account");
        Ok(())
    }

    fn credentials(&mut self) -> Result<()> {
        let (from, until) = keys::under(b"c");
        let view = self.reader.view();
        let mut lost = 0_u64;
        view.scan(Family::Accounts, &from, &until, &mut |key, _| {
            let account = keys::part(key, 1).map(u64::from_be_bytes).map(AccountId);
            let account = account.ok_or(StoreError::Corrupt("credential key"))?;
            lost += u64::from(view.get(Family::Accounts, &keys::account(account))?.is_none());
            Ok(true)
        })?;
        self.expect(lost == 0, || "accounts".into(), "an application password belongs to no account");
        Ok(())
    }
}
