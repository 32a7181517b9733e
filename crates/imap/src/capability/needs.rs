//! The one check of what is switched off: which extensions a command and its arguments need.
//! May use commands. Must never decide anything else about them.

use crate::{
    command::{Command, ConnectionCommand, SelectedCommand, SessionCommand},
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
        SessionCommand::Create { special_use, .. } if !special_use.is_empty() => {
            need(Extension::CreateSpecialUse);
        }
        SessionCommand::List(args) => {
            let uses = args.select.special_use || args.returns.is_some_and(|returns| returns.special_use);
            if uses {
                need(Extension::SpecialUse);
            }
        }
        _ => {}
    }
}

fn of_selected(command: &SelectedCommand, need: &mut dyn FnMut(Extension)) {
    match command {
        SelectedCommand::Unselect => need(Extension::Unselect),
        SelectedCommand::Expunge(Some(_)) => need(Extension::UidPlus),
        SelectedCommand::Move { .. } => need(Extension::Move),
        _ => {}
    }
}
