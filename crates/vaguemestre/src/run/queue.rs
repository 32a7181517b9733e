//! The `queue` commands: a request for each page that the daemon gives.

use crate::{
    cli::{Queue, QueueAction, Remote},
    control::{
        client::call,
        protocol::{Answer, Request, queue::Which},
    },
    exit::Failure,
    print,
};

use super::{ask, socket, unexpected};

pub(super) fn queue(remote: &Remote<Queue>, as_json: bool) -> Result<(), Failure> {
    match &remote.what.action {
        QueueAction::List { .. } => list(remote, as_json),
        QueueAction::Show { id } => ask(remote, &Request::QueueShow { id: *id }, as_json),
        QueueAction::Retry { ids, domain, all } => {
            let which = match domain {
                Some(domain) => Which::Domain(domain.clone()),
                None if *all => Which::All,
                None => Which::Ids(ids.clone()),
            };
            retry(remote, &which, as_json)
        }
        QueueAction::Remove { ids } => ask(remote, &Request::QueueRemove { ids: ids.clone() }, as_json),
    }
}

fn list(remote: &Remote<Queue>, as_json: bool) -> Result<(), Failure> {
    let QueueAction::List { domain, message } = &remote.what.action else { return Ok(()) };
    let socket = socket(remote)?;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let request = Request::QueueList { after, domain: domain.clone(), message: message.clone() };
        let next = match call(&socket, &request)? {
            Answer::Queue { entries, next } => {
                all.extend(entries);
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
    print::answer(&Answer::Queue { entries: all, next: None }, as_json);
    Ok(())
}

fn retry(remote: &Remote<Queue>, which: &Which, as_json: bool) -> Result<(), Failure> {
    let socket = socket(remote)?;
    let (mut total, mut after) = (0, None);
    loop {
        let next = match call(&socket, &Request::QueueRetry { which: which.clone(), after })? {
            Answer::Retried { entries, next } => {
                total += entries;
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
    print::answer(&Answer::Retried { entries: total, next: None }, as_json);
    Ok(())
}
