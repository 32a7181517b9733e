//! The `queue` commands: a request for each page that the daemon gives. What comes is shown as it comes, however much it is.

use crate::{
    cli::{Filter, Queue, QueueAction, Remote, WhichQueued},
    control::{
        client::call,
        protocol::{
            Answer, Request,
            queue::{self, Change, Changed, QueuedView},
        },
    },
    exit::Failure,
    print,
};

use super::{ask, socket, unexpected};

pub(super) fn queue(remote: &Remote<Queue>, as_json: bool) -> Result<(), Failure> {
    let (change, which) = match &remote.what.action {
        QueueAction::List(filter) => return list(remote, filter, as_json),
        QueueAction::Show { id } => return ask(remote, &Request::QueueShow { id: *id }, as_json),
        QueueAction::Stats => return ask(remote, &Request::QueueStats {}, as_json),
        QueueAction::Retry(which) => (Change::Retry, which),
        QueueAction::Hold(which) => (Change::Hold, which),
        QueueAction::Release(which) => (Change::Release, which),
        QueueAction::Bounce(which) => (Change::Bounce, which),
        QueueAction::Remove(which) => (Change::Remove, which),
    };
    carry_out(remote, change, which, as_json)
}

fn list(remote: &Remote<Queue>, filter: &Filter, as_json: bool) -> Result<(), Failure> {
    let socket = socket(remote)?;
    let (mut pages, mut after) = (print::QueuePages::new(as_json), None);
    loop {
        let (entries, next): (Vec<QueuedView>, _) =
            match call(&socket, &Request::QueueList { after, filter: filter.into() })? {
                Answer::Queue { entries, next } => (entries, next),
                Answer::Refused(refused) => return Err(refused.into()),
                _ => return Err(unexpected()),
            };
        pages.show(&entries);
        if next.is_none() {
            pages.end();
            return Ok(());
        }
        after = next;
    }
}

fn carry_out(
    remote: &Remote<Queue>,
    change: Change,
    which: &WhichQueued,
    as_json: bool,
) -> Result<(), Failure> {
    /// As many are shown one by one.
    const SHOWN: usize = 1_000;
    let socket = socket(remote)?;
    let (mut total, mut after) = (Changed::default(), None);
    loop {
        let next = match call(&socket, &Request::QueueChange { change, which: which.into(), after })? {
            Answer::QueueChanged { changed, next, .. } => {
                total.entries += changed.entries;
                total.reports += changed.reports;
                total.lane |= changed.lane;
                total.shown.extend(changed.shown);
                total.shown.truncate(SHOWN);
                next
            }
            Answer::Refused(refused) => return Err(refused.into()),
            _ => return Err(unexpected()),
        };
        if next.is_none() {
            break;
        }
        after = next;
    }
    print::answer(&Answer::QueueChanged { change, changed: total, next: None }, as_json);
    Ok(())
}

impl From<&Filter> for queue::Filter {
    fn from(filter: &Filter) -> Self {
        let Filter { domain, via, message, older, held } = filter.clone();
        Self { lane: domain.map(store::Lane::Peers).or(via), message, older, held }
    }
}

impl From<&WhichQueued> for queue::Which {
    fn from(which: &WhichQueued) -> Self {
        let WhichQueued { ids, domain, via, message, older, held, .. } = which.clone();
        if ids.is_empty() {
            Self::Those((&Filter { domain, via, message, older, held }).into())
        } else {
            Self::Ids(ids)
        }
    }
}
