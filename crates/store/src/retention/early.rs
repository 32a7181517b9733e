//! Structures that keep messages for a shorter time (S-4.3): at their date messages leave the boxes of its accounts as
//! if they were expunged; a body goes with the last message that refers to it, or with its day.

use crate::{
    AccountId, Result, Store,
    day::Day,
    ids::{BoxId, Uid},
    ops,
    reader::Reader,
    retention::KeepPlan,
    rows::{
        boxes,
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
    pub(super) async fn let_go_early(&self, plan: &KeepPlan, today: Day) -> Result<u64> {
        let mut left = 0;
        let mut after = None;
        while !plan.structures.is_empty() {
            let plan = plan.clone();
            let (page, next) = self.read(move |reader| page(reader, &plan, today, after)).await?;
            for (account, through) in page {
                for Leaving { id, through, uids } in
                    self.read(move |reader| leaving(reader, account, through)).await?
                {
                    for piece in uids.chunks(PIECE) {
                        let piece = piece.to_vec();
                        left +=
                            self.submit(move |txn| ops::retention::let_go(txn, id, &piece, through)).await?;
                    }
                }
            }
            if next.is_none() {
                break;
            }
            after = next;
        }
        Ok(left)
    }
}

/// Accounts of a page with a term of their own, each with the last day that is due; where the next page begins.
type Page = (Vec<(AccountId, Day)>, Option<AccountId>);

fn page(reader: &Reader<'_>, plan: &KeepPlan, today: Day, after: Option<AccountId>) -> Result<Page> {
    let accounts = reader.accounts(after, ACCOUNTS)?;
    let next = accounts.last().map(|account| account.id);
    let terms = accounts.into_iter().filter_map(|account| {
        let term = plan.of(account.profile.structure.as_ref()?)?;
        Some((account.id, Day::from(term.last_due(today.date()))))
    });
    Ok((terms.collect(), next))
}

/// What an account's boxes have of days up to that one.
fn leaving(reader: &Reader<'_>, account: AccountId, through: Day) -> Result<Vec<Leaving>> {
    let view = reader.view();
    let marks = view.marks()?;
    let mut found = vec![];
    for id in reader.box_ids(account)? {
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
        if !uids.is_empty() {
            found.push(Leaving { id, through, uids });
        }
    }
    Ok(found)
}
