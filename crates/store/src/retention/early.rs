//! Structures that keep messages for a shorter time (S-4.3): at their date messages leave the boxes of its accounts as
//! if they were expunged; a body goes with the last message that refers to it, or with its day.

use crate::{
    AccountId, Result, Store, StoreError,
    day::Day,
    engine::{Family, View as _},
    ids::{BoxId, Uid},
    keys, ops,
    reader::Reader,
    retention::{KeepPlan, Skipped},
    rows::{
        accounts, boxes,
        sight::{self, Sight as _},
    },
};

/// Messages that leave a box in one operation.
const PIECE: usize = 200;
/// Accounts that are looked at in one read.
const ACCOUNTS: usize = 200;

/// Messages that leave a box: received on that day or before.
struct Leaving {
    id: BoxId,
    through: Day,
    uids: Vec<Uid>,
}

impl Store {
    /// Takes out what is due at structures with a term of their own; how many messages left.
    pub(super) async fn let_go_early(
        &self,
        plan: &KeepPlan,
        today: Day,
        skipped: &mut Skipped,
    ) -> Result<u64> {
        let mut left = 0;
        let mut after = None;
        while !plan.structures.is_empty() {
            let plan = plan.clone();
            let (page, next, damaged) = self.read(move |reader| page(reader, &plan, today, after)).await?;
            skipped.absorb(damaged);
            for (account, through) in page {
                let (leaving, damaged) = self.read(move |reader| leaving(reader, account, through)).await?;
                skipped.absorb(damaged);
                for one in leaving {
                    left += self.let_go(one, skipped).await?;
                }
            }
            if next.is_none() {
                break;
            }
            after = next;
        }
        Ok(left)
    }

    /// Takes messages out of a box; those that are damaged, or whose bodies are, stay there.
    async fn let_go(&self, Leaving { id, through, uids }: Leaving, skipped: &mut Skipped) -> Result<u64> {
        let mut left = 0;
        for piece in uids.chunks(PIECE) {
            let all = piece.to_vec();
            match self.submit(move |txn| ops::retention::let_go(txn, id, &all, through)).await {
                Err(error) if error.is_damage() => {}
                done => {
                    left += done?;
                    continue;
                }
            }
            for &uid in piece {
                let done = self.submit(move |txn| ops::retention::let_go(txn, id, &[uid], through)).await;
                left += skipped.of_box(id, done)?.unwrap_or(0);
            }
        }
        Ok(left)
    }
}

/// Accounts of a page with a term of their own, each with the last day that is due; where the next page begins; accounts
/// that do not open.
type Page = (Vec<(AccountId, Day)>, Option<AccountId>, Skipped);

fn page(reader: &Reader<'_>, plan: &KeepPlan, today: Day, after: Option<AccountId>) -> Result<Page> {
    let (mut terms, mut next, mut skipped) = (vec![], None, Skipped::default());
    let mut seen = 0;
    let mut from = keys::account(after.unwrap_or(AccountId(0)));
    from.push(0);
    let (_, until) = keys::under(b"a");
    reader.view().scan(Family::Accounts, &from, &until, &mut |key, sealed| {
        let id = AccountId(keys::last_u64(key).ok_or(StoreError::Corrupt("account key"))?);
        let opened = accounts::open_account(&reader.core().keys, id, key, sealed);
        let structure = skipped.of_account(id, opened)?.and_then(|account| account.profile.structure);
        if let Some(term) = structure.and_then(|structure| plan.of(&structure)) {
            terms.push((id, Day::from(term.last_due(today.date()))));
        }
        (seen, next) = (seen + 1, Some(id));
        Ok(seen < ACCOUNTS)
    })?;
    Ok((terms, next, skipped))
}

/// What an account's boxes have of days up to that one.
fn leaving(reader: &Reader<'_>, account: AccountId, through: Day) -> Result<(Vec<Leaving>, Skipped)> {
    let (mut found, mut skipped) = (vec![], Skipped::default());
    for id in reader.box_ids(account)? {
        let uids = skipped.of_box(id, due_of_box(reader, id, through))?.unwrap_or_default();
        if !uids.is_empty() {
            found.push(Leaving { id, through, uids });
        }
    }
    Ok((found, skipped))
}

fn due_of_box(reader: &Reader<'_>, id: BoxId, through: Day) -> Result<Vec<Uid>> {
    let view = reader.view();
    let marks = view.marks()?;
    let days: Vec<(Day, u32)> = boxes::tallies(view, id, through)?
        .into_iter()
        .filter(|(day, _)| !marks.are_past(*day))
        .map(|(day, tally)| (day, tally.messages))
        .collect();
    let mut uids = vec![];
    sight::each_of(view, id, &days, &mut |uid, _| {
        uids.push(uid);
        Ok(())
    })?;
    Ok(uids)
}
