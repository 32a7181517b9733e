//! The one check of what is switched off: which extensions a command and its arguments need.
//! May use commands. Must never decide anything else about them.

use crate::{
    command::{
        Command, ConnectionCommand, FetchItem, ListArgs, ListSelect, Messages, SearchKey, SearchReturn,
        SelectParams, SelectedCommand, SequenceSet, SessionCommand, StatusItem,
    },
    completion::Completion,
};

use super::{Extension, Extensions};

/// BAD for a command that needs what is not offered here.
pub(crate) fn refusal(command: &Command, offered: Extensions) -> Option<Completion> {
    let mut missing = None;
    of_command(command, &mut |extension| {
        if !offered.has(extension) {
            missing.get_or_insert(extension);
        }
    });
    let name = command.name();
    missing.map(|extension| Completion::bad(format!("{name}: {} is not offered here", extension.name())))
}

fn of_command(command: &Command, need: &mut dyn FnMut(Extension)) {
    match command {
        Command::Idle => need(Extension::Idle),
        Command::Connection(ConnectionCommand::Id(_)) => need(Extension::Id),
        Command::Connection(ConnectionCommand::Authenticate { initial: Some(_), .. }) => {
            need(Extension::SaslIr);
        }
        Command::Connection(_) => {}
        Command::Session(SessionCommand::Selected(command)) => of_selected(command, need),
        Command::Session(command) => of_session(command, need),
    }
}

fn of_session(command: &SessionCommand, need: &mut dyn FnMut(Extension)) {
    match command {
        SessionCommand::Enable(_) => need(Extension::Enable),
        SessionCommand::Namespace => need(Extension::Namespace),
        SessionCommand::Select { params, .. } | SessionCommand::Examine { params, .. } => {
            of_params(params, need);
        }
        SessionCommand::Create { special_use, .. } if !special_use.is_empty() => {
            need(Extension::CreateSpecialUse);
        }
        SessionCommand::List(args) => of_list(args, need),
        SessionCommand::Status { items, .. } => items.iter().for_each(|item| of_status(*item, need)),
        SessionCommand::GetQuota(_) | SessionCommand::GetQuotaRoot(_) | SessionCommand::SetQuota => {
            need(Extension::Quota);
        }
        SessionCommand::MyRights(_) | SessionCommand::Acl { .. } => need(Extension::MyRights),
        _ => {}
    }
}

/// Of the forms of RFC 5258, those with special uses are older than it here: RFC 6154 §2 brings them along.
fn of_list(args: &ListArgs, need: &mut dyn FnMut(Extension)) {
    let ListSelect { subscribed, remote, recursive_match, special_use } = args.select;
    let returns = args.returns.as_ref();
    if special_use || returns.is_some_and(|returns| returns.special_use) {
        need(Extension::SpecialUse);
    }
    let wider = returns.is_some_and(|returns| returns.subscribed || returns.children);
    if subscribed || remote || recursive_match || wider || args.patterns.len() > 1 {
        need(Extension::ListExtended);
    }
    if let Some(returns) = returns.filter(|returns| !returns.status.is_empty()) {
        need(Extension::ListStatus);
        returns.status.iter().for_each(|item| of_status(*item, need));
    }
}

fn of_status(item: StatusItem, need: &mut dyn FnMut(Extension)) {
    match item {
        StatusItem::Size => need(Extension::StatusSize),
        StatusItem::HighestModSeq => need(Extension::CondStore),
        StatusItem::AppendLimit => need(Extension::AppendLimit),
        StatusItem::DeletedStorage => need(Extension::Quota),
        _ => {}
    }
}

fn of_item(item: &FetchItem, need: &mut dyn FnMut(Extension)) {
    match item {
        FetchItem::Binary(_) | FetchItem::BinarySize(_) => need(Extension::Binary),
        FetchItem::ModSeq => need(Extension::CondStore),
        FetchItem::SaveDate => need(Extension::SaveDate),
        _ => {}
    }
}

fn of_selected(command: &SelectedCommand, need: &mut dyn FnMut(Extension)) {
    match command {
        SelectedCommand::Unselect => need(Extension::Unselect),
        SelectedCommand::Expunge(Some(set)) => {
            need(Extension::UidPlus);
            of_set(set, need);
        }
        SelectedCommand::Copy { messages, .. } => of_messages(messages, need),
        SelectedCommand::Move { messages, .. } => {
            need(Extension::Move);
            of_messages(messages, need);
        }
        SelectedCommand::Fetch { messages, items, changed_since, vanished } => {
            of_messages(messages, need);
            items.iter().for_each(|item| of_item(item, need));
            if changed_since.is_some() {
                need(Extension::CondStore);
            }
            if *vanished {
                need(Extension::QResync);
            }
        }
        SelectedCommand::Store { messages, unchanged_since, .. } => {
            of_messages(messages, need);
            if unchanged_since.is_some() {
                need(Extension::CondStore);
            }
        }
        SelectedCommand::Search { returns, key, .. } => of_search(*returns, key, need),
        _ => {}
    }
}

fn of_params(params: &SelectParams, need: &mut dyn FnMut(Extension)) {
    if params.condstore {
        need(Extension::CondStore);
    }
    if params.qresync.is_some() {
        need(Extension::QResync);
    }
}

fn of_messages(messages: &Messages, need: &mut dyn FnMut(Extension)) {
    of_set(&messages.set, need);
}

fn of_set(set: &SequenceSet, need: &mut dyn FnMut(Extension)) {
    if set.is_saved() {
        need(Extension::SearchRes);
    }
}

fn of_search(returns: Option<SearchReturn>, key: &SearchKey, need: &mut dyn FnMut(Extension)) {
    if let Some(returns) = returns {
        need(Extension::ESearch);
        if returns.save {
            need(Extension::SearchRes);
        }
    }
    of_key(key, need);
}

fn of_key(key: &SearchKey, need: &mut dyn FnMut(Extension)) {
    match key {
        SearchKey::And(keys) => keys.iter().for_each(|key| of_key(key, need)),
        SearchKey::Or(one, other) => {
            of_key(one, need);
            of_key(other, need);
        }
        SearchKey::Not(key) => of_key(key, need),
        SearchKey::Sequence(set) | SearchKey::Uid(set) => of_set(set, need),
        SearchKey::ModSeq(_) => need(Extension::CondStore),
        SearchKey::Older(_) | SearchKey::Younger(_) => need(Extension::Within),
        SearchKey::SavedBefore(_)
        | SearchKey::SavedOn(_)
        | SearchKey::SavedSince(_)
        | SearchKey::SaveDateSupported => need(Extension::SaveDate),
        _ => {}
    }
}
